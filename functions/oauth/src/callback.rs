//! `/api/integrations/{crm}/callback`: where CRMs send browsers back.

use axum::{
    Form,
    body::Body,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hub_domain::{Connection, ConnectionState, CrmId, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError, Hub,
    connect::{self, COOKIE, Callback},
    lifecycle,
};
use hub_lambda::{ApiError, Problem, http::read_body};
use secrecy::SecretString;

use crate::{Oauth, access::refused, connect::set_cookie, page};

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
        Err(error) => page::failed(&error),
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

/// `POST …/callback`: some CRMs send the browser back by a form, which brings no cookie of ours. It is
/// put aside, and the browser comes again by our own GET.
pub(crate) async fn put_aside(
    State(oauth): State<Oauth>,
    Path(crm): Path<String>,
    callback: Result<Form<Callback>, FormRejection>,
) -> Response {
    let put = async {
        let Form(callback) = callback.map_err(|_| {
            EngineError::Forbidden("the CRM sent this browser back with a form that cannot be read")
        })?;
        let crm: CrmId = crm.parse().map_err(|_| EngineError::NotFound("the CRM"))?;
        let handle = connect::posted(&oauth.hub, &crm, &callback).await?;
        Ok(format!("/api/integrations/{crm}/callback?handle={handle}"))
    };
    match put.await {
        Ok(to) => page::away(&to, None),
        Err(error) => page::failed(&error),
    }
}

/// `DELETE …/callback`: the CRM itself says that somebody removed the application.
pub(crate) async fn uninstalled(
    State(oauth): State<Oauth>,
    Path(crm): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let crm = crm
        .parse()
        .map_err(|_| refused(&EngineError::NotFound("the CRM")))?;
    let unproven = || {
        refused(&EngineError::Forbidden(
            "the call has no client credentials",
        ))
    };
    let (id, secret) = basic(&headers).ok_or_else(unproven)?;
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let body =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed("The body is not JSON."))?;
    let parked = lifecycle::uninstalled(&oauth.hub, &crm, &id, &secret, &body)
        .await
        .map_err(|error| refused(&error))?;
    tracing::warn!(crm = %crm, parked, "the application was removed from an account");
    Ok(StatusCode::NO_CONTENT)
}

/// Client id and secret by HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), SecretString::from(secret)))
}

/// The state is used up: the cookie has nothing left to bind.
fn connected(connection: &Connection) -> Response {
    let next = match connection.state {
        ConnectionState::Active => "is connected and in use.",
        ConnectionState::AwaitingApproval => {
            "is connected. It takes events as soon as an admin of your organization approves it."
        }
        ConnectionState::Unconnected
        | ConnectionState::ReconnectNeeded
        | ConnectionState::Disconnected => {
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

/// The cookie that `connect` set. Browsers may send several headers and several cookies in one; but
/// this one cannot be there twice, since its prefix admits one path and no domain.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get_all(header::COOKIE).into_iter();
    let mut found = given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}
