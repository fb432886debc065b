//! `/api/deliveries`

use axum::{
    Json,
    extract::{Query, State},
};
use hub_domain::DeliveryId;
use hub_engine::{EngineError, deliveries};
use hub_lambda::{ApiError, http::Segment, openapi};

use crate::{
    Api,
    access::{Caller, refused},
    query::{DeliveryParameters, DeliveryQuery},
    views::{Delivery, DeliveryDetail, Page},
};

/// Deliveries, the newest first. A viewer sees those of sessions they took part in: such a page may
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
