//! An event from either door: verified, checked, stored; then a reference to it is queued.
//!
//! Nothing is accepted before it is stored and queued, so nothing accepted can be lost. The same
//! event again is queued again, and the ledger makes it nothing.

mod store;

use bytes::Bytes;
use hub_aws::Outgoing;
use hub_domain::{EventId, Faults, limits::MAX_EVENTS};
use serde_json::Value;

use crate::{
    error::EngineError,
    hub::Hub,
    webhook::{Refusal, Signed, Verified, verify},
};
pub(crate) use store::store_all;

/// The queue of accepted events.
pub const EVENTS: &str = "events";

/// What became of one event of a request.
#[derive(Debug)]
pub struct EventResult {
    /// Its id, where it has a readable one.
    pub id: Option<EventId>,
    /// What became of it.
    pub outcome: Result<(), EventFailure>,
}

/// Why one event was not accepted.
#[derive(Debug)]
pub enum EventFailure {
    /// It is invalid, and stays so.
    Invalid(Faults),
    /// Another event was accepted under its id; these fields differ, by JSON pointer.
    Different(Vec<String>),
    /// It could not be stored or queued now; the same event may be sent again.
    Unavailable(EngineError),
}

/// Events of one body: one, or a list of up to [`MAX_EVENTS`].
#[derive(Debug)]
pub struct Body {
    /// The events, unchecked.
    pub events: Vec<Value>,
    /// Whether the body was one event rather than a list.
    pub single: bool,
}

/// What is wrong with a body as a whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// It is not JSON.
    #[error("{0}")]
    NotJson(Faults),
    /// It is JSON, and neither an event nor a list of 1 to [`MAX_EVENTS`].
    #[error("{0}")]
    Shape(Faults),
}

impl Body {
    /// Reads a body whose signature is right.
    ///
    /// # Errors
    /// What is wrong with the body as a whole.
    pub fn read(body: Verified<Bytes>) -> Result<Self, BodyFault> {
        let value: Value = serde_json::from_slice(&body.into_inner()).map_err(|error| {
            let problem = format!(
                "is not JSON (line {}, column {})",
                error.line(),
                error.column()
            );
            BodyFault::NotJson(Faults::one("", problem, "an event or a list of events"))
        })?;
        match value {
            Value::Array(events) if events.is_empty() || events.len() > MAX_EVENTS => {
                let problem = format!("has {} events", events.len());
                Err(BodyFault::Shape(Faults::one(
                    "",
                    problem,
                    format!("1 to {MAX_EVENTS} events"),
                )))
            }
            Value::Array(events) => Ok(Self {
                events,
                single: false,
            }),
            Value::Object(_) => Ok(Self {
                events: vec![value],
                single: true,
            }),
            _ => Err(BodyFault::Shape(Faults::one(
                "",
                "is neither an object nor an array",
                "an event or a list of events",
            ))),
        }
    }
}

/// Checks the signature of a message of liveprompt with the platform's current or previous secret.
///
/// # Errors
/// [`EngineError::Unavailable`] when the secret cannot be read; the inner result says whether the
/// signature is right.
pub async fn verified(
    hub: &Hub,
    body: Bytes,
    signed: Signed<'_>,
    now: hub_domain::Timestamp,
) -> Result<Result<Verified<Bytes>, Refusal>, EngineError> {
    let platform = hub
        .vault()
        .platform()
        .await
        .map_err(EngineError::aws("the platform's secret"))?;
    let secrets = std::iter::once(&platform.webhook.current).chain(&platform.webhook.previous);
    Ok(verify(body, signed, secrets, now))
}

/// Takes events in: stores each, then queues a reference to each. The results keep the order.
pub async fn accept(hub: &Hub, events: &[Value]) -> Vec<EventResult> {
    let stored = store_all(hub, events).await;
    let mut results = Vec::with_capacity(stored.len());
    let mut outgoing = Vec::new();
    let mut places = Vec::new();
    for (index, (id, outcome)) in stored.into_iter().enumerate() {
        let outcome = outcome.and_then(|reference| {
            let Some(reference) = reference else {
                return Ok(());
            };
            let body = serde_json::to_string(&reference).map_err(|error| {
                EventFailure::Unavailable(EngineError::Bug {
                    context: "writing a reference",
                    source: Some(Box::new(error)),
                })
            })?;
            outgoing.push(Outgoing {
                body,
                group: Some(reference.organization.to_string()),
                ..Outgoing::default()
            });
            places.push(index);
            Ok(())
        });
        results.push(EventResult { id, outcome });
    }
    for (place, sent) in places
        .into_iter()
        .zip(hub.queues().send_batch(EVENTS, outgoing).await)
    {
        if let (Err(error), Some(result)) = (sent, results.get_mut(place)) {
            result.outcome = Err(EventFailure::Unavailable(EngineError::aws(
                "the events queue",
            )(error)));
        }
    }
    results
}
