//! A fake Pipedrive: OAuth, personal tokens, the API v2 and what only v1 has, quotas and errors.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod api;
mod company;
mod errors;
mod faults;
mod fields;
mod kinds;
mod limits;
mod oauth;
mod seed;
mod settings;
mod store;
mod times;
mod values;
mod write;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::frame::{Fault, FaultKind, Setup};
use crate::oauth::{Answer, Consent, PEOPLE, Server, Tables, Trouble, credential, header};
use api::{Call, Route};
use company::Company;
use errors::{failed, mismatch, unauthorized};
use limits::{Bucket, Limits};
pub(crate) use settings::Settings;

/// One company and the app.
#[derive(Debug)]
pub(crate) struct Pipedrive {
    tables: Tables,
    company: Company,
    limits: Limits,
    base_url: String,
    client_id: String,
    client_secret: String,
    /// The admin's personal token.
    api_token: String,
}

/// Who calls: the user, the quota, and the scopes unless a personal token opens everything.
type Caller = (u64, Bucket, Option<Vec<String>>);

impl Pipedrive {
    pub(crate) fn new(setup: &Setup) -> Self {
        let tables = Tables::new(setup.seed);
        let noise = &tables.noise;
        let mut company = Company::new(noise, setup.started);
        seed::plant(&mut company, setup.started);
        Self {
            company,
            limits: Limits::default(),
            base_url: setup.base_url.clone(),
            client_id: noise.hex("client", 16),
            client_secret: noise.hex("secret", 40),
            api_token: noise.hex("api token", 40),
            tables,
        }
    }

    fn caller(&self, request: &Request<Bytes>, now: Timestamp) -> Option<Caller> {
        let (email, token, scopes) = match header(request, "x-api-token") {
            Some(token) if token == self.api_token => (PEOPLE.first()?.email, token, None),
            Some(_) => return None,
            None => {
                let token = credential(request, "Bearer")?;
                let access = self.tables.access(token, now)?;
                let Consent { user, scopes, .. } = &access.consent;
                (user.as_str(), token, Some(scopes.clone()))
            }
        };
        let bucket = Bucket {
            token: token.to_owned(),
            personal: scopes.is_none(),
        };
        Some((self.company.user_id(email)?, bucket, scopes))
    }

    /// A data call: the token, the scope, the quota, then the API.
    fn data(
        &mut self,
        (version, route, cost): (u8, Route, u64),
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        let Some((user, bucket, scopes)) = self.caller(request, now) else {
            return unauthorized();
        };
        if scopes.is_some_and(|scopes| !route.is_open_to(&scopes)) {
            return mismatch();
        }
        let weight = (cost, route.is_search());
        let settings = &self.company.settings;
        let answer = match self.limits.admit(&bucket, weight, settings, now) {
            Err(answer) => answer,
            Ok(()) => self.counted((version, route, user), request),
        };
        let writes = matches!(request.method().as_str(), "POST" | "PUT");
        let settings = &self.company.settings;
        self.limits.label(answer, &bucket, writes, settings, now)
    }

    fn counted(
        &mut self,
        (version, route, user): (u8, Route, u64),
        request: &Request<Bytes>,
    ) -> Answer {
        let answered = api::read(request).and_then(|(query, body)| {
            let call = Call {
                route,
                user,
                query,
                body,
            };
            api::answer(&mut self.company, &call)
        });
        answered.unwrap_or_else(|refusal| refusal.answer(version))
    }
}

impl Server for Pipedrive {
    type Switches = Settings;

    const OWN: &'static [FaultKind] = faults::OWN;
    const ACCESS_ENDS_WITH_GRANT: bool = true;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        self.company.now = now;
        let path = request.uri().path().trim_end_matches('/');
        match (request.method().as_str(), path) {
            ("GET" | "POST", "/oauth/authorize") => self.authorize(request, now),
            ("POST", "/oauth/token") => self.token(request, now),
            ("POST", "/oauth/revoke") => self.revoke(request),
            (method, path) => match api::route(method, path) {
                Some(route) => self.data(route, request, now),
                None => failed(404, "Unknown method ."),
            },
        }
    }

    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, now: Timestamp) -> Answer {
        faults::troubled(self, trouble, request, now)
    }

    fn own(&mut self, fault: &Fault, _: &Request<Bytes>, now: Timestamp) -> Option<Answer> {
        faults::apply(&mut self.company, fault, now)
    }

    fn hand_out(&mut self, now: Timestamp) -> Value {
        let consent = Consent {
            user: PEOPLE.first().map_or("", |person| person.email).to_owned(),
            scopes: self.company.settings.scopes.clone(),
            realm: String::new(),
        };
        let (access, refresh) = self.install(consent, None, now);
        let settings = &self.company.settings;
        json!({
            "base_url": self.base_url,
            "api_domain": self.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": settings.scopes.join(","),
            "api_key": self.api_token,
            "account": self.company.id.to_string(),
        })
    }

    fn shown(&mut self, now: Timestamp) -> Value {
        let mut shown = self.tables.shown(now);
        let quota = self.limits.shown(&self.company.settings, now);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("objects".to_owned(), self.company.state());
            shown.insert("quota".to_owned(), quota);
        }
        shown
    }

    fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    fn switches(&self) -> &Settings {
        &self.company.settings
    }

    fn switches_mut(&mut self) -> &mut Settings {
        &mut self.company.settings
    }
}
