//! `/api/audit`

use axum::{
    Json,
    extract::{Query, State},
};
use hub_engine::{EngineError, audit};
use hub_lambda::{ApiError, openapi};

use crate::{
    Api,
    access::{Caller, refused},
    query::{AuditParameters, AuditQuery},
    views::AuditPage,
};

/// A part of the audit log: entries, the checkpoints among them, and the newest checkpoint of all.
///
/// Needs the role admin.
#[utoipa::path(
    get,
    path = "/api/audit",
    operation_id = "exportAudit",
    tag = "audit",
    security(("bearer" = [])),
    params(AuditParameters),
    responses((status = 200, body = AuditPage, description = "A page of it."), openapi::Called, openapi::Asked),
)]
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
