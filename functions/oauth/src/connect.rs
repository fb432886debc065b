//! `POST /api/integrations/{crm}/connect`, and `…/start`, by which a page of another host begins.

use axum::{
    Form, Json,
    body::Body,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use hub_domain::{ConnectionId, Faults, limits::MAX_BODY_BYTES, reader::Reader};
use hub_engine::{
    EngineError,
    connect::{self, COOKIE, STATE_LIFETIME},
    connections::document::{ConnectBody, Crm},
};
use hub_lambda::{
    ApiError, Problem,
    http::{Segment, read_body},
    openapi,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Oauth,
    access::{Caller, refused},
    page,
};

/// Begins to authorize a connection at its CRM: the browser is to open `authorize_url`, or `start_url`
/// if it cannot keep the cookie that comes along.
///
/// Needs the role admin.
#[utoipa::path(
    post,
    path = "/api/integrations/{crm}/connect",
    operation_id = "connect",
    tag = "connecting",
    security(("bearer" = [])),
    params(("crm" = Crm, Path, description = "The CRM.")),
    request_body = ConnectBody,
    responses((status = 200, body = Begun, description = "Where to send the browser.", headers(("Set-Cookie" = String, description = "Binds the authorization to the browser."))), openapi::Called, openapi::Read, openapi::Found, openapi::Fitting, openapi::Agreed),
)]
pub(crate) async fn begin(
    State(oauth): State<Oauth>,
    Caller(caller): Caller,
    Segment(crm): Segment,
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
        Json(Begun {
            authorize_url: begun.authorize_url.into(),
            start_url: begun.start_url,
        }),
    ))
}

/// Where to send the browser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    /// The CRM's consent page.
    authorize_url: String,
    /// Our own address that leads there, for a page on another host: good once, for a minute.
    start_url: String,
}

/// The handle of a `start_url`.
#[derive(serde::Deserialize, ToSchema)]
pub(crate) struct Start {
    /// Good once, for a minute.
    handle: String,
}

/// Opened at top level by a page of another host: says whose connection would get the grant, and asks whether to
/// go on to the CRM. For browsers.
#[utoipa::path(
    get,
    path = "/api/integrations/{crm}/start",
    operation_id = "askBeforeConnecting",
    tag = "connecting",
    params(("crm" = Crm, Path, description = "The CRM."), ("handle" = String, Query, description = "Out of `start_url`: good once, for a minute.")),
    responses((status = 200, description = "A page that asks.", content_type = "text/html", body = String, headers(("Set-Cookie" = String))), page::Failed),
)]
pub(crate) async fn ask(
    State(oauth): State<Oauth>,
    Segment(crm): Segment,
    start: Result<Query<Start>, QueryRejection>,
) -> Response {
    let offered = async {
        let Query(start) = start.map_err(|_| EngineError::Forbidden("a handle is missing"))?;
        let crm = crm.parse().map_err(|_| EngineError::NotFound("the CRM"))?;
        let offered = connect::offered(&oauth.hub, &crm, &start.handle).await?;
        Ok((offered, start.handle))
    };
    match offered.await {
        Ok((offered, handle)) => {
            let (crm, connection) = (&offered.crm, &offered.connection.name);
            let (organization, person) = (&offered.organization, &offered.person);
            page::asks(
                &format!("Connect {crm}?"),
                &format!(
                    "The connection “{connection}” of the organization “{organization}” would read and write in {crm} as you. {person} began this. Go on only if you know why."
                ),
                &page::Form {
                    label: &format!("Go on to {crm}"),
                    handle: &handle,
                    then: &offered.origin,
                },
                &set_cookie(&offered.cookie, STATE_LIFETIME.as_secs()),
            )
        }
        Err(error) => page::failed(&error),
    }
}

/// The form of that page: binds the authorization to this browser and sends it on to the CRM. For browsers.
#[utoipa::path(
    post,
    path = "/api/integrations/{crm}/start",
    operation_id = "startConnecting",
    tag = "connecting",
    security((), ("cookie" = [])),
    params(("crm" = Crm, Path, description = "The CRM.")),
    request_body(content = Start, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "To the CRM.", headers(("Location" = String))), page::Failed),
)]
pub(crate) async fn start(
    State(oauth): State<Oauth>,
    Segment(crm): Segment,
    headers: HeaderMap,
    start: Result<Form<Start>, FormRejection>,
) -> Response {
    let begun = async {
        let Form(start) = start.map_err(|_| EngineError::Forbidden("a handle is missing"))?;
        let crm = crm.parse().map_err(|_| EngineError::NotFound("the CRM"))?;
        connect::start(&oauth.hub, &crm, &start.handle, cookie(&headers)).await
    };
    match begun.await {
        Ok(authorize_url) => page::away(&authorize_url),
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

/// The cookie that was set before. Browsers may send several headers and several cookies in one; but
/// this one cannot be there twice, since its prefix admits one path and no domain.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
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
