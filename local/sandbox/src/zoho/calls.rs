//! Who calls, and the calls a token can be tried on: the users and the org.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Zoho;
use super::api::{self, Call};
use super::org::id_of_user;
use super::refusal::Refusal;
use crate::oauth::{Answer, PEOPLE, credential, get, header, query};

pub(super) fn mismatch() -> Answer {
    let message = "invalid oauth scope to access this URL";
    Refusal::new(401, "OAUTH_SCOPE_MISMATCH", message).answer()
}

impl Zoho {
    pub(super) fn call(
        &mut self,
        request: &Request<Bytes>,
        path: &str,
        place: &str,
        now: Timestamp,
    ) -> Answer {
        let unknown = |code: &str, message: &str| Refusal::new(401, code, message).answer();
        if header(request, "authorization").is_none() {
            return unknown("AUTHENTICATION_FAILURE", "Authentication failed");
        }
        let token = credential(request, "Zoho-oauthtoken");
        let bearer = credential(request, "Bearer").filter(|_| self.org.settings.bearer);
        let access = token
            .or(bearer)
            .and_then(|token| self.tables.access(token, now))
            .filter(|access| access.consent.realm == place);
        let Some(access) = access else {
            return unknown("INVALID_TOKEN", "invalid oauth token");
        };
        let (user, scopes) = (access.consent.user.clone(), access.consent.scopes.clone());
        let call = Call::read(request, path);
        let about = match path {
            "/crm/v8/users" => Some("users"),
            "/crm/v8/org" => Some("org"),
            _ => None,
        };
        let is_open = match about {
            Some(part) => scopes.iter().any(|scope| opens(scope, part)),
            None => call.is_open_to(&scopes),
        };
        if about.is_some() && request.method() != http::Method::GET {
            return Refusal::no_method().answer();
        }
        if !is_open {
            return mismatch();
        }
        let settings = &self.org.settings;
        let answer = match self.limits.admit(call.cost(), settings, now) {
            Err(answer) => return answer,
            Ok(()) => match about {
                Some("users") => Answer::json(200, self.users(request, &user)),
                Some(_) => Answer::json(200, self.about_org(now)),
                None => api::answer(&mut self.org, &call, &user)
                    .unwrap_or_else(|refusal| refusal.answer()),
            },
        };
        self.limits.label(answer, &self.org.settings, now)
    }

    /// The id that names the org.
    pub(super) fn zgid(&self) -> String {
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
                let id = |what: &str| id_of_user(&self.tables.noise, what, number);
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
        let org = self.zgid();
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

/// Whether a scope opens the users, or the org.
fn opens(scope: &str, part: &str) -> bool {
    let rest = scope.strip_prefix("ZohoCRM.");
    let rest = rest.and_then(|rest| rest.strip_prefix(part));
    matches!(rest, Some(".READ" | ".ALL"))
}
