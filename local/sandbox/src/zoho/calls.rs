//! The calls a token can be tried on: the users and the org.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Zoho;
use crate::oauth::{Answer, PEOPLE, credential, get, header, query};

/// The one form of all errors.
pub(super) fn failed(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "code": code, "details": {}, "message": message, "status": "error" });
    Answer::json(status, body)
}

pub(super) fn mismatch() -> Answer {
    let message = "invalid oauth scope to access this URL";
    failed(401, "OAUTH_SCOPE_MISMATCH", message)
}

impl Zoho {
    pub(super) fn call(
        &self,
        request: &Request<Bytes>,
        method: &str,
        path: &str,
        place: &str,
        now: Timestamp,
    ) -> Answer {
        if header(request, "authorization").is_none() {
            return failed(401, "AUTHENTICATION_FAILURE", "Authentication failed");
        }
        let token = credential(request, "Zoho-oauthtoken");
        let bearer = credential(request, "Bearer").filter(|_| self.settings.bearer);
        let access = token
            .or(bearer)
            .and_then(|token| self.tables.access(token, now))
            .filter(|access| access.consent.realm == place);
        let Some(access) = access else {
            return failed(401, "INVALID_TOKEN", "invalid oauth token");
        };
        let (part, body) = match path {
            "/crm/v8/users" => ("users", self.users(request, &access.consent.user)),
            "/crm/v8/org" => ("org", self.about_org(now)),
            _ => {
                let message = "Please check if the URL trying to access is a correct one";
                return failed(404, "INVALID_URL_PATTERN", message);
            }
        };
        if method != "GET" {
            let message = "The http request method type is not a valid one";
            return failed(400, "INVALID_REQUEST_METHOD", message);
        }
        let fits = |scope: &String| {
            let rest = scope.strip_prefix("ZohoCRM.");
            let rest = rest.and_then(|rest| rest.strip_prefix(part));
            matches!(rest, Some(".READ" | ".ALL"))
        };
        if !access.consent.scopes.iter().any(fits) {
            return mismatch();
        }
        Answer::json(200, body)
    }

    /// The id that names the org.
    pub(super) fn org(&self) -> String {
        self.tables.noise.number("org", 500_000_000).to_string()
    }

    fn users(&self, request: &Request<Bytes>, me: &str) -> Value {
        let query = query(request);
        let mine = get(&query, "type") == Some("CurrentUser");
        let users = (0..).zip(&PEOPLE).filter(|(_, p)| !mine || p.email == me);
        let users: Vec<Value> = users
            .map(|(number, person)| {
                let profile = if number == 0 {
                    "Administrator"
                } else {
                    "Standard"
                };
                let role = if number == 0 { "CEO" } else { "Manager" };
                let id =
                    |what: &str| format!("{}{number}", self.tables.noise.number(what, 500_000_000));
                json!({
                    "id": id("user"),
                    "zuid": id("zuid"),
                    "first_name": person.first,
                    "last_name": person.last,
                    "full_name": format!("{} {}", person.first, person.last),
                    "email": person.email,
                    "status": "active",
                    "confirm": true,
                    "language": "en_US",
                    "locale": "en_US",
                    "profile": { "name": profile, "id": id("profile") },
                    "role": { "name": role, "id": id("role") },
                })
            })
            .collect();
        let count = users.len();
        json!({ "users": users, "info": { "per_page": 200, "count": count, "page": 1, "more_records": false } })
    }

    fn about_org(&self, now: Timestamp) -> Value {
        let admin = PEOPLE.first().map_or("", |person| person.email);
        let org = self.org();
        let in_a_year = crate::oauth::after(now, 365 * 24 * 60 * 60);
        let mut about = json!({
            "id": self.tables.noise.number("crm", 5_000_000).to_string(),
            "zgid": org,
            "ezgid": self.tables.noise.hex("ezgid", 64),
            "primary_zuid": format!("{}0", self.tables.noise.number("zuid", 500_000_000)),
            "company_name": "Liveprompt Sandbox",
            "domain_name": format!("org{org}"),
            "primary_email": admin,
            "type": "Production",
            "country": "US", "country_code": "US",
            "phone": "", "website": "", "employee_count": "2",
            "currency": "US Dollar", "currency_locale": "en_US", "currency_symbol": "$", "iso_code": "USD",
            "time_zone": "Etc/UTC",
            "zia_zgid": 1, "max_per_page": 200, "call_icon": "default",
            "deletable_org_account": true, "oauth_presence": true,
            "license_details": { "paid_expiry": in_a_year, "users_license_purchased": 2, "trial_type": null,
                "trial_expiry": null, "paid": true, "paid_type": "enterprise", "trial_action": "" },
            "hierarchy_preferences": { "type": "Role_Hierarchy", "strictly_reporting": false },
            "checkin_preferences": { "restricted_event_types": null },
            "created_time": "2025-11-13T09:16:26+00:00",
        });
        let rest = json!({
            "alias": null, "city": null, "state": null, "street": null, "zip": null, "fax": null, "mobile": null,
            "description": null, "photo_id": null, "zia_portal_id": null,
            "mc_status": false, "gapps_enabled": false, "translation_enabled": false, "privacy_settings": false,
            "hipaa_compliance_enabled": false, "lite_users_enabled": false,
        });
        if let (Some(about), Value::Object(rest)) = (about.as_object_mut(), rest) {
            about.extend(rest);
        }
        json!({ "org": [about] })
    }
}
