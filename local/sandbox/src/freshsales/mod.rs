//! A fake Freshsales: API keys per user, the organisation's OAuth server, and two calls to try them
//! on. Its records come later.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod data;
mod oauth;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble};

/// One organisation with its account, and the app.
#[derive(Debug)]
pub(crate) struct Freshsales {
    tables: Tables,
    settings: Settings,
    base_url: String,
    client_id: String,
    client_secret: String,
}

/// Which addresses the account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Edition {
    Suite,
    Classic,
    Both,
}

/// The switches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    redirect_uris: Vec<String>,
    edition: Edition,
    /// Users whose role lacks the rights to what is asked here.
    denied_users: Vec<String>,
    /// Whether the organisation's tokens open the API.
    oauth_opens_api: bool,
    refresh_rotation: bool,
    access_seconds: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/freshsales/callback".to_owned(),
            ],
            edition: Edition::Both,
            denied_users: Vec::new(),
            oauth_opens_api: true,
            refresh_rotation: false,
            access_seconds: 30 * 60,
        }
    }
}

/// What is granted when the app asks for nothing in particular.
const SCOPES: &[&str] = &["freshsales.contacts.manage", "freshsales.settings.view"];

impl Freshsales {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            client_id: format!("fw_ext_{}", noise.number("client", 1_000_000_000)),
            client_secret: noise.hex("secret", 40),
            tables,
        }
    }

    /// The API key of a user.
    fn key(&self, email: &str) -> String {
        self.tables.noise.text(&format!("api key/{email}"), 22)
    }

    fn account(&self) -> u64 {
        self.tables.noise.number("account", 70_000_000_000)
    }
}

impl Server for Freshsales {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = &[
        FaultKind {
            name: "wrapped_rate_limit",
            params: &[],
        },
        FaultKind {
            name: "maintenance_html",
            params: &[],
        },
    ];
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let path = request.uri().path();
        match (request.method().as_str(), path) {
            ("GET" | "POST", "/org/oauth/v2/authorize") => self.authorize(request, now),
            ("POST", "/org/oauth/v2/token") => self.token(request, now),
            _ => self.data(request, path, now),
        }
    }

    fn troubled(&mut self, trouble: Trouble, _: &Request<Bytes>, _: Timestamp) -> Answer {
        match trouble {
            Trouble::Server => data::failed(500, "Internal Server Error"),
            Trouble::DailyLimit => {
                data::failed(429, "Too many requests").with("retry-after", "3600")
            }
            _ => data::failed(429, "Too many requests").with("retry-after", "60"),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, _: Timestamp) -> Option<Answer> {
        Some(match fault.name.as_str() {
            "wrapped_rate_limit" => {
                let text = "UCR contact fetch failure :: response_code :: 429 :: response :: Too many requests";
                data::failed(400, text)
            }
            _ => Answer::html(
                503,
                "<html><body>We are down for maintenance.</body></html>",
            ),
        })
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let user = PEOPLE.first().map_or("", |person| person.email);
        let consent = Consent {
            user: user.to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            realm: String::new(),
        };
        let grant = self.tables.open(consent.clone(), None, now);
        let refresh = self.refresh_token(grant, now);
        let access = self.access(grant, consent, now);
        let keys: Map<String, Value> = PEOPLE
            .iter()
            .map(|person| (person.email.to_owned(), json!(self.key(person.email))))
            .collect();
        let host = self.base_url.split_once("://").map_or("", |(_, host)| host);
        json!({
            "base_url": self.base_url,
            "bundle_alias": format!("{host}/crm/sales"),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(" "),
            "api_key": self.key(user),
            "api_keys": keys,
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
