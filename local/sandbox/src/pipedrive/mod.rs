//! A fake Pipedrive: its OAuth server, API tokens, and who the caller is. Its records come later.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod oauth;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, credential, header, person};

/// One company and the app.
#[derive(Debug)]
pub(crate) struct Pipedrive {
    tables: Tables,
    settings: Settings,
    base_url: String,
    client_id: String,
    client_secret: String,
    /// The admin's personal token.
    api_token: String,
}

/// The switches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    redirect_uris: Vec<String>,
    /// What the app's registration asks for; the URL has no scopes.
    scopes: Vec<String>,
    /// Whether `expires_in` is a text, as in fixtures of the vendor's own library.
    expires_in_text: bool,
    /// Whether a refresh gives a new refresh token and kills the old one.
    refresh_rotation: bool,
    code_seconds: i64,
}

impl Default for Settings {
    fn default() -> Self {
        let scopes = [
            "base",
            "activities:full",
            "contacts:full",
            "deals:full",
            "search:read",
            "users:read",
            "admin",
        ];
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/pipedrive/callback".to_owned(),
            ],
            scopes: scopes.map(str::to_owned).to_vec(),
            expires_in_text: false,
            refresh_rotation: false,
            code_seconds: 5 * 60,
        }
    }
}

impl Pipedrive {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            client_id: noise.hex("client", 16),
            client_secret: noise.hex("secret", 40),
            api_token: noise.hex("api token", 40),
            tables,
        }
    }

    fn company(&self) -> u64 {
        self.tables.noise.number("company", 10_000_000)
    }

    fn me(&self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let admin = PEOPLE.first().map_or("", |person| person.email);
        let user = if header(request, "x-api-token") == Some(&self.api_token) {
            admin
        } else {
            let live = credential(request, "Bearer").and_then(|t| self.tables.access(t, now));
            match live {
                None => return unauthorized(),
                Some(access) if !access.consent.scopes.iter().any(|scope| scope == "base") => {
                    return mismatch();
                }
                Some(access) => &access.consent.user,
            }
        };
        let Some((number, person)) = person(user) else {
            return unauthorized();
        };
        let id = self.tables.noise.number("user", 10_000_000) + number;
        Answer::json(
            200,
            json!({
                "success": true,
                "data": {
                    "id": id,
                    "name": format!("{} {}", person.first, person.last),
                    "default_currency": "EUR",
                    "locale": "en_US",
                    "lang": 1,
                    "email": person.email,
                    "phone": null,
                    "activated": true,
                    "last_login": "2026-11-20 08:45:56",
                    "created": "2025-11-13 09:16:26",
                    "modified": "2026-11-20 08:45:56",
                    "has_created_company": number == 0,
                    "access": [{ "app": "sales", "admin": number == 0,
                        "permission_set_id": self.tables.noise.guid("permission set") }],
                    "active_flag": true,
                    "timezone_name": "Etc/UTC",
                    "timezone_offset": "+00:00",
                    "role_id": 1,
                    "icon_url": null,
                    "is_you": true,
                    "is_deleted": false,
                    "company_id": self.company(),
                    "company_name": "Liveprompt Sandbox",
                    "company_domain": "liveprompt-sandbox",
                    "company_country": "EE",
                    "company_industry": "IT Services",
                    "language": { "language_code": "en", "country_code": "US" },
                },
            }),
        )
    }
}

fn failed(status: u16, error: &str) -> Answer {
    let info = "Please check developers.pipedrive.com";
    Answer::json(
        status,
        json!({ "success": false, "error": error, "errorCode": status, "error_info": info }),
    )
}

fn unauthorized() -> Answer {
    failed(401, "unauthorized access").with("x-401-by-gw", "true")
}

fn mismatch() -> Answer {
    failed(403, "Scope and URL mismatch")
}

impl Server for Pipedrive {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = &[
        FaultKind {
            name: "missing_scopes",
            params: &[],
        },
        FaultKind {
            name: "cloudflare",
            params: &[],
        },
    ];
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        match (
            request.method().as_str(),
            request.uri().path().trim_end_matches('/'),
        ) {
            ("GET" | "POST", "/oauth/authorize") => self.authorize(request, now),
            ("POST", "/oauth/token") => self.token(request, now),
            ("POST", "/oauth/revoke") => self.revoke(request),
            ("GET", "/v1/users/me" | "/api/v1/users/me") => self.me(request, now),
            _ => failed(404, "Unknown method ."),
        }
    }

    fn troubled(&mut self, trouble: Trouble, _: &Request<Bytes>, _: Timestamp) -> Answer {
        let limited = |remaining: &str, reset: &str| {
            failed(429, "request over limit")
                .with("x-ratelimit-limit", "80")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", reset)
                .with("x-daily-ratelimit-token-remaining", remaining)
        };
        match trouble {
            Trouble::RateLimit | Trouble::Concurrency => limited("29000", "2"),
            Trouble::DailyLimit => limited("0", "36000"),
            Trouble::Server => failed(500, "Internal server error"),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, _: Timestamp) -> Option<Answer> {
        let page = "<html><head><title>Access denied | Cloudflare</title></head><body>Error 1015</body></html>";
        Some(match fault.name.as_str() {
            "missing_scopes" => mismatch(),
            _ => Answer::html(403, page),
        })
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let consent = Consent {
            user: PEOPLE.first().map_or("", |person| person.email).to_owned(),
            scopes: self.settings.scopes.clone(),
            realm: String::new(),
        };
        let (access, refresh) = self.install(consent, None, now);
        json!({
            "base_url": self.base_url,
            "api_domain": self.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": self.settings.scopes.join(","),
            "api_key": self.api_token,
            "account": self.company().to_string(),
        })
    }

    fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    fn switches(&self) -> &Settings {
        &self.settings
    }

    fn switches_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}
