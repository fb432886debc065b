//! The OAuth client of a connection, and what a token reply says.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_aws::{
    AwsError,
    vault::{Credentials, OauthClient as Application},
};
use hub_connectors::{ClientAuth, Manifest, OAuth};
use hub_domain::{Cause, Connection, Timestamp, Verdict};
use oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet,
    ExtraTokenFields, RedirectUrl, RevocationErrorResponseType, StandardErrorResponse,
    StandardRevocableToken, StandardTokenIntrospectionResponse, StandardTokenResponse,
    TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicTokenType},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{error::EngineError, hub::Hub, tokens::MARGIN};

/// How long a token counts as fresh that never ends: a hundred years.
const FOREVER: Duration = Duration::from_hours(100 * 365 * 24);

/// A token counts as fresh for a minute at least, whatever the CRM or our clock says of it: it would be
/// refreshed before each call otherwise. The CRM refuses what is spent.
const SHORTEST_USE: Duration = MARGIN.saturating_add(Duration::from_mins(1));

/// What a token reply says beyond the standard.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Extra {
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

impl ExtraTokenFields for Extra {}

/// An id token may be among them.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.fields.len())
    }
}

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

/// The OAuth part of a manifest.
pub(crate) fn flow(manifest: &Manifest) -> Result<&OAuth, EngineError> {
    manifest.oauth.as_ref().ok_or_else(|| {
        EngineError::Conflict(format!(
            "{} is connected by a key, not by logging in there",
            manifest.title
        ))
    })
}

/// The application of a connection: the customer's own, or the platform's.
pub(crate) async fn application(
    hub: &Hub,
    connection: &Connection,
) -> Result<Application, EngineError> {
    let credentials = credentials(hub, connection)
        .await
        .map_err(EngineError::aws("the organization's credentials"))?;
    if let Some(own) = credentials.clients.get(connection.id.as_str()) {
        return Ok(own.clone());
    }
    let crm = &connection.crm;
    let platform = hub.vault().platform().await;
    let platform = platform.map_err(EngineError::aws("the platform's secret"))?;
    platform.apps.get(crm.as_str()).cloned().ok_or_else(|| {
        EngineError::Crm(Verdict::Misconfigured {
            reason: format!("no application is registered for {crm}"),
        })
    })
}

/// An address of the CRM's authorization server: the manifest's, or that of the region's server.
pub(crate) fn server_address(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    template: &str,
) -> Result<Url, EngineError> {
    let Some(server) = &connection.server else {
        return hub.address(manifest, &connection.crm, template, &connection.settings);
    };
    let fixed = Url::parse(&manifest.fill(template, &connection.settings));
    let path = fixed.map_or_else(|_| String::new(), |url| url.path().to_owned());
    if let Some(exempt) = Url::parse(server).ok().and_then(|url| hub.exempt(&url)) {
        return Url::parse(&format!("{exempt}{path}")).map_err(|_| EngineError::Bug {
            context: "reading the address of a region's server",
            source: None,
        });
    }
    let template = format!("https://{server}{path}");
    hub.address(manifest, &connection.crm, &template, &connection.settings)
}

/// The OAuth client of a connection.
pub(crate) fn client(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    application: &Application,
    redirect: Option<&str>,
) -> Result<OAuthClient, EngineError> {
    let oauth = flow(manifest)?;
    let authorize = hub.address(
        manifest,
        &connection.crm,
        &oauth.authorize_url,
        &connection.settings,
    )?;
    let token = server_address(hub, manifest, connection, &oauth.token_url)?;
    let mut client = oauth2::Client::new(ClientId::new(application.client_id.clone()))
        .set_client_secret(ClientSecret::new(
            application.client_secret.expose_secret().to_owned(),
        ))
        .set_auth_uri(AuthUrl::from_url(authorize))
        .set_token_uri(TokenUrl::from_url(token))
        .set_auth_type(match oauth.client_auth {
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

/// The CRM's own id of the account, if the token reply names it.
pub(crate) fn account(oauth: &OAuth, reply: &TokenReply) -> Option<String> {
    let text = reply_text(reply, oauth.account_at.as_ref())?;
    let Some(place) = oauth.account_segment else {
        return Some(text);
    };
    let address = Url::parse(&text).ok()?;
    let segment = address.path_segments()?.nth(place)?;
    (!segment.is_empty()).then(|| segment.to_owned())
}

/// A text of a token reply, or a number as text, at a JSON pointer into its extra fields.
fn reply_text(reply: &TokenReply, pointer: Option<&String>) -> Option<String> {
    text_at(
        &Value::Object(reply.extra_fields().fields.clone()),
        pointer?,
    )
}

/// A text, or a number as text, at a JSON pointer.
pub(crate) fn text_at(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The API's base URL: that of a token reply, checked, or the manifest's: a host that the CRM may
/// have, no path, no slash.
pub(crate) fn base_url(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    reply: Option<&TokenReply>,
) -> Result<Option<String>, Verdict> {
    let pointer = manifest
        .oauth
        .as_ref()
        .and_then(|oauth| oauth.base_url_at.as_ref());
    if let (Some(reply), Some(_)) = (reply, pointer) {
        let Some(text) = reply_text(reply, pointer) else {
            return Ok(None);
        };
        let url = Url::parse(&text);
        if let Some(exempt) = url.as_ref().ok().and_then(|url| hub.exempt(url)) {
            return Ok(Some(exempt));
        }
        return match url {
            Ok(url) if may_be_api(manifest, &url) => Ok(Some(url.origin().ascii_serialization())),
            _ => Err(Verdict::Misconfigured {
                reason: "the CRM named a host for its API that it cannot have".to_owned(),
            }),
        };
    }
    let Some(fixed) = &manifest.api.base_url else {
        return Ok(None);
    };
    let address = hub.address(manifest, &connection.crm, fixed, &connection.settings);
    address
        .map(|url| Some(url.origin().ascii_serialization()))
        .map_err(|error| Verdict::Bug {
            reason: error.to_string(),
        })
}

/// Whether a CRM may have its API at an address that a token reply names.
fn may_be_api(manifest: &Manifest, url: &Url) -> bool {
    url.scheme() == "https"
        && url.port().is_none()
        && url
            .host_str()
            .is_some_and(|host| manifest.allows_host(host))
}

/// When the access token of a reply expires, in milliseconds since 1970.
pub(crate) fn expires_at(hub: &Hub, oauth: &OAuth, reply: &TokenReply) -> i64 {
    let said = oauth
        .expiry_in_token
        .then(|| lifetime_of(reply.access_token().secret(), hub.clock().now()))
        .flatten();
    let fixed = match oauth.default_lifetime_s {
        0 => FOREVER,
        seconds => Duration::from_secs(seconds),
    };
    let lifetime = said.or(reply.expires_in()).unwrap_or(fixed);
    let lifetime = lifetime.clamp(SHORTEST_USE, FOREVER);
    hub.now_ms() + i64::try_from(lifetime.as_millis()).unwrap_or(0)
}

/// How long a JWT lives that came just now, unverified: the CRM is who decides; this only says when to
/// ask for the next. Its own beginning is taken where it has one, since their clock is not ours.
fn lifetime_of(token: &str, now: Timestamp) -> Option<Duration> {
    let body = token.split('.').nth(1)?;
    let body = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
    let claims: Value = serde_json::from_slice(&body).ok()?;
    let ends = claims.get("exp")?.as_i64()?;
    let begins = claims.get("iat").and_then(Value::as_i64);
    let seconds = ends.saturating_sub(begins.unwrap_or_else(|| now.as_second()));
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Refuses a grant that lacks a scope which was asked for, if the reply lists them.
///
/// # Errors
/// The verdict names what is missing.
pub(crate) fn check_scopes(oauth: &OAuth, reply: &TokenReply) -> Result<(), Verdict> {
    let mut granted: Vec<String> = reply
        .scopes()
        .into_iter()
        .flatten()
        .map(|scope| scope.to_string())
        .collect();
    // A list under the plural is what some answer with.
    if let Some(listed) = reply.extra_fields().fields.get("scopes") {
        let listed = listed.as_array().into_iter().flatten();
        granted.extend(listed.filter_map(Value::as_str).map(str::to_owned));
    }
    if granted.is_empty() || !oauth.scopes_in_reply {
        return Ok(());
    }
    let missing: Vec<&str> = oauth
        .scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| {
            !granted
                .iter()
                .any(|granted| granted.eq_ignore_ascii_case(scope))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Verdict::Reauthorize {
        cause: Cause::MissingScope,
        reason: format!(
            "not everything was allowed: {} is missing",
            missing.join(", ")
        ),
    })
}
