//! Connecting a CRM: authorization code with PKCE, bound to the browser that began it.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_aws::{
    seams::ulid,
    store::{OAuthState, Tokens},
};
use hub_connectors::Rotation;
use hub_domain::{Connection, ConnectionId, ConnectionState, CrmId, Verdict};
use oauth2::{
    AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope, TokenResponse,
};
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use url::Url;

use crate::{
    connections::{self, change},
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    oauth,
};

/// How long a person has to log in and allow.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);
/// The cookie that binds an authorization to a browser.
pub const COOKIE: &str = "__Host-hub-connect";
/// How long the lease on an organization's credentials is held.
const CREDENTIALS_LEASE: Duration = Duration::from_secs(30);

/// An authorization that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// The value of [`COOKIE`].
    pub cookie: String,
}

/// What a callback brings.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The CRM's refusal.
    pub error: Option<String>,
    /// Its words.
    pub error_description: Option<String>,
}

fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn random(hub: &Hub) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hub.entropy().bytes::<32>())
}

fn redirect_uri(public_url: &str, crm: &CrmId) -> String {
    format!(
        "{}/api/integrations/{crm}/callback",
        public_url.trim_end_matches('/')
    )
}

/// Begins an authorization. `public_url` is where API and console are reached.
///
/// # Errors
/// The caller is no admin, the connection is not there or not of this CRM.
pub async fn begin(
    hub: &Hub,
    caller: &Caller,
    crm: &CrmId,
    id: &ConnectionId,
    public_url: &str,
) -> Result<Begun, EngineError> {
    caller.at_least(Role::Admin)?;
    let connector = hub.connector(crm)?;
    let connection = connections::get(hub, caller, id).await?;
    if connection.crm != *crm {
        return Err(EngineError::NotFound("the connection"));
    }
    let redirect = redirect_uri(public_url, crm);
    let client = oauth::client(hub, connector.manifest(), &connection, Some(&redirect)).await?;
    let (state, cookie, verifier) = (random(hub), random(hub), random(hub));
    let pkce =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
    let scopes = connector
        .manifest()
        .oauth
        .scopes
        .iter()
        .map(|scope| Scope::new(scope.clone()));
    let mut asked = client
        .authorize_url(|| CsrfToken::new(state.clone()))
        .add_scopes(scopes);
    if connector.manifest().oauth.pkce {
        asked = asked.set_pkce_challenge(pkce);
    }
    let (authorize_url, _) = asked.url();
    let stored = OAuthState {
        organization: caller.organization.clone(),
        connection: id.clone(),
        browser: hash(&cookie),
        verifier,
        redirect_uri: redirect,
        expires_at: hub.now_ms() + i64::try_from(STATE_LIFETIME.as_millis()).unwrap_or(0),
    };
    hub.store()
        .put_oauth_state(&hash(&state), &stored)
        .await
        .map_err(EngineError::aws("the authorization"))?;
    Ok(Begun {
        authorize_url,
        cookie,
    })
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
    let connector = hub.connector(crm)?;
    let manifest = connector.manifest();
    let refused = || {
        EngineError::Forbidden(
            "this authorization is unknown, used, too old, or was begun in another browser; begin again",
        )
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
    // A state begun for one CRM is worth nothing at another's callback (mix-up).
    let connection = connection
        .filter(|connection| connection.crm == *crm)
        .ok_or_else(refused)?;
    if let Some(error) = &callback.error {
        let words = callback.error_description.as_deref().unwrap_or_default();
        return Err(EngineError::Crm(Verdict::Reauthorize {
            reason: format!("{error}: {words}"),
        }));
    }
    let code = callback.code.clone().ok_or_else(refused)?;
    let client = oauth::client(hub, manifest, &connection, Some(&found.redirect_uri)).await?;
    let sender = hub.clone();
    let send = move |request| oauth::exchange(sender.clone(), request);
    let mut exchange = client.exchange_code(AuthorizationCode::new(code));
    if manifest.oauth.pkce {
        exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(found.verifier.clone()));
    }
    let reply = exchange
        .request_async(&send)
        .await
        .map_err(|error| EngineError::Crm(oauth::refusal(&error)))?;
    let base_url = oauth::base_url(hub, manifest, &connection, &reply).map_err(EngineError::Crm)?;
    let account = oauth::reply_text(&reply, manifest.oauth.account_at.as_ref());
    let refresh = reply
        .refresh_token()
        .map(|token| SecretString::from(token.secret().clone()));
    let kept = match manifest.oauth.rotation {
        Rotation::Rotates => refresh,
        Rotation::Keeps => {
            if let Some(refresh) = refresh {
                keep_refresh_token(hub, &connection, &refresh).await?;
            }
            None
        }
    };
    let credentials = hub
        .vault()
        .credentials(connection.organization.as_str())
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
    let expires = oauth::expires_at(hub, manifest, &reply);
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
    change(hub, &connection.organization, &connection.id, |current| {
        current.state = current.authorized_state();
        current.reason = match current.state {
            ConnectionState::AwaitingApproval => "an admin has to approve it".to_owned(),
            ConnectionState::Unconnected
            | ConnectionState::Active
            | ConnectionState::ReconnectNeeded => String::new(),
        };
        current.base_url.clone_from(&base_url);
        current.account.clone_from(&account);
    })
    .await
}

/// Writes something into the organization's credentials under its lease.
pub(crate) async fn update_credentials(
    hub: &Hub,
    organization: &hub_domain::OrganizationId,
    change: impl Fn(&mut hub_aws::vault::Credentials),
) -> Result<(), EngineError> {
    let holder = ulid(hub.clock(), hub.entropy());
    let now = hub.now_ms();
    let until = now + i64::try_from(CREDENTIALS_LEASE.as_millis()).unwrap_or(0);
    let lease = hub
        .store()
        .lease(organization, "credentials", &holder, now, until)
        .await
        .map_err(EngineError::aws("the credentials' lease"))?;
    let outcome = hub
        .vault()
        .update_credentials(organization.as_str(), &holder, |credentials| {
            change(credentials);
        })
        .await;
    if let Err(error) = hub.store().release(&lease).await {
        tracing::warn!(error = %error, "a lease could not be given back; it ends by itself");
    }
    outcome
        .map(|_| ())
        .map_err(EngineError::aws("the organization's credentials"))
}

async fn keep_refresh_token(
    hub: &Hub,
    connection: &Connection,
    refresh: &SecretString,
) -> Result<(), EngineError> {
    update_credentials(hub, &connection.organization, |credentials| {
        credentials
            .refresh_tokens
            .insert(connection.id.to_string(), refresh.clone());
    })
    .await
}
