//! `POST /api/integrations/{crm}/connect`

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use hub_domain::{ConnectionId, Faults, limits::MAX_BODY_BYTES, reader::Reader};
use hub_engine::{
    EngineError,
    connect::{self, COOKIE, STATE_LIFETIME},
};
use hub_lambda::{ApiError, Problem, http::read_body};
use serde_json::{Value, json};

use crate::{
    Oauth,
    access::{Caller, refused},
    page,
};

pub(crate) async fn begin(
    State(oauth): State<Oauth>,
    Caller(caller): Caller,
    Path(crm): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let value =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed("The body is not JSON."))?;
    let crm = crm
        .parse()
        .map_err(|_| refused(&EngineError::NotFound("the CRM")))?;
    let connection =
        connection_id(&value).map_err(|faults| refused(&EngineError::Invalid(faults)))?;
    let begun = connect::begin(&oauth.hub, &caller, &crm, &connection, &oauth.public_url)
        .await
        .map_err(|error| refused(&error))?;
    let headers = [
        (
            header::SET_COOKIE,
            set_cookie(&begun.cookie, STATE_LIFETIME.as_secs()),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((
        headers,
        Json(json!({
            "authorize_url": begun.authorize_url.as_str(),
            "start_url": begun.start_url,
        })),
    ))
}

/// The handle of a `start_url`.
#[derive(serde::Deserialize)]
pub(crate) struct Start {
    handle: String,
}

/// `GET /api/integrations/{crm}/start?handle=`: a page on another host opened it at top level.
pub(crate) async fn start(
    State(oauth): State<Oauth>,
    Path(crm): Path<String>,
    start: Result<Query<Start>, QueryRejection>,
) -> Response {
    let begun = async {
        let Query(start) = start.map_err(|_| EngineError::Forbidden("a handle is missing"))?;
        let crm = crm.parse().map_err(|_| EngineError::NotFound("the CRM"))?;
        connect::start(&oauth.hub, &crm, &start.handle).await
    };
    match begun.await {
        Ok(begun) => {
            let cookie = set_cookie(&begun.cookie, STATE_LIFETIME.as_secs());
            page::away(&begun.authorize_url, Some(&cookie))
        }
        Err(error) => page::failed(&error),
    }
}

fn connection_id(value: &Value) -> Result<ConnectionId, Faults> {
    let mut faults = Faults::default();
    let found = Reader::new(value, "", &mut faults).and_then(|mut reader| {
        let found = reader.required_id("connection_id", &mut faults);
        for unknown in reader.rest().keys() {
            faults.push(format!("/{unknown}"), "is unknown", "connection_id");
        }
        found
    });
    found.filter(|_| faults.is_empty()).ok_or(faults)
}

/// `Lax`, because the CRM sends the browser back at top level.
pub(crate) fn set_cookie(value: &str, max_age_s: u64) -> String {
    format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age_s}")
}
