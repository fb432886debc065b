//! The seam between the frame and a fake CRM. A CRM is a state machine: request in, answer out, no
//! I/O, no clock.

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Fault, FaultError, FaultKind};

/// What a fake CRM is built from. The same setup gives the same ids, tokens and seed records.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Where callers reach it, without a trailing slash.
    pub(crate) base_url: String,
    /// Decides ids and tokens.
    pub(crate) seed: u64,
    /// When it was started; seed records carry times relative to it.
    pub(crate) started: Timestamp,
}

/// One fake CRM.
pub(crate) trait Crm: Send {
    /// Answers one request, changing the state as the vendor would.
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes>;
    /// Hears of every request as it arrives, also of one that a fault keeps from it.
    fn seen(&mut self, _request: &Request<Bytes>, _now: Timestamp) {}
    /// Everything it holds, as JSON. No token values.
    fn state(&mut self, now: Timestamp) -> Value;
    /// A fresh, valid set of credentials.
    fn credentials(&mut self, now: Timestamp) -> Value;
    /// The switches of this org and how they stand.
    fn settings(&self) -> Value;
    /// Sets switches; names the one it does not know.
    fn set(&mut self, settings: &Map<String, Value>) -> Result<(), FaultError>;
    /// The faults only this CRM has.
    fn own_faults(&self) -> &'static [FaultKind];
    /// Applies a fault the frame leaves to the CRM. `Some` is the answer in place of the real one.
    fn fault(
        &mut self,
        fault: &Fault,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Response<Bytes>>;
}
