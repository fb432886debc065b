//! `/api/integrations/crm`

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use hub_domain::{ConnectionId, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError,
    connections::{self, Change, NewConnection},
    identity, lifecycle,
};
use hub_lambda::{ApiError, Problem, http::read_body};
use serde_json::Value;

use crate::{
    Api,
    access::{Caller, refused},
    views::{Connection, Page, Tested},
};

pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let value = json(body).await?;
    let new =
        NewConnection::read(&value).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let created = connections::create(&api.hub, &caller, new)
        .await
        .map_err(|error| refused(&error))?;
    let place = format!("/api/integrations/crm/{}", created.id);
    let view = Connection::new(created, None);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(view)))
}

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

pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = connections::get(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

pub(crate) async fn approve(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = connections::approve(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Name, settings or secret.
pub(crate) async fn update(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Connection>, ApiError> {
    let id = known(&id)?;
    let value = json(body).await?;
    let wanted = Change::read(&value).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let found = connections::update(&api.hub, &caller, &id, wanted).await;
    shown(&api, &caller, found).await
}

/// Ends it; its log stays.
pub(crate) async fn disconnect(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::disconnect(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

pub(crate) async fn pause(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::pause(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

pub(crate) async fn resume(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = lifecycle::resume(&api.hub, &caller, &known(&id)?).await;
    shown(&api, &caller, found).await
}

/// Real calls to the CRM; a connection that does not work is an answer, not an error.
pub(crate) async fn test(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
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
