//! A fake Zoho CRM: the accounts servers of all data centres on one port, and the API v8 of one org.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod api;
mod authorize;
mod calls;
mod coql;
mod faults;
mod limits;
mod list;
mod meta;
mod modules;
mod org;
mod place;
mod refusal;
mod seed;
mod settings;
mod store;
mod times;
mod token;
mod values;
mod write;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, after};
use limits::{Limits, crowded, exhausted};
use org::Org;
use refusal::Refusal;
pub(crate) use settings::Settings;

/// The accounts servers, one org and the app.
#[derive(Debug)]
pub(crate) struct Zoho {
    tables: Tables,
    org: Org,
    limits: Limits,
    base_url: String,
    client_id: String,
    /// When each refresh token was last shown.
    refreshes: BTreeMap<String, VecDeque<Timestamp>>,
}

/// Where the client was registered.
const HOME: &str = "us";
const ACCESS_SECONDS: i64 = 3600;
/// Live access tokens per refresh token, and live refresh tokens per user.
const ACCESS_MOST: usize = 15;
const REFRESH_MOST: usize = 20;
/// Refreshes with one token within the window.
const REFRESHES_MOST: usize = 10;
const WINDOW_SECONDS: i64 = 10 * 60;

impl Zoho {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let mut org = Org::new(&tables.noise, setup.started);
        seed::plant(&mut org, setup.started);
        Self {
            org,
            limits: Limits::default(),
            base_url: setup.base_url.clone(),
            client_id: format!("1000.{}", tables.noise.hex("client", 30).to_uppercase()),
            refreshes: BTreeMap::new(),
            tables,
        }
    }

    fn secret(&self, place: &str) -> String {
        if self.org.settings.secret_per_dc {
            self.tables.noise.hex(&format!("secret/{place}"), 42)
        } else {
            self.tables.noise.hex("secret", 42)
        }
    }

    /// Where the user's data centre answers: accounts server and API domain.
    fn addresses(&self) -> (String, String) {
        let place = self.org.settings.location.as_str();
        let here = self.org.settings.root_location.as_deref().unwrap_or(place) == place;
        match place::hosts(place) {
            Some((accounts, api)) if self.org.settings.real_hosts => {
                (format!("https://{accounts}"), format!("https://{api}"))
            }
            _ if here => (self.base_url.clone(), self.base_url.clone()),
            _ => {
                let at = format!("{}/__dc/{place}", self.base_url);
                (at.clone(), at)
            }
        }
    }

    fn opaque(&mut self, what: &str) -> String {
        let label = self.tables.noise.label(what);
        let hex = self.tables.noise.hex(&label, 64);
        let (first, second) = hex.split_at(32);
        format!("1000.{first}.{second}")
    }

    /// A new access token; too many of one grant crowd out the oldest.
    fn access(&mut self, grant: u64, consent: Consent, now: Timestamp) -> String {
        let value = self.opaque("access");
        let ends = after(now, ACCESS_SECONDS);
        self.tables
            .keep_access(&value, Some(grant), consent, Some(ends));
        self.tables.crowd_out(grant, ACCESS_MOST, now);
        value
    }

    /// A new refresh token; too many of one user crowd out the oldest.
    fn refresh_token(&mut self, grant: u64, user: &str, now: Timestamp) -> String {
        let value = self.opaque("refresh");
        self.tables.keep_refresh(&value, grant, now);
        let live = self.tables.live_grants(user);
        if live.len() > REFRESH_MOST
            && let Some(oldest) = live.first()
        {
            self.tables.end(*oldest, true);
        }
        value
    }
}

/// What the app may be granted.
const SCOPES: &[&str] = &[
    "ZohoCRM.modules.ALL",
    "ZohoCRM.modules.contacts.ALL",
    "ZohoCRM.modules.accounts.READ",
    "ZohoCRM.modules.accounts.ALL",
    "ZohoCRM.modules.deals.ALL",
    "ZohoCRM.modules.leads.ALL",
    "ZohoCRM.modules.events.ALL",
    "ZohoCRM.modules.calls.ALL",
    "ZohoCRM.modules.tasks.ALL",
    "ZohoCRM.modules.notes.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.settings.fields.READ",
    "ZohoCRM.settings.fields.ALL",
    "ZohoCRM.settings.modules.READ",
    "ZohoCRM.settings.layouts.READ",
    "ZohoCRM.users.READ",
    "ZohoCRM.users.ALL",
    "ZohoCRM.org.READ",
    "ZohoCRM.org.ALL",
    "ZohoCRM.notifications.ALL",
    "ZohoCRM.coql.READ",
    "ZohoSearch.securesearch.READ",
];

impl Server for Zoho {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = faults::OWN;
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        self.org.now = now;
        let (place, path) = place::of(request, self.org.settings.root_location.as_deref());
        let place = place.unwrap_or_else(|| self.org.settings.location.clone());
        match (request.method().as_str(), path.as_str()) {
            ("GET" | "POST", "/oauth/v2/auth") => self.authorize(request, now),
            ("POST", "/oauth/v2/token") => self.token(request, &place, now),
            ("POST", "/oauth/v2/token/revoke") => self.revoke(request, &place, now),
            (_, path) if path.starts_with("/crm/") => self.call(request, path, &place, now),
            _ => Answer::html(404, "<html><body>404</body></html>"),
        }
    }

    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, _: Timestamp) -> Answer {
        let call = request.uri().path().contains("/crm/");
        match trouble {
            Trouble::Server if call => {
                Refusal::new(500, "INTERNAL_ERROR", "Internal Server Error").answer()
            }
            Trouble::Server => Answer::html(500, "<html><body>Internal error</body></html>"),
            _ if !call => self.throttled(),
            Trouble::DailyLimit => exhausted(),
            Trouble::RateLimit | Trouble::Concurrency => crowded(),
        }
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        self.org.now = now;
        faults::apply(&mut self.org, fault)
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let user = PEOPLE.first().map_or("", |person| person.email);
        let consent = Consent {
            user: user.to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            realm: self.org.settings.location.clone(),
        };
        let grant = self.tables.open(consent.clone(), None, now);
        let refresh = self.refresh_token(grant, user, now);
        let access = self.access(grant, consent, now);
        let (accounts, api) = self.addresses();
        let secrets: Map<String, Value> = place::all()
            .map(|place| (place.to_owned(), json!(self.secret(place))))
            .collect();
        json!({
            "base_url": self.base_url,
            "accounts_server": accounts,
            "api_domain": api,
            "location": self.org.settings.location,
            "client_id": self.client_id,
            "client_secret": self.secret(&self.org.settings.location),
            "client_secrets": secrets,
            "redirect_uri": self.org.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(","),
            "account": self.zgid(),
        })
    }

    fn shown(&mut self, now: Timestamp) -> Value {
        let mut shown = self.tables.shown(now);
        let quota = self.limits.shown(&self.org.settings, now);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("objects".to_owned(), self.org.state());
            shown.insert("quota".to_owned(), quota);
            shown.insert("invited".to_owned(), json!(self.org.invited));
            shown.insert("workflows".to_owned(), json!(self.org.workflows));
        }
        shown
    }

    fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    fn switches(&self) -> &Settings {
        &self.org.settings
    }

    fn switches_mut(&mut self) -> &mut Settings {
        &mut self.org.settings
    }
}
