//! Every attempt as it came, also those that a fault kept from being taken: for whoever wants to verify the
//! same bytes with a library of their own.

use std::collections::VecDeque;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::Serialize;

use crate::oauth::header;

/// A long run should not eat the machine: older attempts are forgotten.
const MOST: usize = 10_000;

/// One attempt to deliver.
#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    id: String,
    /// The header `webhook-timestamp`, as it came.
    timestamp: String,
    /// The header `webhook-signature`, as it came.
    signature: String,
    path: String,
    /// The body's bytes.
    body_base64: String,
    /// The same as text, where it is UTF-8.
    body: Option<String>,
    /// Whether the library believes it.
    verified: bool,
    /// Why not.
    reason: Option<String>,
    at: Timestamp,
}

/// The newest attempts, oldest first.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Attempts(VecDeque<Attempt>);

impl Attempts {
    /// Keeps an attempt with what verifying it gave.
    pub(super) fn keep(
        &mut self,
        request: &Request<Bytes>,
        verified: Result<(), String>,
        now: Timestamp,
    ) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let text = |name| header(request, name).unwrap_or_default().to_owned();
        self.0.push_back(Attempt {
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp"),
            signature: text("webhook-signature"),
            path: request.uri().path().to_owned(),
            body_base64: BASE64_STANDARD.encode(request.body()),
            body: std::str::from_utf8(request.body()).ok().map(str::to_owned),
            verified: verified.is_ok(),
            reason: verified.err(),
            at: now,
        });
    }
}
