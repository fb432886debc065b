//! `/api/integrations/webhooks`

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::IntoResponse,
};
use hub_domain::{Faults, WebhookId, limits::MAX_BODY_BYTES, reader::Reader};
use hub_engine::{
    EngineError, Expected,
    deliveries::DeliveryFilter,
    webhooks::{
        self, NewWebhook, WebhookChange,
        again::{self, Since},
        document::{NewWebhookBody, SinceBody, WebhookChangeBody, WebhookTestBody},
    },
};
use hub_lambda::{
    ApiError, Problem,
    http::{Segment, read_body},
    openapi,
};
use serde_json::Value;

use crate::{
    Api,
    access::{Caller, refused},
    query,
    views::{
        Page, RetriedDeliveries,
        webhooks::{Attempt, Replayed, Webhook, WithSecret},
    },
};

const PATH: &str = "/api/integrations/webhooks";

/// Creates a webhook. Its signing secret is shown this once.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/webhooks",
    operation_id = "createWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    request_body = NewWebhookBody,
    responses((status = 201, body = WithSecret, description = "It was created.", headers(("Location" = String, description = "Its path."), ("ETag" = String, description = "Its version, for `If-Match`."))), openapi::Called, openapi::Read, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let value = json(body).await?;
    let new = NewWebhook::read(&api.hub, &value).map_err(invalid)?;
    let created = webhooks::create(&api.hub, &caller, new).await;
    let created = created.map_err(|error| refused(&error))?;
    let place = [(header::LOCATION, format!("{PATH}/{}", created.webhook.id))];
    let tag = tag(&created.webhook);
    Ok((
        StatusCode::CREATED,
        place,
        tag,
        Json(WithSecret::from(created)),
    ))
}

/// The webhooks of the organization.
///
/// Needs the role manager.
#[utoipa::path(
    get,
    path = "/api/integrations/webhooks",
    operation_id = "listWebhooks",
    tag = "webhooks",
    security(("bearer" = [])),
    responses((status = 200, body = Page<Webhook>, description = "All of them."), openapi::Called),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<Page<Webhook>>, ApiError> {
    let found = webhooks::list(&api.hub, &caller).await;
    let found = found.map_err(|error| refused(&error))?;
    // An organization has at most twenty: one page holds them all.
    Ok(Json(Page {
        items: found.into_iter().map(Webhook::from).collect(),
        next: None,
    }))
}

/// One webhook.
///
/// Needs the role manager.
#[utoipa::path(
    get,
    path = "/api/integrations/webhooks/{id}",
    operation_id = "getWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, body = Webhook, description = "The webhook as it is now.", headers(("ETag" = String, description = "Its version, for `If-Match`."))), openapi::Called, openapi::Found),
)]
pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<impl IntoResponse, ApiError> {
    let found = webhooks::get(&api.hub, &caller, &known(&id)?).await;
    let found = found.map_err(|error| refused(&error))?;
    Ok((tag(&found), Json(Webhook::from(found))))
}

/// Changes a webhook.
///
/// Needs the role admin.
#[utoipa::path(
    patch,
    path = "/api/integrations/webhooks/{id}",
    operation_id = "changeWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook."), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that the change is made for; without it, any.")),
    request_body = WebhookChangeBody,
    responses((status = 200, body = Webhook, description = "The webhook as it is now.", headers(("ETag" = String, description = "Its version, for `If-Match`."))), openapi::Called, openapi::Found, openapi::Read, openapi::Fitting, openapi::Unchanged),
)]
pub(crate) async fn update(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let id = known(&id)?;
    let value = json(body).await?;
    let wanted = WebhookChange::read(&api.hub, &value).map_err(invalid)?;
    let changed = webhooks::update(&api.hub, &caller, &id, &expected(&headers), &wanted).await;
    let changed = changed.map_err(|error| refused(&error))?;
    Ok((tag(&changed), Json(Webhook::from(changed))))
}

/// Deletes a webhook and its secret.
///
/// Needs the role admin.
#[utoipa::path(
    delete,
    path = "/api/integrations/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook."), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that the change is made for; without it, any.")),
    responses((status = 204, description = "It is gone."), openapi::Called, openapi::Found, openapi::Fitting, openapi::Unchanged),
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let deleted = webhooks::delete(&api.hub, &caller, &known(&id)?, &expected(&headers)).await;
    deleted
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(|error| refused(&error))
}

/// Makes a new signing secret. The one before goes on signing for a day.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, body = WithSecret, description = "The webhook with its new secret, shown this once.", headers(("ETag" = String, description = "Its version, for `If-Match`."))), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn rotate_secret(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<impl IntoResponse, ApiError> {
    let rotated = webhooks::rotate_secret(&api.hub, &caller, &known(&id)?).await;
    let rotated = rotated.map_err(|error| refused(&error))?;
    Ok((tag(&rotated.webhook), Json(WithSecret::from(rotated))))
}

/// Sends again what failed since a time: all that was parked. A call tries 1,000 or looks at 100,000 deliveries
/// at most, and its `next` goes on.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/integrations/webhooks/{id}/recover",
    operation_id = "recoverWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook.")),
    request_body = SinceBody,
    responses((status = 200, body = RetriedDeliveries, description = "What became of them."), openapi::Called, openapi::Read, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn recover(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
    body: Body,
) -> Result<Json<RetriedDeliveries>, ApiError> {
    let id = known(&id)?;
    let mut since = Since::read(&json(body).await?).map_err(invalid)?;
    let filter = DeliveryFilter {
        webhook: Some(id.clone()),
        since: Some(since.since),
        ..DeliveryFilter::default()
    };
    if let Some(cursor) = &since.cursor {
        let place = query::place(&filter, cursor);
        since.cursor = Some(place.ok_or_else(|| {
            let expected = "`next` of the answer before, to the same question";
            invalid(Faults::one("/cursor", "is of another question", expected))
        })?);
    }
    let again = again::recover(&api.hub, &caller, &id, &since).await;
    let again = again.map_err(|error| refused(&error))?;
    let next = again.next.as_deref().map(|next| query::next(&filter, next));
    Ok(Json(RetriedDeliveries::new(again, false, next)))
}

/// Sends what the webhook takes and was never sent, of the events that were accepted since a time: those of
/// the last 30 days are kept. A call looks at 500 events at most, and its `next` goes on.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/integrations/webhooks/{id}/replay-missing",
    operation_id = "replayMissing",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path, description = "The webhook.")),
    request_body = SinceBody,
    responses((status = 200, body = Replayed, description = "What became of them."), openapi::Called, openapi::Read, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn replay_missing(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
    body: Body,
) -> Result<Json<Replayed>, ApiError> {
    let id = known(&id)?;
    let since = Since::read(&json(body).await?).map_err(invalid)?;
    let replayed = again::replay_missing(&api.hub, &caller, &id, &since).await;
    replayed
        .map(|replayed| Json(replayed.into()))
        .map_err(|error| refused(&error))
}

/// Sends a signed `integration.test` and explains what came of it. What the receiver does is an
/// answer, not an error.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/integrations/webhooks/test",
    operation_id = "testWebhook",
    tag = "webhooks",
    security(("bearer" = [])),
    request_body = WebhookTestBody,
    responses((status = 200, body = Attempt, description = "What came of it."), openapi::Called, openapi::Read, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn test(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Json<Attempt>, ApiError> {
    let id = which(&json(body).await?).map_err(invalid)?;
    let tried = webhooks::test(&api.hub, &caller, &id).await;
    tried
        .map(|tried| Json(tried.into()))
        .map_err(|error| refused(&error))
}

/// `{ webhook_id }`
fn which(value: &Value) -> Result<WebhookId, Faults> {
    let mut faults = Faults::default();
    let id = Reader::new(value, "", &mut faults).and_then(|mut reader| {
        let id = reader.required_id("webhook_id", &mut faults);
        for unknown in reader.rest().keys() {
            faults.push(reader.at(unknown), "is unknown", "webhook_id");
        }
        id
    });
    id.filter(|_| faults.is_empty()).ok_or(faults)
}

async fn json(body: Body) -> Result<Value, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let value = serde_json::from_slice(&body);
    Ok(value.map_err(|_| Problem::malformed("The body is not JSON."))?)
}

fn expected(headers: &HeaderMap) -> Expected {
    // One that is no text fits nothing, instead of being left out.
    let given = headers.get(header::IF_MATCH);
    Expected::read(given.map(|value| value.to_str().unwrap_or_default()))
}

fn tag(webhook: &hub_domain::Webhook) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{}\"", webhook.version))]
}

fn invalid(faults: Faults) -> ApiError {
    refused(&EngineError::Invalid(faults))
}

/// An id that no webhook can have is answered like one that none has.
fn known(id: &str) -> Result<WebhookId, ApiError> {
    id.parse()
        .map_err(|_| refused(&EngineError::NotFound("the webhook")))
}
