//! `/api/deliveries`

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
};
use hub_domain::{DeliveryId, Faults, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError,
    deliveries::{self, AgainRequest, document::AgainBody},
};
use hub_lambda::{
    ApiError, Problem,
    http::{Segment, read_body},
    openapi,
};

use crate::{
    Api,
    access::{Caller, refused},
    query::{self, DeliveryParameters, DeliveryQuery},
    views::{Delivery, DeliveryDetail, Page, RetriedDeliveries},
};

/// Deliveries, in no order of time. A viewer sees those of sessions they took part in: such a page may
/// hold fewer than asked for, and there is more as long as `next` is there.
///
/// Needs the role viewer.
#[utoipa::path(
    get,
    path = "/api/deliveries",
    operation_id = "listDeliveries",
    tag = "deliveries",
    security(("bearer" = [])),
    params(DeliveryParameters),
    responses((status = 200, body = Page<Delivery>, description = "A page of them."), openapi::Called, openapi::Asked),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Json<Page<Delivery>>, ApiError> {
    let query =
        DeliveryQuery::read(&given).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let cursor = query.cursor.as_deref();
    let page = deliveries::list(&api.hub, &caller, &query.filter, cursor, query.limit)
        .await
        .map_err(|error| refused(&error))?;
    let next = page.next.as_deref().map(|next| query.next(next));
    Ok(Json(Page {
        items: page.deliveries.into_iter().map(Delivery::from).collect(),
        next,
    }))
}

/// One delivery with its evidence: what was written, to which records, and who was matched to whom.
///
/// Needs the role viewer.
#[utoipa::path(
    get,
    path = "/api/deliveries/{id}",
    operation_id = "getDelivery",
    tag = "deliveries",
    security(("bearer" = [])),
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses((status = 200, body = DeliveryDetail, description = "The delivery."), openapi::Called, openapi::Found),
)]
pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<DeliveryDetail>, ApiError> {
    // An id that no delivery can have is answered like one that none has.
    let missing = |_| refused(&EngineError::NotFound("the delivery"));
    let id: DeliveryId = id.parse().map_err(missing)?;
    let found = deliveries::get(&api.hub, &caller, &id).await;
    found
        .map(|found| Json(found.into()))
        .map_err(|error| refused(&error))
}

/// Tries one delivery again, now: one that is parked, dead-lettered, held, retrying or waiting. To ask
/// twice makes one attempt, or a second that finds nothing to do.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/deliveries/{id}/retry",
    operation_id = "retryDelivery",
    tag = "deliveries",
    security(("bearer" = [])),
    params(("id" = DeliveryId, Path, description = "The delivery.")),
    responses((status = 202, body = Delivery, description = "It goes again."), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn retry(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<(StatusCode, Json<Delivery>), ApiError> {
    let missing = |_| refused(&EngineError::NotFound("the delivery"));
    let id: DeliveryId = id.parse().map_err(missing)?;
    let found = deliveries::retry(&api.hub, &caller, &id).await;
    found
        .map(|found| (StatusCode::ACCEPTED, Json(found.into())))
        .map_err(|error| refused(&error))
}

/// Tries all deliveries again that fit, like all that failed for one field since Tuesday. `dry_run` only
/// says how many and which. The first go at once, the others within minutes. Of very many, one call looks at a part:
/// the same call with `next` as `cursor` goes on.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/deliveries/retry",
    operation_id = "retryDeliveries",
    tag = "deliveries",
    security(("bearer" = [])),
    request_body = AgainBody,
    responses((status = 200, body = RetriedDeliveries, description = "What goes again, and what cannot."), openapi::Called, openapi::Read),
)]
pub(crate) async fn retry_all(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Json<RetriedDeliveries>, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let value = serde_json::from_slice(&body)
        .map_err(|_| ApiError::from(Problem::malformed("The body is not JSON.")))?;
    let invalid = |faults: Faults| refused(&EngineError::Invalid(faults));
    let mut request = AgainRequest::read(&value).map_err(invalid)?;
    if let Some(cursor) = request.cursor.take() {
        request.cursor = query::place(&request.filter, &cursor);
        if request.cursor.is_none() {
            let expected = "`next` of the answer before, to the same question";
            return Err(invalid(Faults::one(
                "/cursor",
                "is of another question",
                expected,
            )));
        }
    }
    let again = deliveries::retry_all(&api.hub, &caller, &request)
        .await
        .map_err(|error| refused(&error))?;
    let next = again.next.as_deref();
    let next = next.map(|next| query::next(&request.filter, next));
    Ok(Json(RetriedDeliveries::new(again, request.dry_run, next)))
}
