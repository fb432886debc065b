//! A fake Freshsales: API keys per user, the organisation's OAuth server, the records and their API, and
//! the account's limits.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod account;
mod data;
mod errors;
mod find;
mod kinds;
mod limits;
mod oauth;
mod seed;
mod settings;
mod store;
mod values;
mod write;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::frame::{Fault, FaultKind, Param, ParamKind, SEARCH_LAG, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble};
use account::Account;
use errors::{Refusal, failed, limited};
use kinds::Kind;
use limits::Limits;
pub(crate) use settings::Settings;

/// One organisation with its account, and the app.
#[derive(Debug)]
pub(crate) struct Freshsales {
    tables: Tables,
    settings: Settings,
    account: Account,
    limits: Limits,
    base_url: String,
    client_id: String,
    client_secret: String,
}

/// What is granted when the app asks for nothing in particular.
const SCOPES: &[&str] = &["freshsales.contacts.manage", "freshsales.settings.view"];

const OWN: &[FaultKind] = &[
    FaultKind::plain("wrapped_rate_limit"),
    FaultKind::plain("maintenance_html"),
    SEARCH_LAG,
    FaultKind::with(
        "record_error",
        &[
            Param::text("object"),
            Param::optional("status", ParamKind::Integer { min: 400, max: 599 }),
            Param::text("error"),
        ],
    ),
];

impl Freshsales {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        let settings = Settings::default();
        let mut account = Account::new(setup.started);
        seed::plant(&mut account, &settings);
        Self {
            settings,
            account,
            limits: Limits::default(),
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

    fn account_id(&self) -> u64 {
        self.tables.noise.number("account", 70_000_000_000)
    }
}

impl Server for Freshsales {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = OWN;
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
            Trouble::Server => failed(500, "Internal Server Error"),
            Trouble::DailyLimit => limited(3_600, self.settings.wrapped_limits),
            Trouble::RateLimit | Trouble::Concurrency => limited(60, self.settings.wrapped_limits),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        self.account.now = now;
        match fault.name.as_str() {
            "wrapped_rate_limit" => Some(limited(0, true)),
            "maintenance_html" => Some(Answer::html(
                503,
                "<html><body>We are down for maintenance.</body></html>",
            )),
            "search_lag" => {
                let seconds = fault.integer("seconds").unwrap_or_default();
                self.account.freeze(seconds, self.settings.search_lag_s);
                None
            }
            // It waits for the next record that is written, in this request or a later one.
            _ => {
                let kind = fault.text("object").and_then(Kind::by_path);
                let status = fault.integer("status").and_then(|s| u16::try_from(s).ok());
                let error = fault.text("error").unwrap_or("The record was refused");
                let refusal = Refusal::new(status.unwrap_or(400), error);
                self.account.armed.push((kind, refusal));
                None
            }
        }
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
            "account": self.account_id().to_string(),
        })
    }

    fn shown(&mut self, now: Timestamp) -> Value {
        let mut shown = self.tables.shown(now);
        let quota = self.limits.shown(&self.settings, now);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("objects".to_owned(), self.account.store.state());
            shown.insert("quota".to_owned(), quota);
        }
        shown
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
