//! Connecting a CRM: authorization code with PKCE, bound to the browser that began it; or by
//! credentials that need no browser.

mod handoff;

use std::{fmt, time::Duration};

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_aws::store::{OAuthState, Tokens};
use hub_connectors::{Manifest, Rotation};
use hub_domain::{Cause, Connection, ConnectionId, ConnectionState, CrmId, Method, Verdict};
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope, TokenResponse};
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use url::Url;

pub use self::handoff::{posted, start};
use crate::{
    connections::{self, change},
    credentials,
    error::EngineError,
    grant::{self, Grant},
    hub::Hub,
    identity::{Caller, Role},
    lifecycle,
    oauth::{self, TokenReply, flow},
};

/// How long a person has to log in and allow.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);
/// The cookie that binds an authorization to a browser.
pub const COOKIE: &str = "__Host-hub-connect";

/// An authorization that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// The value of [`COOKIE`].
    pub cookie: String,
    /// Where a browser goes whose page is on another host: our own address, for a minute, once. It
    /// sets the cookie and sends the browser on.
    pub start_url: String,
}

/// What is in it opens the authorization.
impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

/// What a callback brings.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The CRM's refusal.
    pub error: Option<String>,
    /// Its words.
    pub error_description: Option<String>,
    /// What a callback that came by a form was put aside under.
    #[serde(default)]
    pub handle: Option<String>,
    /// Whatever else the CRM says, like the region's server.
    #[serde(flatten)]
    pub rest: std::collections::BTreeMap<String, String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn random(hub: &Hub) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hub.entropy().bytes::<32>())
}

fn ours(public_url: &str, crm: &CrmId, last: &str) -> String {
    let base = public_url.trim_end_matches('/');
    format!("{base}/api/integrations/{crm}/{last}")
}

fn refused() -> EngineError {
    EngineError::Forbidden(
        "this authorization is unknown, used, too old, or was begun in another browser; begin again",
    )
}

/// Begins an authorization. `public_url` is where API and console are reached.
///
/// # Errors
/// The caller is no admin, the connection is not there or not of this CRM, or it is connected
/// without a browser.
pub async fn begin(
    hub: &Hub,
    caller: &Caller,
    crm: &CrmId,
    id: &ConnectionId,
    public_url: &str,
) -> Result<Begun, EngineError> {
    caller.at_least(Role::Admin)?;
    let manifest = hub.manifest(crm)?;
    let connection = connections::get(hub, caller, id).await?;
    if connection.crm != *crm {
        return Err(EngineError::NotFound("the connection"));
    }
    if connection.state == ConnectionState::Disconnected {
        return Err(EngineError::Conflict(
            "the connection has ended; create another".to_owned(),
        ));
    }
    if connection.method != Method::AuthorizationCode {
        return Err(EngineError::Conflict(format!(
            "the connection is by {}: nobody logs in for it",
            connection.method.name()
        )));
    }
    let oauth = flow(&manifest)?;
    let redirect = ours(public_url, crm, "callback");
    let client = oauth::client(hub, &manifest, &connection, Some(&redirect)).await?;
    let (state, cookie, verifier) = (random(hub), random(hub), random(hub));
    let mut asked = client.authorize_url(|| CsrfToken::new(state.clone()));
    if oauth.ask_scopes {
        let scopes = oauth.scopes.iter();
        let scopes: Vec<String> = scopes
            .map(|scope| manifest.fill(scope, &connection.settings))
            .collect();
        asked = asked.add_scope(Scope::new(scopes.join(&oauth.scope_separator)));
    }
    for (name, value) in &oauth.authorize_parameters {
        asked = asked.add_extra_param(name, manifest.fill(value, &connection.settings));
    }
    if oauth.pkce {
        let verifier = PkceCodeVerifier::new(verifier.clone());
        asked = asked.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    let (authorize_url, _) = asked.url();
    let stored = OAuthState {
        organization: caller.organization.clone(),
        connection: id.clone(),
        person: caller.subject.clone(),
        browser: hash(&cookie),
        verifier,
        redirect_uri: redirect,
        expires_at: lapses(hub, STATE_LIFETIME),
    };
    hub.store()
        .put_oauth_state(&hash(&state), &stored)
        .await
        .map_err(EngineError::aws("the authorization"))?;
    let handle = handoff::offer(hub, &state, &authorize_url).await?;
    Ok(Begun {
        authorize_url,
        cookie,
        start_url: format!("{}?handle={handle}", ours(public_url, crm, "start")),
    })
}

fn lapses(hub: &Hub, lifetime: Duration) -> i64 {
    hub.now_ms() + i64::try_from(lifetime.as_millis()).unwrap_or(0)
}

/// Ends an authorization: exchanges the code, stores the tokens, and leaves the connection waiting
/// for an admin's approval, or in use if it was approved before.
///
/// # Errors
/// The state is unknown, used, too old or another browser's; or the CRM refuses.
pub async fn finish(
    hub: &Hub,
    crm: &CrmId,
    callback: &Callback,
    cookie: Option<&str>,
) -> Result<Connection, EngineError> {
    let manifest = hub.manifest(crm)?;
    let callback = match &callback.handle {
        Some(handle) => &handoff::collect(hub, crm, handle).await?,
        None => callback,
    };
    let (Some(state), Some(cookie)) = (&callback.state, cookie) else {
        return Err(refused());
    };
    let found = hub
        .store()
        .take_oauth_state(&hash(state), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?;
    let found = found.ok_or_else(refused)?;
    if !bool::from(found.browser.as_bytes().ct_eq(hash(cookie).as_bytes())) {
        return Err(refused());
    }
    let connection = hub
        .store()
        .connection(&found.organization, &found.connection)
        .await
        .map_err(EngineError::aws("the connection"))?;
    // A state begun for one CRM is worth nothing at another's callback (mix-up), nor one begun
    // before the connection ended.
    let mut connection = connection
        .filter(|connection| {
            connection.crm == *crm && connection.state != ConnectionState::Disconnected
        })
        .ok_or_else(refused)?;
    if let Some(error) = &callback.error {
        let words = callback.error_description.as_deref().unwrap_or_default();
        return Err(EngineError::Crm(Verdict::Reauthorize {
            cause: Cause::NeverAuthorized,
            reason: format!("{error}: {words}"),
        }));
    }
    let code = callback.code.clone().ok_or_else(refused)?;
    let oauth = flow(&manifest)?;
    connection.server = server(&manifest, callback)?;
    let grant = Grant::Code {
        code,
        verifier: oauth.pkce.then_some(found.verifier),
        redirect_uri: &found.redirect_uri,
    };
    let reply = grant::exchange(hub, &manifest, &connection, grant)
        .await
        .map_err(EngineError::Crm)?;
    granted(hub, &manifest, connection, &reply, found.person).await
}

/// The region's authorization server that a callback names, if the CRM has such.
fn server(manifest: &Manifest, callback: &Callback) -> Result<Option<String>, EngineError> {
    let Some(servers) = flow(manifest)?.servers.as_ref() else {
        return Ok(None);
    };
    let Some(named) = callback.rest.get(&servers.parameter) else {
        return Ok(None);
    };
    let url = Url::parse(named).ok();
    let plain = url.filter(|url| {
        url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let host = plain.as_ref().and_then(Url::host_str);
    match host.filter(|host| servers.hosts.iter().any(|known| known == host)) {
        Some(host) => Ok(Some(host.to_owned())),
        None => Err(EngineError::Crm(Verdict::Misconfigured {
            reason: "the CRM named an authorization server that it cannot have".to_owned(),
        })),
    }
}

/// Connects by what needs no browser: the application's own credentials, or a key.
///
/// # Errors
/// The CRM refuses them.
pub(crate) async fn without_browser(
    hub: &Hub,
    connection: Connection,
    person: String,
) -> Result<Connection, EngineError> {
    let manifest = hub.manifest(&connection.crm)?;
    if connection.method == Method::ApiKey {
        let base_url =
            oauth::base_url(hub, &manifest, &connection, None).map_err(EngineError::Crm)?;
        let proven = Connection {
            base_url,
            ..connection
        };
        let account = lifecycle::prove(hub, &manifest, &proven)
            .await
            .map_err(EngineError::Crm)?;
        return authorized(hub, proven, account, person).await;
    }
    let reply = grant::exchange(hub, &manifest, &connection, Grant::Own)
        .await
        .map_err(EngineError::Crm)?;
    granted(hub, &manifest, connection, &reply, person).await
}

/// Stores what a token reply brought.
async fn granted(
    hub: &Hub,
    manifest: &Manifest,
    connection: Connection,
    reply: &TokenReply,
    person: String,
) -> Result<Connection, EngineError> {
    let oauth = flow(manifest)?;
    oauth::check_scopes(oauth, reply).map_err(EngineError::Crm)?;
    let base_url =
        oauth::base_url(hub, manifest, &connection, Some(reply)).map_err(EngineError::Crm)?;
    let refresh = reply
        .refresh_token()
        .map(|token| SecretString::from(token.secret().clone()));
    let kept = match oauth.rotation {
        Rotation::Rotates => refresh,
        Rotation::Keeps => {
            if let Some(refresh) = refresh {
                keep_refresh_token(hub, &connection, &refresh).await?;
            }
            None
        }
    };
    let credentials = oauth::credentials(hub, &connection)
        .await
        .map_err(EngineError::aws("the organization's credentials"))?;
    let ring = credentials
        .token_key
        .ring()
        .map_err(EngineError::aws("the token key"))?;
    let tokens = Tokens {
        access: SecretString::from(reply.access_token().secret().clone()),
        refresh: kept,
    };
    let expires = oauth::expires_at(hub, oauth, reply);
    hub.store()
        .put_tokens(
            &ring,
            hub.entropy(),
            &connection.organization,
            &connection.id,
            &tokens,
            expires,
            hub.now_ms(),
        )
        .await
        .map_err(EngineError::aws("the tokens"))?;
    hub.tokens()
        .forget(&(connection.organization.clone(), connection.id.clone()));
    let connection = Connection {
        base_url,
        ..connection
    };
    let account = match oauth::reply_text(reply, oauth.account_at.as_ref()) {
        Some(account) => Some(account),
        // Whoever cannot be asked now is asked when the connection is tested.
        None => lifecycle::prove(hub, manifest, &connection)
            .await
            .ok()
            .flatten(),
    };
    authorized(hub, connection, account, person).await
}

/// The connection, authorized: in use if an admin has approved it.
async fn authorized(
    hub: &Hub,
    connection: Connection,
    account: Option<String>,
    person: String,
) -> Result<Connection, EngineError> {
    let now = hub.clock().now();
    let Connection {
        organization,
        id,
        base_url,
        server,
        ..
    } = connection;
    let changed = change(hub, &organization, &id, |current| {
        current.state = current.authorized_state();
        current.cause = None;
        current.reason = match current.state {
            ConnectionState::AwaitingApproval => "an admin has to approve it".to_owned(),
            ConnectionState::Unconnected
            | ConnectionState::Active
            | ConnectionState::ReconnectNeeded
            | ConnectionState::Disconnected => String::new(),
        };
        current.base_url.clone_from(&base_url);
        current.server.clone_from(&server);
        current.account = account.clone().or(current.account.take());
        current.connected_by = Some(person.clone());
        current.connected_at = Some(now);
    })
    .await?;
    lifecycle::list_account(hub, &changed).await?;
    Ok(changed)
}

/// Puts a refresh token that does not rotate into the vault.
async fn keep_refresh_token(
    hub: &Hub,
    connection: &Connection,
    refresh: &SecretString,
) -> Result<(), EngineError> {
    credentials::update(hub, &connection.organization, |credentials| {
        credentials
            .refresh_tokens
            .insert(connection.id.to_string(), refresh.clone());
    })
    .await
}
