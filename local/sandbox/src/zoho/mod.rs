//! A fake Zoho CRM: the accounts servers of all data centres on one port, and who the caller is. Its
//! records come later.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod authorize;
mod calls;
mod place;
mod token;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, after};

/// The accounts servers, one org and the app.
#[derive(Debug)]
pub(crate) struct Zoho {
    tables: Tables,
    settings: Settings,
    base_url: String,
    client_id: String,
    /// When each refresh token was last shown.
    refreshes: BTreeMap<String, VecDeque<Timestamp>>,
}

/// The switches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    redirect_uris: Vec<String>,
    /// The data centre the user is in.
    location: String,
    /// The data centre the root of the port stands for; null for whichever is meant.
    root_location: Option<String>,
    /// Whether the callback and the tokens name the vendor's hosts.
    real_hosts: bool,
    /// Whether the client exists in other data centres than the first.
    multi_dc: bool,
    /// Whether each data centre has a secret of its own.
    secret_per_dc: bool,
    /// The older form: `expires_in` in milliseconds beside `expires_in_sec`.
    expires_in_ms: bool,
    /// Whether `Bearer` is as good as `Zoho-oauthtoken`.
    bearer: bool,
    /// The status of a throttled refresh: 400, and 200 by some reports.
    throttle_status: u16,
    code_seconds: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redirect_uris: vec!["http://127.0.0.1:3000/api/integrations/zoho/callback".to_owned()],
            location: "us".to_owned(),
            root_location: None,
            real_hosts: false,
            multi_dc: true,
            secret_per_dc: false,
            expires_in_ms: false,
            bearer: false,
            throttle_status: 400,
            code_seconds: 2 * 60,
        }
    }
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
        Self {
            settings: Settings::default(),
            base_url: setup.base_url.clone(),
            client_id: format!("1000.{}", tables.noise.hex("client", 30).to_uppercase()),
            refreshes: BTreeMap::new(),
            tables,
        }
    }

    fn secret(&self, place: &str) -> String {
        if self.settings.secret_per_dc {
            self.tables.noise.hex(&format!("secret/{place}"), 42)
        } else {
            self.tables.noise.hex("secret", 42)
        }
    }

    /// Where the user's data centre answers: accounts server and API domain.
    fn addresses(&self) -> (String, String) {
        let place = self.settings.location.as_str();
        let here = self.settings.root_location.as_deref().unwrap_or(place) == place;
        match place::hosts(place) {
            Some((accounts, api)) if self.settings.real_hosts => {
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

    const OWN: &'static [FaultKind] = &[FaultKind {
        name: "missing_scopes",
        params: &[],
    }];
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let (place, path) = place::of(request, self.settings.root_location.as_deref());
        let place = place.unwrap_or_else(|| self.settings.location.clone());
        match (request.method().as_str(), path.as_str()) {
            ("GET" | "POST", "/oauth/v2/auth") => self.authorize(request, now),
            ("POST", "/oauth/v2/token") => self.token(request, &place, now),
            ("POST", "/oauth/v2/token/revoke") => self.revoke(request, &place, now),
            (method, path) if path.starts_with("/crm/") => {
                self.call(request, method, path, &place, now)
            }
            _ => Answer::html(404, "<html><body>404</body></html>"),
        }
    }

    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, _: Timestamp) -> Answer {
        let call = request.uri().path().contains("/crm/");
        match trouble {
            Trouble::Server if call => {
                calls::failed(500, "INTERNAL_ERROR", "Internal Server Error")
            }
            Trouble::Server => Answer::html(500, "<html><body>Internal error</body></html>"),
            _ if !call => self.throttled(),
            Trouble::DailyLimit => {
                let message = "You have exhausted the API credits of your organization";
                calls::failed(429, "TOO_MANY_REQUESTS", message)
                    .with("x-api-credits-remaining", "0")
            }
            Trouble::RateLimit | Trouble::Concurrency => {
                let message = "You have crossed the maximum number of concurrent calls";
                calls::failed(429, "TOO_MANY_REQUESTS", message)
            }
        }
    }

    fn own(&mut self, _: &Fault, _: &Request<Bytes>, _: Timestamp) -> Option<Answer> {
        Some(calls::mismatch())
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let user = PEOPLE.first().map_or("", |person| person.email);
        let consent = Consent {
            user: user.to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            realm: self.settings.location.clone(),
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
            "location": self.settings.location,
            "client_id": self.client_id,
            "client_secret": self.secret(&self.settings.location),
            "client_secrets": secrets,
            "redirect_uri": self.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(","),
            "account": self.org(),
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
