//! A fake monday.com: its OAuth 2.1 server, personal tokens, and the GraphQL API with boards, items,
//! updates, timelines, quotas and keys of requests.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod account;
mod api;
mod columns;
mod errors;
mod faults;
mod graphql;
mod limits;
mod oauth;
mod run;
mod seed;
mod settings;
mod show;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble};
use account::Account;
use errors::{failed, limited};
use graphql::Schema;
use limits::Limits;
pub(crate) use settings::Settings;

/// The part of the vendor's schema that is here.
const SCHEMA: &str = include_str!("schema.graphql");

/// One account and the app.
#[derive(Debug)]
pub(crate) struct Monday {
    tables: Tables,
    account: Account,
    limits: Limits,
    remembered: api::Remembered,
    schema: Schema,
    base_url: String,
    client_id: String,
    client_secret: String,
    /// The admin's personal token.
    api_token: String,
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
        let mut account = Account::new(setup.seed, setup.started);
        seed::plant(&mut account, setup.started);
        Self {
            account,
            limits: Limits::default(),
            remembered: api::Remembered::new(),
            // A test of the schema reads it; without it every document is refused.
            schema: Schema::read(SCHEMA).unwrap_or_default(),
            base_url: setup.base_url.clone(),
            client_id: noise.hex("client", 32),
            client_secret: noise.hex("secret", 32),
            api_token: noise.jwt(&json!({ "tid": noise.number("api token", 100_000_000), "uid": uid, "per": "me:write" })),
            tables,
        }
    }

    fn account_id(&self) -> u64 {
        self.tables.noise.number("account", 10_000_000)
    }
}

impl Server for Monday {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = faults::OWN;
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

    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, now: Timestamp) -> Answer {
        if request.uri().path().starts_with("/oauth") {
            return match trouble {
                Trouble::Server => oauth::refused(500, "server_error", "Internal server error"),
                _ => oauth::refused(429, "too_many_requests", "Too many requests")
                    .with("retry-after", "300"),
            };
        }
        match trouble {
            Trouble::RateLimit => {
                let code = "Minute limit rate exceeded";
                limited(code, code, 30)
            }
            Trouble::Concurrency => {
                limited("maxConcurrencyExceeded", "Concurrency limit exceeded", 5)
            }
            Trouble::DailyLimit => {
                let seconds = limits::seconds_to_midnight(now);
                limited("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", seconds)
            }
            Trouble::Server => failed(500, "Internal server error", "INTERNAL_SERVER_ERROR"),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        self.account.now = now;
        faults::apply(self, fault)
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
            "redirect_uri": self.account.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(" "),
            "api_key": self.api_token,
            "account": self.account_id().to_string(),
        })
    }

    fn shown(&mut self, now: Timestamp) -> Value {
        let mut shown = self.tables.shown(now);
        let quota = self.limits.shown(&self.account.settings, now);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("objects".to_owned(), self.account.state());
            shown.insert("quota".to_owned(), quota);
        }
        shown
    }

    fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    fn switches(&self) -> &Settings {
        &self.account.settings
    }

    fn switches_mut(&mut self) -> &mut Settings {
        &mut self.account.settings
    }
}
