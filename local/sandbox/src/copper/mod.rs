//! A fake Copper: its OAuth server, whose consent comes back as a POST, API keys, and the account. Its
//! records come later.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod oauth;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::frame::Setup;
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, credential, header, person};

/// One account and the app.
#[derive(Debug)]
pub(crate) struct Copper {
    tables: Tables,
    settings: Settings,
    base_url: String,
    client_id: String,
    client_secret: String,
    /// The admin's key.
    api_key: String,
}

/// The switches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    redirect_uris: Vec<String>,
    code_seconds: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/copper/callback".to_owned(),
            ],
            code_seconds: 10 * 60,
        }
    }
}

/// The only scope there is.
const SCOPE: &str = "developer/v1/all";

impl Copper {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            client_id: noise.hex("client", 64),
            client_secret: noise.hex("secret", 64),
            api_key: noise.hex("api key", 32),
            tables,
        }
    }

    /// Who is calling: by token, or by key, application and address together.
    fn caller(&self, request: &Request<Bytes>, now: Timestamp) -> Option<String> {
        if let Some(token) = credential(request, "Bearer") {
            return Some(self.tables.access(token, now)?.consent.user.clone());
        }
        let admin = PEOPLE.first().map_or("", |person| person.email);
        let key = header(request, "x-pw-accesstoken") == Some(&self.api_key);
        let application = header(request, "x-pw-application") == Some("developer_api");
        let email = header(request, "x-pw-useremail").unwrap_or_default();
        (key && application && email.eq_ignore_ascii_case(admin)).then(|| admin.to_owned())
    }

    fn data(&self, request: &Request<Bytes>, path: &str, now: Timestamp) -> Answer {
        let Some(user) = self.caller(request, now) else {
            return failed(401, "Unauthorized");
        };
        match path {
            "account" => {
                let settings = json!({ "enable_leads": true });
                Answer::json(
                    200,
                    json!({ "id": self.account(), "name": "Liveprompt Sandbox", "primary_timezone": "Etc/UTC",
                        "settings": settings }),
                )
            }
            "users/me" => {
                let found = person(&user);
                let id = self.tables.noise.number("user", 100_000);
                let name = found.map(|(_, person)| format!("{} {}", person.first, person.last));
                let id = id + found.map_or(0, |(number, _)| number);
                Answer::json(200, json!({ "id": id, "name": name, "email": user }))
            }
            _ => failed(404, "Resource not found"),
        }
    }

    fn account(&self) -> u64 {
        self.tables.noise.number("account", 100_000)
    }
}

fn failed(status: u16, message: &str) -> Answer {
    let body = json!({ "success": false, "status": status, "message": message });
    Answer::json(status, body)
}

impl Server for Copper {
    type Switches = Settings;

    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let path = request.uri().path();
        match (request.method().as_str(), path) {
            ("GET" | "POST", "/oauth/authorize") => self.authorize(request, now),
            ("POST", "/oauth/token") => self.token(request, now),
            ("GET", path) if path.starts_with("/developer_api/v1/") => {
                let what = path.trim_start_matches("/developer_api/v1/");
                self.data(request, what, now)
            }
            _ => failed(404, "Resource not found"),
        }
    }

    fn troubled(&mut self, trouble: Trouble, _: &Request<Bytes>, _: Timestamp) -> Answer {
        match trouble {
            Trouble::Server => failed(500, "Internal Server Error"),
            _ => failed(429, "Too Many Requests"),
        }
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let user = PEOPLE.first().map_or("", |person| person.email);
        let consent = Consent {
            user: user.to_owned(),
            scopes: vec![SCOPE.to_owned()],
            realm: String::new(),
        };
        let access = self.install(consent, None, now);
        json!({
            "base_url": self.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": null,
            "scope": SCOPE,
            "api_key": self.api_key,
            "api_key_email": user,
            "account": self.account().to_string(),
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
