//! A fake Copper: its OAuth server, whose consent comes back as a POST, API keys, records, searches, bulk
//! calls, limits and errors.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod account;
mod api;
mod errors;
mod faults;
mod kinds;
mod limits;
mod oauth;
mod search;
mod seed;
mod settings;
mod setup;
mod store;
mod values;
mod write;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, credential, header};
use account::Account;
use errors::failed;
use limits::Limits;
pub(crate) use settings::Settings;

/// One account and the app.
#[derive(Debug)]
pub(crate) struct Copper {
    tables: Tables,
    account: Account,
    limits: Limits,
    base_url: String,
    client_id: String,
    client_secret: String,
    /// The admin's key.
    api_key: String,
}

/// The only scope there is.
const SCOPE: &str = "developer/v1/all";

impl Copper {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        let mut account = Account::new(noise, setup.started);
        seed::plant(&mut account, setup.started);
        Self {
            account,
            limits: Limits::default(),
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

    /// A data call: who calls, the limits, then the API.
    fn data(&mut self, request: &Request<Bytes>, path: &str, now: Timestamp) -> Answer {
        let caller = self.caller(request, now);
        let user = caller
            .as_deref()
            .and_then(|user| self.account.user_id(user));
        let (Some(caller), Some(user)) = (caller, user) else {
            return failed(401, "Unauthorized");
        };
        let settings = &self.account.settings;
        if !self
            .limits
            .admit(&caller, api::is_bulk(path), settings, now)
        {
            return failed(429, "Too Many Requests");
        }
        let answered = api::answer(&mut self.account, request, path, user);
        answered.unwrap_or_else(|refusal| refusal.answer())
    }
}

impl Server for Copper {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = faults::OWN;
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        self.account.now = now;
        let path = request.uri().path();
        match (request.method().as_str(), path) {
            ("GET" | "POST", "/oauth/authorize") => self.authorize(request, now),
            ("POST", "/oauth/token") => self.token(request, now),
            (_, path) => match path.strip_prefix("/developer_api/v1/") {
                Some(path) => self.data(request, path, now),
                None => failed(404, "Resource not found"),
            },
        }
    }

    fn troubled(&mut self, trouble: Trouble, _: &Request<Bytes>, _: Timestamp) -> Answer {
        match trouble {
            Trouble::Server => failed(500, "Internal Server Error"),
            _ => failed(429, "Too Many Requests"),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        faults::apply(&mut self.account, fault, now);
        None
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
            "redirect_uri": self.account.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": null,
            "scope": SCOPE,
            "api_key": self.api_key,
            "api_key_email": user,
            "account": self.account.id.to_string(),
            "activity_types": { "call": self.account.type_id("Phone Call"), "meeting": self.account.type_id("Meeting") },
        })
    }

    fn shown(&mut self, now: Timestamp) -> Value {
        let mut shown = self.tables.shown(now);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("objects".to_owned(), self.account.state());
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
