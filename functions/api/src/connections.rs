//! `/api/integrations/crm`

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hub_domain::{ConnectionId, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError,
    connections::{
        self, Change, NewConnection,
        document::{ConnectionChangeBody, NewConnectionBody},
    },
    identity, lifecycle,
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
    views::{Connection, Page, Tested},
};

/// Creates a connection. One that needs a browser has to be authorized next (`connect`); any other
/// is authorized at once, or not created.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/crm",
    operation_id = "createConnection",
    tag = "connections",
    security(("bearer" = [])),
    request_body = NewConnectionBody,
    responses((status = 201, body = Connection, description = "It was created.", headers(("Location" = String, description = "Its path."))), openapi::Called, openapi::Read, openapi::Paid, openapi::Found, openapi::Fitting, openapi::Agreed),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let value = json(body).await?;
    let new = NewConnection::read(&api.hub, &value)
        .map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let created = connections::create(&api.hub, &caller, new)
        .await
        .map_err(|error| refused(&error))?;
    let place = format!("/api/integrations/crm/{}", created.id);
    let view = Connection::new(created, None);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(view)))
}

/// The connections of the organization, without those that have ended.
///
/// Needs the role manager.
#[utoipa::path(
    get,
    path = "/api/integrations/crm",
    operation_id = "listConnections",
    tag = "connections",
    security(("bearer" = [])),
    responses((status = 200, body = Page<Connection>, description = "All of them."), openapi::Called),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<Page<Connection>>, ApiError> {
    let found = connections::list(&api.hub, &caller)
        .await
        .map_err(|error| refused(&error))?;
    let last = connections::last_syncs(&api.hub, &caller)
        .await
        .map_err(|error| refused(&error))?;
    // An organization has a handful: one page holds them all.
    Ok(Json(Page {
        items: found
            .into_iter()
            .map(|found| {
                let last = last.get(&found.id).copied();
                Connection::new(found, last)
            })
            .collect(),
        next: None,
    }))
}

/// One connection.
///
/// Needs the role manager.
#[utoipa::path(
    get,
    path = "/api/integrations/crm/{id}",
    operation_id = "getConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found),
)]
pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Connection>, ApiError> {
    let found = connections::get(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Approves a connection: from now on it takes events.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/crm/{id}/approve",
    operation_id = "approveConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn approve(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Connection>, ApiError> {
    let found = connections::approve(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Changes name, settings or secret. Another secret or host is proven at the CRM before it counts.
///
/// Needs the role admin.
#[utoipa::path(
    patch,
    path = "/api/integrations/crm/{id}",
    operation_id = "changeConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    request_body = ConnectionChangeBody,
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found, openapi::Read, openapi::Fitting, openapi::Agreed),
)]
pub(crate) async fn update(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
    body: Body,
) -> Result<Json<Connection>, ApiError> {
    let id = known(&id)?;
    let value = json(body).await?;
    let wanted = Change::read(&value).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let found = connections::update(&api.hub, &caller, &id, wanted).await;
    shown(&api, &caller, found).await
}

/// Ends a connection and forgets its credentials; its log stays.
///
/// Needs the role admin.
#[utoipa::path(
    delete,
    path = "/api/integrations/crm/{id}",
    operation_id = "endConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn disconnect(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::disconnect(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Stops a connection from taking events; what waits, waits.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/crm/{id}/pause",
    operation_id = "pauseConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn pause(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::pause(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Takes a paused connection back into use.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/crm/{id}/resume",
    operation_id = "resumeConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Connection, description = "The connection as it is now."), openapi::Called, openapi::Found, openapi::Fitting),
)]
pub(crate) async fn resume(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::resume(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Makes real calls to the CRM. A connection that does not work is an answer, not an error.
///
/// Needs the role manager.
#[utoipa::path(
    post,
    path = "/api/integrations/crm/{id}/test",
    operation_id = "testConnection",
    tag = "connections",
    security(("bearer" = [])),
    params(("id" = ConnectionId, Path, description = "The connection.")),
    responses((status = 200, body = Tested, description = "What was found."), openapi::Called, openapi::Found, openapi::Fitting, openapi::Agreed),
)]
pub(crate) async fn test(
    State(api): State<Api>,
    Caller(caller): Caller,
    Segment(id): Segment,
) -> Result<Json<Tested>, ApiError> {
    let tested = lifecycle::test(&api.hub, &caller, &known(&id)?).await;
    tested
        .map(|tested| Json(tested.into()))
        .map_err(|error| refused(&error))
}

async fn json(body: Body) -> Result<Value, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| Problem::malformed("The body is not JSON.").into())
}

async fn shown(
    api: &Api,
    caller: &identity::Caller,
    found: Result<hub_domain::Connection, EngineError>,
) -> Result<Json<Connection>, ApiError> {
    let found = found.map_err(|error| refused(&error))?;
    let last = connections::last_syncs(&api.hub, caller)
        .await
        .map_err(|error| refused(&error))?;
    let last = last.get(&found.id).copied();
    Ok(Json(Connection::new(found, last)))
}

/// An id that no connection can have is answered like one that none has.
fn known(id: &str) -> Result<ConnectionId, ApiError> {
    id.parse()
        .map_err(|_| refused(&EngineError::NotFound("the connection")))
}
