//! The token endpoint: the OAuth client of a connection, and what its answers mean.

use std::time::Duration;

use hub_aws::{AwsError, vault::Credentials};
use hub_connectors::{ClientAuth, Manifest};
use hub_domain::{Connection, Verdict};
use oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, HttpResponse, RedirectUrl, RequestTokenError,
    RevocationErrorResponseType, StandardErrorResponse, StandardRevocableToken,
    StandardTokenIntrospectionResponse, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicTokenType},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    error::EngineError,
    hub::Hub,
    transport::{self, TransportError},
};

/// What a token reply says beyond the standard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Extra {
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

impl ExtraTokenFields for Extra {}

pub(crate) type TokenReply = StandardTokenResponse<Extra, BasicTokenType>;

/// The OAuth client of one connection.
pub(crate) type OAuthClient = oauth2::Client<
    BasicErrorResponse,
    TokenReply,
    StandardTokenIntrospectionResponse<EmptyExtraTokenFields, BasicTokenType>,
    StandardRevocableToken,
    StandardErrorResponse<RevocationErrorResponseType>,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The token endpoint gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenEndpointError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the token endpoint answered {0}")]
    Status(u16),
    #[error("the request cannot be made")]
    Request,
}

/// The OAuth client of a connection: its own application, or the platform's.
pub(crate) async fn client(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    redirect: Option<&str>,
) -> Result<OAuthClient, EngineError> {
    let crm = &connection.crm;
    let credentials = credentials(hub, connection)
        .await
        .map_err(EngineError::aws("the organization's credentials"))?;
    let app = if let Some(own) = credentials.clients.get(connection.id.as_str()) {
        own.clone()
    } else {
        let platform = hub.vault().platform().await;
        let platform = platform.map_err(EngineError::aws("the platform's secret"))?;
        let missing = || {
            EngineError::Crm(Verdict::Misconfigured {
                reason: format!("no application is registered for {crm}"),
            })
        };
        platform
            .apps
            .get(crm.as_str())
            .cloned()
            .ok_or_else(missing)?
    };
    let authorize = hub.address(
        manifest,
        crm,
        &manifest.oauth.authorize_url,
        &connection.settings,
    )?;
    let token = hub.address(
        manifest,
        crm,
        &manifest.oauth.token_url,
        &connection.settings,
    )?;
    let mut client = oauth2::Client::new(ClientId::new(app.client_id))
        .set_client_secret(ClientSecret::new(
            app.client_secret.expose_secret().to_owned(),
        ))
        .set_auth_uri(AuthUrl::from_url(authorize))
        .set_token_uri(TokenUrl::from_url(token))
        .set_auth_type(match manifest.oauth.client_auth {
            ClientAuth::Body => AuthType::RequestBody,
            ClientAuth::Basic => AuthType::BasicAuth,
        });
    if let Some(redirect) = redirect {
        let wrong = |error: url::ParseError| EngineError::Bug {
            context: "reading the redirect address",
            source: Some(Box::new(error)),
        };
        client = client.set_redirect_uri(RedirectUrl::new(redirect.to_owned()).map_err(wrong)?);
    }
    Ok(client)
}

pub(crate) async fn credentials(
    hub: &Hub,
    connection: &Connection,
) -> Result<std::sync::Arc<Credentials>, AwsError> {
    hub.vault()
        .credentials(connection.organization.as_str())
        .await
}

/// Sends a token request through the one way out. A 5xx or 429 is no answer.
///
/// It owns its hub, so that the future is `Send` whatever borrows it.
pub(crate) async fn exchange(
    hub: Hub,
    request: HttpRequest,
) -> Result<HttpResponse, TokenEndpointError> {
    let (parts, body) = request.into_parts();
    let reply = transport::send(
        hub.transport(),
        http::Request::from_parts(parts, body.into()),
    )
    .await?;
    if reply.status().is_server_error() || reply.status() == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenEndpointError::Status(reply.status().as_u16()));
    }
    let (parts, body) = reply.into_parts();
    let mut answer = http::Response::builder()
        .status(parts.status)
        .body(body.to_vec())
        .map_err(|_| TokenEndpointError::Request)?;
    *answer.headers_mut() = parts.headers;
    Ok(answer)
}

/// What a failed token call means for the connection.
pub(crate) fn refusal(
    error: &RequestTokenError<TokenEndpointError, BasicErrorResponse>,
) -> Verdict {
    match error {
        RequestTokenError::ServerResponse(answer) => Verdict::Reauthorize {
            reason: format!(
                "{}: {}",
                answer.error().as_ref(),
                answer.error_description().map_or("", String::as_str)
            ),
        },
        RequestTokenError::Request(TokenEndpointError::Transport(TransportError::Forbidden(
            reason,
        ))) => Verdict::Misconfigured {
            reason: reason.clone(),
        },
        RequestTokenError::Request(error) => Verdict::Retry {
            after: None,
            reason: error.to_string(),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Verdict::Retry {
            after: None,
            reason: "the token endpoint's answer cannot be read".to_owned(),
        },
    }
}

/// A text of a token reply, or a number as text, at a JSON pointer into its extra fields.
pub(crate) fn reply_text(reply: &TokenReply, pointer: Option<&String>) -> Option<String> {
    let fields = Value::Object(reply.extra_fields().fields.clone());
    match fields.pointer(pointer?)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The API's base URL: the manifest's, or that of a token reply, checked: a host that the CRM may
/// have, no path, no slash.
pub(crate) fn base_url(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    reply: &TokenReply,
) -> Result<Option<String>, Verdict> {
    if let (None, Some(fixed)) = (&manifest.oauth.base_url_at, &manifest.api.base_url) {
        let address = hub.address(manifest, &connection.crm, fixed, &connection.settings);
        return address
            .map(|url| Some(url.origin().ascii_serialization()))
            .map_err(|error| Verdict::Bug {
                reason: error.to_string(),
            });
    }
    let Some(text) = reply_text(reply, manifest.oauth.base_url_at.as_ref()) else {
        return Ok(None);
    };
    match Url::parse(&text) {
        Ok(url) if hub.allows_base_url(manifest, &url) => {
            Ok(Some(url.origin().ascii_serialization()))
        }
        _ => Err(Verdict::Misconfigured {
            reason: "the CRM named a host for its API that it cannot have".to_owned(),
        }),
    }
}

/// When the access token of a reply expires, in milliseconds since 1970.
pub(crate) fn expires_at(hub: &Hub, manifest: &Manifest, reply: &TokenReply) -> i64 {
    let lifetime = reply
        .expires_in()
        .unwrap_or(Duration::from_secs(manifest.oauth.default_lifetime_s));
    hub.now_ms() + i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 4)
}
