//! `/api/integrations/{crm}/callback`: where CRMs send browsers back.

use axum::{
    Form,
    body::Body,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hub_domain::{Connection, ConnectionState, CrmId, limits::MAX_BODY_BYTES};
use hub_engine::{
    EngineError, Hub,
    connect::{self, Callback, CallbackParameters},
    connections::document::Crm,
    lifecycle,
};
use hub_lambda::{
    ApiError, Problem,
    http::{Segment, read_body},
    openapi,
};
use secrecy::SecretString;

use crate::{
    Oauth,
    access::refused,
    connect::{cookie, set_cookie},
    page,
};

/// Where a CRM sends the browser back. For browsers; the CRM may add parameters of its own.
#[utoipa::path(
    get,
    path = "/api/integrations/{crm}/callback",
    operation_id = "finishConnecting",
    tag = "connecting",
    security((), ("cookie" = [])),
    params(("crm" = Crm, Path, description = "The CRM."), CallbackParameters),
    responses((status = 200, description = "The connection is authorized; a page says so.", content_type = "text/html", body = String), (status = 400, description = "The address or the form cannot be read; a page says so.", content_type = "text/html", body = String), page::Failed, (status = 409, description = "The connection was changed at the same time, or has ended; a page says so.", content_type = "text/html", body = String), (status = 422, description = "What the CRM sent is not valid; a page says so.", content_type = "text/html", body = String), (status = 502, description = "The CRM refused; a page says so.", content_type = "text/html", body = String)),
)]
#[tracing::instrument(skip_all, fields(crm))]
pub(crate) async fn finish(
    State(oauth): State<Oauth>,
    Segment(crm): Segment,
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

/// Where a CRM sends the browser back by a form. For browsers; a form brings no cookie of ours, so the
/// browser is sent to the same path by GET.
#[utoipa::path(
    post,
    path = "/api/integrations/{crm}/callback",
    operation_id = "putCallbackAside",
    tag = "connecting",
    params(("crm" = Crm, Path, description = "The CRM.")),
    request_body(content = CallbackParameters, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "To the same path, with a handle.", headers(("Location" = String))), page::Failed),
)]
pub(crate) async fn put_aside(
    State(oauth): State<Oauth>,
    Segment(crm): Segment,
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
        Ok(to) => page::away(&to),
        Err(error) => page::failed(&error),
    }
}

/// The CRM itself says that somebody removed the application from an account: every connection to it is
/// parked. It proves itself by the application's id and secret. For CRMs that make such calls.
#[utoipa::path(
    delete,
    path = "/api/integrations/{crm}/callback",
    operation_id = "applicationRemoved",
    tag = "connecting",
    security(("application" = [])),
    params(("crm" = Crm, Path, description = "The CRM.")),
    request_body = Value,
    responses((status = 204, description = "Whatever was connected to the account is parked."), openapi::Failing, openapi::Read, openapi::Found, (status = 403, description = "The call does not prove that it comes from the CRM.", content_type = "application/problem+json", body = openapi::Problem)),
)]
pub(crate) async fn uninstalled(
    State(oauth): State<Oauth>,
    Segment(crm): Segment,
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
