//! HTTP: liveprompt's events, verified, stored and queued.
//!
//! The bytes are verified before anything reads them. What is answered as accepted is stored and
//! queued; what is not says why, event by event.

mod answer;
mod config;

use axum::{
    Router,
    body::Body as HttpBody,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use hub_domain::{event::document::Events, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError, Hub, Verified,
    ingest::{self, Body, BodyFault},
    webhook::Signed,
};
use hub_lambda::{
    ApiError, Problem,
    http::{guarded, read_body},
    openapi,
};
use utoipa::OpenApi;

use self::answer::Answer;
pub use config::Config;

/// The challenge of a 401: what a sender has to bring.
const CHALLENGE: &str = "StandardWebhooks";

/// The routes, for the document of the API.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(events))]
    struct Document;
    Document::openapi()
}

/// The routes.
pub fn router(hub: Hub) -> Router {
    guarded(
        Router::new()
            .route("/api/events", post(events))
            .with_state(hub),
    )
}

/// Takes events in: one, or a list of up to 100. What is accepted is stored and queued.
///
/// The bytes are signed as Standard Webhooks. The same event may be sent again, and does nothing.
#[utoipa::path(
    post,
    path = "/api/events",
    operation_id = "sendEvents",
    tag = "events",
    security(("signature" = [])),
    params(
        ("webhook-id" = String, Header, description = "The request's own id.", pattern = "^[!-~]+$"),
        ("webhook-timestamp" = String, Header, description = "When it was sent, in seconds since 1970; 5 minutes off at most.", pattern = "^[0-9]+$"),
    ),
    request_body = Events,
    responses(
        (status = 202, body = Answer, description = "All of them are accepted."),
        (status = 207, body = Answer, description = "Some of a list are accepted.", headers(("Retry-After" = u32))),
        (status = 401, body = openapi::Problem, content_type = "application/problem+json", description = "The signature is missing, wrong or too old.", headers(("WWW-Authenticate" = String))),
        (status = 409, body = openapi::Problem, content_type = "application/problem+json", description = "Another event was accepted under this id; the faults name what differs."),
        (status = 422, description = "The one event, or every event of a list, is not valid.", content(
            (openapi::Problem = "application/problem+json"),
            (Answer = "application/json"),
        )),
        (status = 503, description = "Send the one event, or all of the list, again.", headers(("Retry-After" = u32)), content(
            (openapi::Problem = "application/problem+json"),
            (Answer = "application/json"),
        )),
        openapi::Unreadable,
    ),
)]
#[tracing::instrument(skip_all, fields(request.id = header(&headers, "webhook-id")))]
async fn events(
    State(hub): State<Hub>,
    headers: HeaderMap,
    body: HttpBody,
) -> Result<Response, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let verified = verified(&hub, &headers, body).await?;
    let events = Body::read(verified).map_err(|fault| {
        let (problem, faults) = match fault {
            BodyFault::NotJson(faults) => (Problem::malformed("The body is not JSON."), faults),
            BodyFault::Shape(faults) => {
                let detail = "The body is neither an event nor a list of 1 to 100 events.";
                (Problem::invalid(detail), faults)
            }
        };
        ApiError::from(problem.faults(faults.0))
    })?;
    let results = ingest::accept(&hub, &events.events).await;
    let receipt = header(&headers, "webhook-id");
    Ok(if events.single {
        answer::single(receipt, results).into_response()
    } else {
        answer::list(receipt, results)
    })
}

async fn verified(
    hub: &Hub,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Verified<Bytes>, ApiError> {
    let signed = Signed {
        id: header(headers, "webhook-id"),
        timestamp: header(headers, "webhook-timestamp"),
        signature: header(headers, "webhook-signature"),
    };
    match ingest::verified(hub, body, signed, hub.clock().now()).await {
        Ok(Ok(verified)) => Ok(verified),
        Ok(Err(refusal)) => {
            Err(Problem::unauthorized(CHALLENGE, format!("Not verified: {refusal}.")).into())
        }
        Err(error) => Err(unavailable(&error)),
    }
}

/// Whatever keeps a request from being verified or stored is ours: the sender may send it again.
fn unavailable(error: &EngineError) -> ApiError {
    let problem = Problem::of_status(503, "The events cannot be taken in now; send them again.");
    ApiError::from(problem).caused_by(error)
}

/// A header that is missing, or no text, is empty: no signature fits it.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
