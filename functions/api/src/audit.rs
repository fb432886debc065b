//! `/api/audit`

use axum::{
    Json,
    extract::{Query, State},
};
use hub_engine::{EngineError, audit};
use hub_lambda::ApiError;

use crate::{
    Api,
    access::{Caller, refused},
    query::AuditQuery,
    views::AuditPage,
};

pub(crate) async fn export(
    State(api): State<Api>,
    Caller(caller): Caller,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Json<AuditPage>, ApiError> {
    let query =
        AuditQuery::read(&given).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let found = audit::export(&api.hub, &caller, query.from, query.limit).await;
    found
        .map(|found| Json(found.into()))
        .map_err(|error| refused(&error))
}
