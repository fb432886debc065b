//! A fake CRM that so far is an OAuth server with a few calls to try a token on: everything the frame
//! asks of a CRM, from less.

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Answer, Tables, Trouble, trouble};
use crate::frame::{Crm, Fault, FaultError, FaultKind, settings};

pub(crate) trait Server: Send {
    /// The switches: a struct whose fields are the settings.
    type Switches: Serialize + DeserializeOwned;

    /// The faults only this one has.
    const OWN: &'static [FaultKind] = &[];
    /// Whether access tokens end with the grant they came from.
    const ACCESS_ENDS_WITH_GRANT: bool;

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer;
    /// The answer to a common fault, in the vendor's words.
    fn troubled(&mut self, trouble: Trouble, request: &Request<Bytes>, now: Timestamp) -> Answer;
    /// The answer to a fault of its own.
    fn own(&mut self, _: &Fault, _: &Request<Bytes>, _: Timestamp) -> Option<Answer> {
        None
    }
    /// The credentials the control endpoint gives: a grant beside all others.
    fn hand_out(&mut self, now: Timestamp) -> Value;
    /// Everything it holds: the grants alone where there are no records.
    fn shown(&mut self, now: Timestamp) -> Value {
        self.tables().shown(now)
    }
    fn tables(&mut self) -> &mut Tables;
    fn switches(&self) -> &Self::Switches;
    fn switches_mut(&mut self) -> &mut Self::Switches;
}

impl<S: Server> Crm for S {
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let head = request.method() == Method::HEAD;
        self.respond(request, now).into_response(head)
    }

    fn state(&mut self, now: Timestamp) -> Value {
        self.shown(now)
    }

    fn credentials(&mut self, now: Timestamp) -> Value {
        self.hand_out(now)
    }

    fn settings(&self) -> Value {
        settings::shown(self.switches())
    }

    fn set(&mut self, wanted: &Map<String, Value>) -> Result<(), FaultError> {
        *self.switches_mut() = settings::with(self.switches(), wanted)?;
        Ok(())
    }

    fn own_faults(&self) -> &'static [FaultKind] {
        S::OWN
    }

    fn fault(
        &mut self,
        fault: &Fault,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Response<Bytes>> {
        let answer = if S::OWN.iter().any(|own| own.name == fault.name) {
            self.own(fault, request, now)
        } else {
            let trouble = trouble(self.tables(), fault, S::ACCESS_ENDS_WITH_GRANT, now)?;
            Some(self.troubled(trouble, request, now))
        };
        answer.map(|answer| answer.into_response(request.method() == Method::HEAD))
    }
}
