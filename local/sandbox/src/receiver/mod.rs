//! A customer's own receiver of webhooks: it verifies what comes with the official library, keeps
//! every message by its id, and tells apart a repeat (the same id and bytes) from a forgery of one. It keeps
//! each attempt as it came, too.
//!
//! `README.md` here says how it is steered.

mod attempts;
mod faults;
mod verify;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    frame::{Crm, Fault, FaultError, FaultKind, Setup, settings},
    oauth::{Answer, Noise, header},
};
use attempts::Attempts;

/// The receiver.
#[derive(Debug)]
pub(crate) struct Receiver {
    base_url: String,
    settings: Settings,
    messages: BTreeMap<String, Message>,
    /// Message ids in the order of their first arrival.
    order: Vec<String>,
    refused: Vec<Refused>,
    attempts: Attempts,
}

/// The switches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Secrets that count: `whsec_…` for `v1`, `whpk_…` for `v1a`.
    secrets: Vec<String>,
    /// How far the time of an attempt may be off, in seconds.
    tolerance_seconds: i64,
    /// Whether it answers the id of a record of its own.
    external_ids: bool,
    /// Whether it is gone for good: everything is a 410.
    gone: bool,
}

/// A message, by its id.
#[derive(Debug, Serialize)]
struct Message {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    /// Deliveries that were taken.
    taken: u32,
    /// The body of the first.
    body: Value,
    /// Its SHA-256, in hex.
    sha256: String,
    /// Whether another body came under the same id: what must never happen.
    differs: bool,
    first_at: Timestamp,
    last_at: Timestamp,
    /// Headers beside those of the standard and of HTTP.
    headers: BTreeMap<String, String>,
    external_id: String,
}

/// A request that was not believed.
#[derive(Debug, Serialize)]
struct Refused {
    id: String,
    reason: String,
    at: Timestamp,
}

/// Headers that every request has.
const USUAL: &[&str] = &[
    "content-length",
    "content-type",
    "host",
    "accept",
    "accept-encoding",
    "user-agent",
];

impl Receiver {
    pub(crate) fn new(setup: &Setup) -> Self {
        let secret = Noise::new(setup.seed).base64("signing secret");
        Self {
            base_url: setup.base_url.clone(),
            settings: Settings {
                secrets: vec![format!("whsec_{secret}")],
                tolerance_seconds: 300,
                external_ids: false,
                gone: false,
            },
            messages: BTreeMap::new(),
            order: Vec::new(),
            refused: Vec::new(),
            attempts: Attempts::default(),
        }
    }

    /// Whether it is believed now, with the secrets that count.
    fn verify(&self, request: &Request<Bytes>, now: Timestamp) -> Result<(), String> {
        let Settings {
            secrets,
            tolerance_seconds,
            ..
        } = &self.settings;
        verify::verify(request, secrets, *tolerance_seconds, now)
    }

    fn receive(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        if request.method() != Method::POST {
            return Answer::json(405, json!({ "error": "only POST" }));
        }
        if let Err(reason) = self.verify(request, now) {
            let id = header(request, "webhook-id").unwrap_or_default().to_owned();
            self.refused.push(Refused {
                id,
                reason: reason.clone(),
                at: now,
            });
            return Answer::json(401, json!({ "error": reason }));
        }
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return Answer::json(400, json!({ "error": "the body is not JSON" }));
        };
        let external_id = self.keep(request, body, now);
        if self.settings.external_ids {
            return Answer::json(200, json!({ "external_id": external_id }));
        }
        Answer::new(204, "application/json", "")
    }

    /// Keeps a message that is believed; its id in this receiver.
    fn keep(&mut self, request: &Request<Bytes>, body: Value, now: Timestamp) -> String {
        let id = header(request, "webhook-id").unwrap_or_default().to_owned();
        let hash = digest::digest(&digest::SHA256, request.body());
        let sha256 = hash
            .as_ref()
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        if let Some(message) = self.messages.get_mut(&id) {
            message.taken += 1;
            message.differs |= message.sha256 != sha256;
            message.last_at = now;
            return message.external_id.clone();
        }
        self.order.push(id.clone());
        let external_id = format!("rec_{}", self.order.len());
        let headers = request
            .headers()
            .iter()
            .filter(|(name, _)| {
                !name.as_str().starts_with("webhook-") && !USUAL.contains(&name.as_str())
            })
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            });
        let message = Message {
            path: request.uri().path().to_owned(),
            kind: body
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            taken: 1,
            sha256,
            differs: false,
            first_at: now,
            last_at: now,
            headers: headers.collect(),
            external_id: external_id.clone(),
            body,
        };
        self.messages.insert(id, message);
        external_id
    }
}

impl Crm for Receiver {
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let answer = if self.settings.gone {
            Answer::json(410, json!({ "error": "gone" }))
        } else {
            self.receive(request, now)
        };
        answer.into_response(request.method() == Method::HEAD)
    }

    fn seen(&mut self, request: &Request<Bytes>, now: Timestamp) {
        if request.method() == Method::POST {
            let verified = self.verify(request, now);
            self.attempts.keep(request, verified, now);
        }
    }

    fn state(&mut self, _: Timestamp) -> Value {
        json!({
            "messages": self.messages,
            "order": self.order,
            "refused": self.refused,
            "attempts": self.attempts,
        })
    }

    fn credentials(&mut self, _: Timestamp) -> Value {
        json!({ "base_url": self.base_url, "secret": self.settings.secrets.first() })
    }

    fn settings(&self) -> Value {
        settings::shown(&self.settings)
    }

    fn set(&mut self, wanted: &Map<String, Value>) -> Result<(), FaultError> {
        self.settings = settings::with(&self.settings, wanted)?;
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
        let answer = faults::answer(fault, now)?;
        Some(answer.into_response(request.method() == Method::HEAD))
    }
}
