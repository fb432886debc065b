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
    connections::{self, NewConnection},
};
use hub_lambda::{ApiError, Problem, http::read_body};

use crate::{
    Api,
    access::{Caller, refused},
    views::{Connection, Page},
};

pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let value =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed("The body is not JSON."))?;
    let new =
        NewConnection::read(&value).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let created = connections::create(&api.hub, &caller, new)
        .await
        .map_err(|error| refused(&error))?;
    let place = format!("/api/integrations/crm/{}", created.id);
    let view = Connection::from(created);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(view)))
}

pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<Page<Connection>>, ApiError> {
    let found = connections::list(&api.hub, &caller)
        .await
        .map_err(|error| refused(&error))?;
    // An organization has a handful: one page holds them all.
    Ok(Json(Page {
        items: found.into_iter().map(Connection::from).collect(),
        next: None,
    }))
}

pub(crate) async fn get(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let found = connections::get(&api.hub, &caller, &known(&id)?).await;
    found
        .map(|found| Json(found.into()))
        .map_err(|error| refused(&error))
}

pub(crate) async fn approve(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Connection>, ApiError> {
    let approved = connections::approve(&api.hub, &caller, &known(&id)?).await;
    approved
        .map(|approved| Json(approved.into()))
        .map_err(|error| refused(&error))
}

/// An id that no connection can have is answered like one that none has.
fn known(id: &str) -> Result<ConnectionId, ApiError> {
    id.parse()
        .map_err(|_| refused(&EngineError::NotFound("the connection")))
}
