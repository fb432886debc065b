//! `GET /api/integrations/{crm}/callback`

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use hub_domain::{Connection, ConnectionState};
use hub_engine::{
    EngineError, Hub,
    connect::{self, COOKIE, Callback},
};
use hub_lambda::http::chain;

use crate::{Oauth, connect::set_cookie, page};

#[tracing::instrument(skip_all, fields(crm))]
pub(crate) async fn finish(
    State(oauth): State<Oauth>,
    Path(crm): Path<String>,
    headers: HeaderMap,
    callback: Result<Query<Callback>, QueryRejection>,
) -> Response {
    let Ok(Query(callback)) = callback else {
        let words =
            "The CRM sent this browser back with an address that cannot be read. Begin again.";
        return page::page(StatusCode::BAD_REQUEST, "Not connected", words);
    };
    match ended(&oauth.hub, &crm, &callback, cookie(&headers)).await {
        Ok(connection) => connected(&connection),
        Err(error) => failed(&error),
    }
}

async fn ended(
    hub: &Hub,
    crm: &str,
    callback: &Callback,
    cookie: Option<&str>,
) -> Result<Connection, EngineError> {
    let crm = crm.parse().map_err(|_| EngineError::NotFound("the CRM"))?;
    connect::finish(hub, &crm, callback, cookie).await
}

/// The state is used up: the cookie has nothing left to bind.
fn connected(connection: &Connection) -> Response {
    let next = match connection.state {
        ConnectionState::Active => "is connected and in use.",
        ConnectionState::AwaitingApproval => {
            "is connected. It takes events as soon as an admin of your organization approves it."
        }
        ConnectionState::Unconnected | ConnectionState::ReconnectNeeded => {
            "was connected and has been disconnected since. Begin again."
        }
    };
    let words = format!("“{}” {next} You can close this window.", connection.name);
    let mut response = page::page(StatusCode::OK, "Connected", &words);
    if let Ok(cookie) = HeaderValue::from_str(&set_cookie("", 0)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn failed(error: &EngineError) -> Response {
    let public = error.public();
    let (status, reason) = (public.status, chain(error));
    if status >= 500 {
        tracing::error!(status, reason, "an authorization failed");
    } else {
        tracing::info!(status, reason, "an authorization was refused");
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = page::page(status, "Not connected", &public.detail);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = HeaderValue::from_static("60");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// The cookie that `connect` set. Browsers may send several headers and several cookies in one.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get_all(header::COOKIE).into_iter();
    given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}
