//! What a sender is told: one event's outcome as a status of its own, a list's event by event.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub_domain::{EventId, Fault};
use hub_engine::ingest::{EventFailure, EventResult};
use hub_lambda::{ApiError, Problem, http::chain};
use serde::Serialize;
use utoipa::ToSchema;

/// How long a sender waits before it sends again what could not be stored or queued.
const RETRY_AFTER_S: u32 = 10;

/// The answer to a request of which at least something could be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct Answer {
    /// The request's `webhook-id`.
    receipt: String,
    /// How many were accepted.
    accepted: usize,
    /// What became of each, in their order.
    events: Vec<Event>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventOutcome)]
struct Event {
    /// Its place in the list, from 0.
    index: usize,
    /// Its id, where it has a readable one.
    id: Option<EventId>,
    /// 202: it is stored and queued. 409: another was accepted under its id. 422: it is not valid. 503:
    /// send it again.
    status: u16,
    /// Whether it may be sent again as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    /// What is wrong with it; pointers count from the event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    faults: Vec<Fault>,
}

impl Event {
    fn of(index: usize, result: EventResult) -> Self {
        let id = result.id;
        let (status, faults) = match result.outcome {
            Ok(()) => (StatusCode::ACCEPTED, Vec::new()),
            Err(EventFailure::Invalid(faults)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, relative(index, faults.0))
            }
            Err(EventFailure::Different(fields)) => (StatusCode::CONFLICT, differing(fields)),
            Err(EventFailure::Unavailable(error)) => {
                let event = id.as_ref().map(EventId::as_str);
                let reason = chain(&error);
                tracing::error!(event.id = event, reason, "an event could not be taken in");
                (StatusCode::SERVICE_UNAVAILABLE, Vec::new())
            }
        };
        Self {
            index,
            id,
            retryable: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(true),
            status: status.as_u16(),
            faults,
        }
    }

    fn is(&self, status: StatusCode) -> bool {
        self.status == status.as_u16()
    }
}

/// The answer to a body that is one event: accepted, or a problem.
pub(crate) fn single(
    receipt: &str,
    results: Vec<EventResult>,
) -> Result<(StatusCode, Json<Answer>), ApiError> {
    let answer = Answer::of(receipt, results);
    let Some(event) = answer.events.first() else {
        return Err(ApiError::internal("one event had no result"));
    };
    let problem = match event.status {
        202 => return Ok((StatusCode::ACCEPTED, Json(answer))),
        409 => Problem::conflict("Another event was accepted under this id."),
        422 => {
            Problem::invalid("The event cannot be accepted; the faults say what would be right.")
        }
        _ => Problem::unavailable(RETRY_AFTER_S),
    };
    let problem = problem
        .faults(event.faults.clone())
        .with("receipt", receipt);
    Err(problem
        .with("event_id", event.id.as_ref().map(EventId::as_str))
        .into())
}

/// The answer to a body that is a list.
pub(crate) fn list(receipt: &str, results: Vec<EventResult>) -> Response {
    let answer = Answer::of(receipt, results);
    let (accepted, all) = (answer.accepted, answer.events.len());
    let retryable = answer
        .events
        .iter()
        .any(|event| event.is(StatusCode::SERVICE_UNAVAILABLE));
    tracing::info!(
        accepted,
        refused = all - accepted,
        "a list of events was answered"
    );
    let status = match accepted {
        0 if retryable => StatusCode::SERVICE_UNAVAILABLE,
        0 => StatusCode::UNPROCESSABLE_ENTITY,
        _ if accepted == all => StatusCode::ACCEPTED,
        _ => StatusCode::MULTI_STATUS,
    };
    let mut response = (status, Json(answer)).into_response();
    if retryable {
        let wait = HeaderValue::from(RETRY_AFTER_S);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

impl Answer {
    fn of(receipt: &str, results: Vec<EventResult>) -> Self {
        let results = results.into_iter().enumerate();
        let events: Vec<Event> = results
            .map(|(index, result)| Event::of(index, result))
            .collect();
        let accepted = events
            .iter()
            .filter(|event| event.is(StatusCode::ACCEPTED))
            .count();
        Self {
            receipt: receipt.to_owned(),
            accepted,
            events,
        }
    }
}

/// Pointers count from the event, whether it came alone or in a list: `index` says which it is.
fn relative(index: usize, mut faults: Vec<Fault>) -> Vec<Fault> {
    let place = format!("/{index}");
    for fault in &mut faults {
        if let Some(rest) = fault.pointer.strip_prefix(&place) {
            fault.pointer = rest.to_owned();
        }
    }
    faults
}

fn differing(fields: Vec<String>) -> Vec<Fault> {
    let fault = |pointer| Fault {
        pointer,
        problem: "differs from the event that was accepted under this id".to_owned(),
        expected: "the same value, or another event id".to_owned(),
    };
    fields.into_iter().map(fault).collect()
}
