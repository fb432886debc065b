//! The calls a key can be tried on: owners, and the fields of contacts.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Edition, Freshsales};
use crate::oauth::{Answer, PEOPLE, credential};

/// The common form of errors.
pub(super) fn failed(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        json!({ "errors": { "code": status, "message": [message] } }),
    )
}

impl Freshsales {
    /// The path below `/api`, if this account has that address.
    fn below_api(&self, path: &str) -> Option<String> {
        let suite = path.strip_prefix("/crm/sales/api/");
        let classic = path.strip_prefix("/api/");
        let below = match self.settings.edition {
            Edition::Suite => suite,
            Edition::Classic => classic,
            Edition::Both => suite.or(classic),
        };
        below.map(|below| below.trim_end_matches('/').to_owned())
    }

    /// Who is calling: by the key, or by a token of the organisation.
    fn caller(&self, request: &Request<Bytes>, now: Timestamp) -> Option<&str> {
        if let Some(token) = credential(request, "Bearer") {
            let access = self.tables.access(token, now);
            let access = access.filter(|_| self.settings.oauth_opens_api)?;
            return Some(&access.consent.user);
        }
        let key = credential(request, "Token")?.strip_prefix("token=")?;
        let key = key.trim_matches('"');
        let mut people = PEOPLE.iter();
        people
            .find(|person| self.key(person.email) == key)
            .map(|person| person.email)
    }

    pub(super) fn data(&self, request: &Request<Bytes>, path: &str, now: Timestamp) -> Answer {
        let Some(path) = self.below_api(path) else {
            // Whoever is at the wrong address is sent to the login page.
            return Answer::found(format!("{}/login", self.base_url));
        };
        let Some(user) = self.caller(request, now) else {
            let body = json!({ "login": "failed", "message": "Invalid credentials" });
            return Answer::json(401, body);
        };
        if self
            .settings
            .denied_users
            .iter()
            .any(|denied| denied == user)
        {
            return failed(403, "Access Denied");
        }
        match (request.method().as_str(), path.as_str()) {
            ("GET", "selector/owners") => Answer::json(200, json!({ "users": self.owners() })),
            ("GET", "settings/contacts/fields") => {
                Answer::json(200, json!({ "fields": self.fields() }))
            }
            _ => failed(404, "Not Found"),
        }
    }

    fn owners(&self) -> Vec<Value> {
        let people = (0..).zip(&PEOPLE);
        people
            .map(|(number, person)| {
                json!({
                    "id": self.tables.noise.number("user", 70_000_000_000) + number,
                    "display_name": format!("{} {}", person.first, person.last),
                    "email": person.email,
                    "is_active": true,
                    "work_number": null,
                    "mobile_number": null,
                })
            })
            .collect()
    }

    fn fields(&self) -> Vec<Value> {
        let fields = [
            ("first_name", "First name", "text"),
            ("last_name", "Last name", "text"),
            ("emails", "Emails", "email"),
            ("mobile_number", "Mobile", "phone"),
            ("job_title", "Job title", "text"),
            ("cf_hub_key", "Hub key", "text"),
        ];
        (1_u64..)
            .zip(fields)
            .map(|(number, (name, label, kind))| {
                json!({
                    "id": self.tables.noise.number("field", 70_000_000_000) + number,
                    "name": name,
                    "label": label,
                    "type": kind,
                    "default": !name.starts_with("cf_"),
                    "required": name == "emails",
                    "visible": true,
                    "position": number,
                    "choices": [],
                    "base_model": "Contact",
                })
            })
            .collect()
    }
}
