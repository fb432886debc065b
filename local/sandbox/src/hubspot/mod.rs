//! A fake HubSpot: OAuth, the CRM API in its versions, its limits and its errors.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod answer;
mod api;
mod errors;
mod faults;
mod kinds;
mod limits;
mod links;
mod oauth;
mod pipelines;
mod portal;
mod schema;
mod seed;
mod settings;
mod store;
mod times;
mod values;
mod write;

use bytes::Bytes;
use http::{Request, Response, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::frame::{Crm, Fault, FaultError, FaultKind, Setup};
use answer::{Answer, Body};
use api::Call;
use errors::{Outcome, Refusal};
use limits::{App, Limits};
use oauth::OAuth;
use portal::Portal;

/// The fake account with everything around it.
#[derive(Debug)]
pub(crate) struct HubSpot {
    portal: Portal,
    oauth: OAuth,
    limits: Limits,
    answers: u64,
}

impl HubSpot {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut portal = Portal::new(&setup.base_url, setup.seed, setup.started);
        seed::plant(&mut portal, setup.started);
        Self {
            portal,
            oauth: OAuth::new(setup.seed),
            limits: Limits::default(),
            answers: 0,
        }
    }

    /// The id that names this answer to the vendor's support.
    fn correlation(&mut self) -> String {
        self.answers += 1;
        self.oauth.tokens.guid(&format!("answer/{}", self.answers))
    }

    fn refused(&mut self, refusal: &Refusal) -> Answer {
        let correlation = self.correlation();
        let answer = Answer::json(refusal.status, refusal.body(&correlation));
        let answer = answer.with_header("X-HubSpot-Correlation-Id", correlation);
        match refusal.retry_after {
            Some(seconds) => answer.with_header("Retry-After", seconds.to_string()),
            None => answer,
        }
    }

    /// A data call: the token, the quota, the body, then the API.
    fn data(&mut self, call: &mut Call, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let (app, scopes) = match self.oauth.admit(&self.portal, request, now) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refused(&refusal),
        };
        let search = call.is_search();
        let answer = self.counted(call, request, (app, &scopes), now);
        let answer = answer.unwrap_or_else(|refusal| self.refused(&refusal));
        let settings = &self.portal.settings;
        self.limits.label(answer, app, search, settings, now)
    }

    fn counted(
        &mut self,
        call: &mut Call,
        request: &Request<Bytes>,
        (app, scopes): (App, &[String]),
        now: Timestamp,
    ) -> Outcome<Answer> {
        let settings = &self.portal.settings;
        self.limits.admit(app, call.is_search(), settings, now)?;
        if !request.body().is_empty() && !matches!(request.method().as_str(), "GET" | "DELETE") {
            let kind = request.headers().get(header::CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !kind.to_ascii_lowercase().starts_with("application/json") {
                return Err(Refusal::new(415, "", "HTTP 415 Unsupported Media Type"));
            }
            let body = serde_json::from_slice(request.body())
                .map_err(|error| Refusal::json(error.line(), error.column(), &error.to_string()))?;
            call.body = Some(body);
        }
        let used = self.limits.used_today(now);
        api::answer(&mut self.portal, call, scopes, used)
    }

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        self.portal.now = now;
        if let Some(answer) = self.oauth.answer(&self.portal, request, now) {
            return answer;
        }
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        match Call::from_url(request.method().as_str(), uri.path(), query) {
            Some(mut call) => self.data(&mut call, request, now),
            None => self.refused(&Refusal::not_found()),
        }
    }
}

impl Crm for HubSpot {
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let mut answer = self.respond(request, now);
        if request.method() == http::Method::HEAD {
            answer.body = Body::Empty;
        }
        answer.into_response()
    }

    fn state(&mut self, now: Timestamp) -> Value {
        let quota = self.limits.shown(&self.portal.settings, now);
        json!({ "objects": self.portal.state(), "quota": quota, "tokens": self.oauth.tokens.counts(now) })
    }

    fn credentials(&mut self, now: Timestamp) -> Value {
        self.oauth.hand_out(&self.portal, now)
    }

    fn settings(&self) -> Value {
        self.portal.settings.shown()
    }

    fn set(&mut self, settings: &Map<String, Value>) -> Result<(), FaultError> {
        self.portal.switch(settings)
    }

    fn own_faults(&self) -> &'static [FaultKind] {
        faults::OWN
    }

    fn fault(
        &mut self,
        fault: &Fault,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Response<Bytes>> {
        faults::apply(self, fault, request, now).map(Answer::into_response)
    }
}
