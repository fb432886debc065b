//! A fake monday.com: its OAuth 2.1 server, personal tokens, and the two GraphQL fields that say who
//! the caller is. Its boards come later.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod graphql;
mod oauth;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble};

/// One account and the app.
#[derive(Debug)]
pub(crate) struct Monday {
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
    /// Whether an old refresh token that is shown again ends the lineage.
    reuse_revokes: bool,
    /// How long a consent lasts, whatever is refreshed.
    lineage_days: i64,
    access_seconds: i64,
    /// Whether an admin has installed the app; without that no member can connect.
    installed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/monday/callback".to_owned(),
            ],
            reuse_revokes: true,
            lineage_days: 183,
            access_seconds: 3600,
            installed: true,
        }
    }
}

/// What the app's registration asks for, and all it may be granted.
const SCOPES: &[&str] = &[
    "me:read",
    "account:read",
    "users:read",
    "boards:read",
    "boards:write",
    "updates:read",
    "updates:write",
    "workspaces:read",
    "webhooks:read",
    "webhooks:write",
    "assets:read",
    "assets:write",
    "notifications:write",
];

impl Monday {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        let uid = noise.number("user", 10_000_000);
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            client_id: noise.hex("client", 32),
            client_secret: noise.hex("secret", 32),
            api_token: noise.jwt(&json!({ "tid": noise.number("api token", 100_000_000), "uid": uid, "per": "me:write" })),
            tables,
        }
    }

    fn account(&self) -> u64 {
        self.tables.noise.number("account", 10_000_000)
    }
}

fn limited(status: u16, code: &str, message: &str, seconds: u32) -> Answer {
    let extensions = json!({ "code": code, "retry_in_seconds": seconds, "status_code": status });
    let body = json!({ "errors": [{ "message": message, "extensions": extensions }] });
    Answer::json(status, body).with("retry-after", seconds.to_string())
}

impl Server for Monday {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = &[
        FaultKind {
            name: "missing_scopes",
            params: &[],
        },
        FaultKind {
            name: "complexity_limit",
            params: &[],
        },
    ];
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        match (request.method().as_str(), request.uri().path()) {
            ("GET" | "POST", "/oauth2/authorize") => self.authorize(request, now),
            ("POST", "/oauth_ms/oauth/token") => self.token(request, now),
            ("POST", "/oauth_ms/oauth/revoke") => self.revoke(request),
            ("GET", "/oauth_ms/.well-known/oauth-authorization-server") => self.discovery(),
            ("POST", "/v2" | "/v2/") => self.query(request, now),
            _ => Answer::html(404, "<html><body>404 Not Found</body></html>"),
        }
    }

    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, _: Timestamp) -> Answer {
        if request.uri().path().starts_with("/oauth") {
            return match trouble {
                Trouble::Server => oauth::refused(500, "server_error", "Internal server error"),
                _ => oauth::refused(429, "too_many_requests", "Too many requests")
                    .with("retry-after", "300"),
            };
        }
        match trouble {
            Trouble::RateLimit => limited(
                429,
                "Minute limit rate exceeded",
                "Minute limit rate exceeded",
                30,
            ),
            Trouble::Concurrency => limited(
                429,
                "maxConcurrencyExceeded",
                "Concurrency limit exceeded",
                5,
            ),
            Trouble::DailyLimit => {
                limited(429, "DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", 36_000)
            }
            Trouble::Server => {
                let extensions = json!({ "code": "INTERNAL_SERVER_ERROR", "status_code": 500 });
                let body = json!({ "errors": [{ "message": "Internal server error", "extensions": extensions }] });
                Answer::json(500, body)
            }
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, _: Timestamp) -> Option<Answer> {
        if fault.name == "missing_scopes" {
            return Some(Answer::json(200, graphql::missing_permission()));
        }
        let body = json!({ "errors": [{ "message": "Complexity budget exhausted",
            "extensions": { "code": "COMPLEXITY_BUDGET_EXHAUSTED", "retry_in_seconds": 7 } }] });
        Some(Answer::json(429, body).with("retry-after", "7"))
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let consent = Consent {
            user: PEOPLE.first().map_or("", |person| person.email).to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            realm: String::new(),
        };
        let grant = self.tables.open(consent.clone(), None, now);
        let refresh = self.refresh_token(grant, now);
        let access = self.access(grant, consent, now);
        json!({
            "base_url": self.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(" "),
            "api_key": self.api_token,
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
