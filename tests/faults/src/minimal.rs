//! Minimal CRMs, one for each way in which a CRM lets a write be repeated.

use bytes::Bytes;
use serde_json::Value;

/// The API key of every minimal CRM.
pub(crate) const KEY: &str = "laboratory-key-0123456789";

/// A minimal CRM.
#[derive(Debug, Default)]
pub struct Minimal;

impl Minimal {
    pub(crate) fn handle(&self, _request: &http::Request<Bytes>) -> http::Response<Bytes> {
        http::Response::default()
    }

    pub(crate) fn objects(&self) -> Value {
        Value::Null
    }
}
