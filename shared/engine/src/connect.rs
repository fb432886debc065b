//! Connecting a CRM: authorization code with PKCE, bound to the browser that began it; or by
//! credentials that need no browser.

mod document;
mod handoff;
mod settle;

use std::{fmt, time::Duration};

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_aws::store::OAuthState;
use hub_connectors::Manifest;
use hub_domain::{Cause, Connection, ConnectionId, ConnectionState, CrmId, Method, Verdict};
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use subtle::ConstantTimeEq;
use url::Url;

pub(crate) use self::settle::{keep, prove};
pub use self::{
    document::CallbackParameters,
    handoff::{Offered, offered, posted, start},
};
use crate::{
    connections,
    error::EngineError,
    grant::Grant,
    hub::Hub,
    identity::{Caller, Role},
    oauth::{self, flow},
};

/// How long a person has to log in and allow.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);
/// How much of the CRM's refusal is shown, in characters.
const MAX_WORDS: usize = 300;
/// The cookie that binds an authorization to a browser.
pub const COOKIE: &str = "__Host-hub-connect";

/// An authorization that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// The value of [`COOKIE`].
    pub cookie: String,
    /// Where a browser goes whose page is on another host: our own address, for a minute, once. It
    /// names the connection, sets the cookie, and sends the browser on when its person says so.
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
    let application = oauth::application(hub, &connection).await?;
    let client = oauth::client(hub, &manifest, &connection, &application, Some(&redirect))?;
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
    let handle = handoff::offer(hub, &caller.organization, &state, &authorize_url).await?;
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
        Some(handle) => &handoff::collect(hub, handle).await?,
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
        // They come by an address that anybody may write: a line of them is shown, no more.
        let words = callback.error_description.as_deref().unwrap_or_default();
        let said = format!("{error}: {words}");
        return Err(EngineError::Crm(Verdict::Reauthorize {
            cause: Cause::NeverAuthorized,
            reason: said.chars().take(MAX_WORDS).collect(),
        }));
    }
    let code = callback.code.clone().ok_or_else(refused)?;
    let oauth = flow(&manifest)?;
    connection.server = server(hub, &manifest, callback)?;
    let grant = Grant::Code {
        code,
        verifier: oauth.pkce.then_some(found.verifier),
        redirect_uri: &found.redirect_uri,
    };
    let proof = settle::redeem(hub, &connection, grant).await?;
    keep(hub, &connection, proof, &found.person).await
}

/// The region's authorization server that a callback names, if the CRM has such.
fn server(
    hub: &Hub,
    manifest: &Manifest,
    callback: &Callback,
) -> Result<Option<String>, EngineError> {
    let Some(servers) = flow(manifest)?.servers.as_ref() else {
        return Ok(None);
    };
    let Some(named) = callback.rest.get(&servers.parameter) else {
        return Ok(None);
    };
    let url = Url::parse(named).ok();
    if let Some(exempt) = url.as_ref().and_then(|url| hub.exempt(url)) {
        return Ok(Some(exempt));
    }
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
