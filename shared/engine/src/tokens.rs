//! Access tokens: used while they are fresh, refreshed by one worker at a time.
//!
//! A refresh takes the right to it first, by a conditional write; it stores the new refresh token
//! before the access token is used. Whoever loses the race uses what the winner stored.

use std::time::Duration;

use hub_aws::{
    AwsError,
    store::{TokenItem, Tokens},
    vault::Credentials,
};
use hub_connectors::{ClientAuth, Connector, Manifest, Rotation};
use hub_domain::{Connection, Verdict};
use oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest,
    HttpResponse, RedirectUrl, RefreshToken, RequestTokenError, RevocationErrorResponseType, StandardErrorResponse,
    StandardRevocableToken, StandardTokenIntrospectionResponse, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicTokenType},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    error::{EngineError, aws_verdict},
    hub::Hub,
    transport::{self, TransportError},
};

/// A token that ends sooner than this is refreshed first: longer than any call takes.
const MARGIN: Duration = Duration::from_secs(120);
/// How long the right to refresh is held: the longest token call and a few writes.
const REFRESH_LEASE: Duration = Duration::from_secs(60);
/// How often the result of a refresh is stored again when the store does not answer. Giving up
/// loses a rotated refresh token.
const STORE_ATTEMPTS: usize = 4;
/// How long to wait for somebody else's refresh.
const WAIT: Duration = Duration::from_secs(2);

/// A usable access token.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) token: SecretString,
    /// Which version of the token item it is; naming it after a 401 asks for the next.
    pub(crate) version: u64,
    /// When it expires, in milliseconds since 1970.
    expires_at: i64,
}

impl Access {
    fn is_fresh(&self, hub: &Hub) -> bool {
        let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(0);
        self.expires_at - margin > hub.now_ms()
    }
}

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
pub(crate) async fn client(hub: &Hub, manifest: &Manifest, connection: &Connection, redirect: Option<&str>) -> Result<OAuthClient, EngineError> {
    let crm = &connection.crm;
    let credentials = credentials(hub, connection).await.map_err(EngineError::aws("the organization's credentials"))?;
    let app = match credentials.clients.get(connection.id.as_str()) {
        Some(own) => own.clone(),
        None => {
            let platform = hub.vault().platform().await.map_err(EngineError::aws("the platform's secret"))?;
            let missing = || EngineError::Crm(Verdict::Misconfigured { reason: format!("no application is registered for {crm}") });
            platform.apps.get(crm.as_str()).cloned().ok_or_else(missing)?
        }
    };
    let authorize = hub.address(manifest, crm, &manifest.oauth.authorize_url, &connection.settings)?;
    let token = hub.address(manifest, crm, &manifest.oauth.token_url, &connection.settings)?;
    let mut client = oauth2::Client::new(ClientId::new(app.client_id))
        .set_client_secret(ClientSecret::new(app.client_secret.expose_secret().to_owned()))
        .set_auth_uri(AuthUrl::from_url(authorize))
        .set_token_uri(TokenUrl::from_url(token))
        .set_auth_type(match manifest.oauth.client_auth {
            ClientAuth::Body => AuthType::RequestBody,
            ClientAuth::Basic => AuthType::BasicAuth,
        });
    if let Some(redirect) = redirect {
        let wrong = |error: url::ParseError| EngineError::Bug { context: "reading the redirect address", source: Some(Box::new(error)) };
        client = client.set_redirect_uri(RedirectUrl::new(redirect.to_owned()).map_err(wrong)?);
    }
    Ok(client)
}

async fn credentials(hub: &Hub, connection: &Connection) -> Result<std::sync::Arc<Credentials>, AwsError> {
    hub.vault().credentials(connection.organization.as_str()).await
}

/// Sends a token request through the one way out. A 5xx or 429 is no answer.
///
/// It owns its hub, so that the future is `Send` whatever borrows it.
pub(crate) async fn exchange(hub: Hub, request: HttpRequest) -> Result<HttpResponse, TokenEndpointError> {
    let (parts, body) = request.into_parts();
    let reply = transport::send(hub.transport(), http::Request::from_parts(parts, body.into())).await?;
    if reply.status().is_server_error() || reply.status() == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenEndpointError::Status(reply.status().as_u16()));
    }
    let (parts, body) = reply.into_parts();
    let mut answer = http::Response::builder().status(parts.status).body(body.to_vec()).map_err(|_| TokenEndpointError::Request)?;
    *answer.headers_mut() = parts.headers;
    Ok(answer)
}

/// What a failed token call means for the connection.
pub(crate) fn refusal(error: &RequestTokenError<TokenEndpointError, BasicErrorResponse>) -> Verdict {
    match error {
        RequestTokenError::ServerResponse(answer) => Verdict::Reauthorize {
            reason: format!("{}: {}", answer.error().as_ref(), answer.error_description().map_or("", String::as_str)),
        },
        RequestTokenError::Request(TokenEndpointError::Transport(TransportError::Forbidden(reason))) => {
            Verdict::Misconfigured { reason: reason.clone() }
        }
        RequestTokenError::Request(error) => Verdict::Retry { after: None, reason: error.to_string() },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Verdict::Retry { after: None, reason: "the token endpoint's answer cannot be read".to_owned() }
        }
    }
}

/// A text of a token reply, at a JSON pointer into its extra fields.
pub(crate) fn reply_text(reply: &TokenReply, pointer: Option<&String>) -> Option<String> {
    Value::Object(reply.extra_fields().fields.clone()).pointer(pointer?)?.as_str().map(str::to_owned)
}

/// The API's base URL of a token reply, checked: a host that the CRM may have, no path, no slash.
pub(crate) fn base_url(hub: &Hub, manifest: &Manifest, reply: &TokenReply) -> Result<Option<String>, Verdict> {
    let Some(text) = reply_text(reply, manifest.oauth.base_url_at.as_ref()) else { return Ok(None) };
    match Url::parse(&text) {
        Ok(url) if hub.allows_base_url(manifest, &url) => Ok(Some(url.origin().ascii_serialization())),
        _ => Err(Verdict::Misconfigured { reason: "the CRM named a host for its API that it cannot have".to_owned() }),
    }
}

/// When the access token of a reply expires, in milliseconds since 1970.
pub(crate) fn expires_at(hub: &Hub, manifest: &Manifest, reply: &TokenReply) -> i64 {
    let lifetime = reply.expires_in().unwrap_or(Duration::from_secs(manifest.oauth.default_lifetime_s));
    hub.now_ms() + i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A usable access token of a connection. `spent` names the version the CRM refused just now.
pub(crate) async fn access(hub: &Hub, connector: &dyn Connector, connection: &Connection, spent: Option<u64>) -> Result<Access, Verdict> {
    let key = (connection.organization.clone(), connection.id.clone());
    // A token that was replaced meanwhile works on, or the CRM refuses it and the next call names it.
    if spent.is_none()
        && let Some(access) = hub.tokens().get(&key).filter(|access| access.is_fresh(hub))
    {
        return Ok(access);
    }
    let access = stored(hub, connector, connection, spent).await?;
    hub.tokens().put(key, access.clone());
    Ok(access)
}

/// The token in the store, refreshed if it is spent.
async fn stored(hub: &Hub, connector: &dyn Connector, connection: &Connection, spent: Option<u64>) -> Result<Access, Verdict> {
    let found = hub.store().token(&connection.organization, &connection.id).await.map_err(|error| aws_verdict(&error))?;
    let Some(item) = found else { return Err(Verdict::Reauthorize { reason: "it was never authorized".to_owned() }) };
    let credentials = credentials(hub, connection).await.map_err(|error| aws_verdict(&error))?;
    let ring = credentials.token_key.ring().map_err(|error| aws_verdict(&error))?;
    let tokens = item.open(&ring).map_err(|error| aws_verdict(&error))?;
    let access = Access { token: tokens.access.clone(), version: item.version, expires_at: item.expires_at };
    if spent != Some(item.version) && access.is_fresh(hub) {
        return Ok(access);
    }
    refresh(hub, connector, connection, &credentials, &item, tokens).await
}

async fn refresh(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    credentials: &Credentials,
    item: &TokenItem,
    old: Tokens,
) -> Result<Access, Verdict> {
    let manifest = connector.manifest();
    let stored = credentials.refresh_tokens.get(connection.id.as_str());
    let Some(refresh) = old.refresh.as_ref().or(stored) else {
        return Err(Verdict::Reauthorize { reason: "the CRM gave no refresh token".to_owned() });
    };
    let holder = hub_aws::seams::ulid(hub.clock(), hub.entropy());
    let now = hub.now_ms();
    let until = now + i64::try_from(REFRESH_LEASE.as_millis()).unwrap_or(0);
    match hub.store().begin_refresh(item, &holder, now, until).await {
        Ok(()) => {}
        Err(AwsError::Conflict { .. }) => return after_somebody_else(hub, connection, credentials, item.version).await,
        Err(error) => return Err(aws_verdict(&error)),
    }
    let outcome = request(hub, manifest, connection, refresh).await;
    let reply = match outcome {
        Ok(reply) => reply,
        Err(verdict) => {
            if let Err(error) = hub.store().cancel_refresh(item, &holder).await {
                tracing::warn!(connection.id = %connection.id, error = %error, "the right to refresh could not be given back; it ends by itself");
            }
            return Err(verdict);
        }
    };
    let ring = credentials.token_key.ring().map_err(|error| aws_verdict(&error))?;
    let renewed = reply.refresh_token().map(|token| SecretString::from(token.secret().clone()));
    let tokens = Tokens {
        access: SecretString::from(reply.access_token().secret().clone()),
        // A reply without a refresh token keeps the old one.
        refresh: match manifest.oauth.rotation {
            Rotation::Rotates => renewed.or(old.refresh),
            Rotation::Keeps => old.refresh,
        },
    };
    let expires = expires_at(hub, manifest, &reply);
    let mut last = None;
    for _ in 0..STORE_ATTEMPTS {
        match hub.store().finish_refresh(&ring, hub.entropy(), item, &holder, &tokens, expires).await {
            Ok(()) => {
                move_base_url(hub, manifest, connection, &reply).await;
                tracing::info!(connection.id = %connection.id, crm = %connection.crm, "the access token was refreshed");
                return Ok(Access { token: tokens.access, version: item.version + 1, expires_at: expires });
            }
            // Our own write may have been applied before its answer was lost.
            Err(AwsError::Conflict { .. }) => return after_somebody_else(hub, connection, credentials, item.version).await,
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or(Verdict::Refresh, |error| aws_verdict(&error)))
}

async fn request(hub: &Hub, manifest: &Manifest, connection: &Connection, refresh: &SecretString) -> Result<TokenReply, Verdict> {
    let client = client(hub, manifest, connection, None).await.map_err(|error| match error {
        EngineError::Crm(verdict) => verdict,
        other => Verdict::Retry { after: None, reason: other.to_string() },
    })?;
    let token = RefreshToken::new(refresh.expose_secret().to_owned());
    let sender = hub.clone();
    let send = move |request| exchange(sender.clone(), request);
    client.exchange_refresh_token(&token).request_async(&send).await.map_err(|error| refusal(&error))
}

/// Uses what somebody else's refresh stored, or says to wait for it.
async fn after_somebody_else(hub: &Hub, connection: &Connection, credentials: &Credentials, before: u64) -> Result<Access, Verdict> {
    let item = hub.store().token(&connection.organization, &connection.id).await.map_err(|error| aws_verdict(&error))?;
    if let Some(item) = item.filter(|item| item.version != before) {
        let ring = credentials.token_key.ring().map_err(|error| aws_verdict(&error))?;
        let tokens = item.open(&ring).map_err(|error| aws_verdict(&error))?;
        return Ok(Access { token: tokens.access, version: item.version, expires_at: item.expires_at });
    }
    Err(Verdict::Retry { after: Some(WAIT), reason: "somebody else refreshes the access token".to_owned() })
}

/// CRM accounts move between hosts; each refresh says where they are now.
async fn move_base_url(hub: &Hub, manifest: &Manifest, connection: &Connection, reply: &TokenReply) {
    match base_url(hub, manifest, reply) {
        Ok(Some(found)) if connection.base_url.as_deref() != Some(&found) => {
            let moved = crate::connections::change(hub, &connection.organization, &connection.id, |current| current.base_url = Some(found.clone())).await;
            if let Err(error) = moved {
                tracing::warn!(connection.id = %connection.id, error = %error, "the CRM's new address could not be stored; the next refresh tries again");
            }
        }
        Ok(_) => {}
        Err(verdict) => tracing::error!(connection.id = %connection.id, verdict = verdict.name(), "the token reply names a host that the CRM cannot have"),
    }
}

