//! `/api/deliveries`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use hub_domain::DeliveryId;
use hub_engine::{EngineError, deliveries};
use hub_lambda::ApiError;

use crate::{
    Api,
    access::{Caller, refused},
    query::DeliveryQuery,
    views::{Delivery, DeliveryDetail, Page},
};

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

pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<DeliveryDetail>, ApiError> {
    // An id that no delivery can have is answered like one that none has.
    let missing = |_| refused(&EngineError::NotFound("the delivery"));
    let id: DeliveryId = id.parse().map_err(missing)?;
    let found = deliveries::get(&api.hub, &caller, &id).await;
    found
        .map(|found| Json(found.into()))
        .map_err(|error| refused(&error))
}
