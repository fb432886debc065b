//! A fake Dynamics 365: the Entra ID v2.0 endpoints of its tenant, and the Web API of one environment.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod address;
mod api;
mod entra;
mod environment;
mod faults;
mod limits;
mod parties;
mod query;
mod refusal;
mod schema;
mod seed;
mod settings;
mod values;
mod write;

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::frame::{self, Crm, Fault, FaultError, FaultKind, Setup};
use crate::oauth::{Answer, PEOPLE, Server};
use entra::{APP, Entra};
use environment::Environment;
use limits::Limits;
use query::Prefer;
use refusal::Refusal;

/// The tenant and one environment.
#[derive(Debug)]
pub(crate) struct Dynamics365 {
    entra: Entra,
    env: Environment,
    limits: Limits,
}

impl Dynamics365 {
    pub(crate) fn new(setup: &Setup) -> Self {
        let entra = Entra::new(setup);
        let mut env = Environment::new(&setup.base_url, setup.seed, setup.started);
        let people = PEOPLE.iter().map(|person| person.email).chain([APP]);
        let users: Vec<String> = people.map(|user| entra.user_id(user)).collect();
        seed::plant(&mut env, &users, setup.started);
        Self {
            entra,
            env,
            limits: Limits::default(),
        }
    }

    /// A call of the Web API.
    fn data(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let user = match self.entra.admitted(request, now) {
            Ok(user) => user,
            Err(answer) => return answer,
        };
        self.env.now = now;
        self.env.caller = self.entra.user_id(&user);
        let answer = if request
            .uri()
            .path()
            .trim_end_matches('/')
            .ends_with("/$batch")
        {
            self.batch(request, now)
        } else {
            match self.limits.admit(1, &self.env.settings, now) {
                Ok(()) => one(&self.entra, &mut self.env, request),
                Err(refusal) => refusal.answer(),
            }
        };
        self.limits.label(answer, &self.env.settings, now)
    }

    /// Each request inside counts.
    fn batch(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        if request.method() != Method::POST {
            return Refusal::method(request.method().as_str()).answer();
        }
        let settings = &self.env.settings;
        let parts = api::parts(request);
        let count = parts
            .as_ref()
            .map_or(0, |parts| parts.iter().map(api::Part::count).sum());
        if let Err(refusal) = self.limits.admit(count.max(1), settings, now) {
            return refusal.answer();
        }
        let entra = &self.entra;
        match parts {
            Ok(parts) => {
                let on = Prefer::of(request).continue_on_error;
                api::batch(&mut self.env, parts, on, |env, request| {
                    one(entra, env, request)
                })
            }
            Err(refusal) => refusal.answer(),
        }
    }
}

/// One request that was admitted.
fn one(entra: &Entra, env: &mut Environment, request: &Request<Bytes>) -> Answer {
    let path = request.uri().path().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    if matches!(last, "WhoAmI" | "WhoAmI()") && request.method() == Method::GET {
        return api::ok(entra.who(&env.caller, &env.business_unit));
    }
    api::respond(env, request)
}

impl Crm for Dynamics365 {
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let answer = if request.uri().path().starts_with("/api/data/") {
            self.data(request, now)
        } else {
            self.entra.respond(request, now)
        };
        answer.into_response(request.method() == Method::HEAD)
    }

    fn state(&mut self, now: Timestamp) -> Value {
        let mut state = self.entra.tables().shown(now);
        if let Some(state) = state.as_object_mut() {
            state.insert("objects".to_owned(), self.env.state());
            state.insert(
                "limits".to_owned(),
                self.limits.shown(&self.env.settings, now),
            );
        }
        state
    }

    fn credentials(&mut self, now: Timestamp) -> Value {
        self.entra.hand_out(now)
    }

    fn settings(&self) -> Value {
        frame::settings::shown(&self.env.settings)
    }

    fn set(&mut self, wanted: &Map<String, Value>) -> Result<(), FaultError> {
        let settings = frame::settings::with(&self.env.settings, wanted)?;
        self.entra.switches_mut().clone_from(&settings);
        self.env.settings = settings;
        Ok(())
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
        let head = request.method() == Method::HEAD;
        faults::apply(self, fault, request, now).map(|answer| answer.into_response(head))
    }
}
