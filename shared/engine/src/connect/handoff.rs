//! What passes between two requests of one browser under a one-time handle: the address to log in
//! at, for a page on another host; and what a form brought, for the request that has the cookie.
//!
//! Browsers send a `SameSite=Lax` cookie with no form of another site, so a callback by POST cannot
//! be told from a stranger's. It is put aside, sealed, and only our own GET uses up the state.

use std::{fmt, time::Duration};

use hub_aws::store::{Handoff, OAuthState};
use hub_connectors::Return;
use hub_domain::{Connection, ConnectionState, CrmId, OrganizationId};
use url::Url;

use super::{Callback, hash, lapses, random, refused};
use crate::{error::EngineError, hub::Hub};

/// How long a handle is good.
const LIFETIME: Duration = Duration::from_mins(1);
/// What may be put aside.
const ADDRESS: &str = "address";
const CALLBACK: &str = "callback";

/// An authorization that a browser was sent to, as its person has to know it before going on.
pub struct Offered {
    /// The connection that would get the grant.
    pub connection: Connection,
    /// What the organization is called whose connection it is.
    pub organization: String,
    /// The CRM, for people.
    pub crm: String,
    /// Who began.
    pub person: String,
    /// The origin of the CRM's consent page.
    pub origin: String,
    /// The value of [`COOKIE`](super::COOKIE), for a browser that goes on.
    pub cookie: String,
}

/// What is in it binds the authorization.
impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offered").finish_non_exhaustive()
    }
}

/// Puts the address of an authorization aside; it holds the state.
pub(super) async fn offer(
    hub: &Hub,
    organization: &OrganizationId,
    state: &str,
    authorize_url: &Url,
) -> Result<String, EngineError> {
    let address = authorize_url.as_str().as_bytes();
    put(hub, organization, hash(state), ADDRESS, address).await
}

/// What a page of another host sent a browser here for. It binds nothing and uses nothing up: whoever is at the
/// browser need not be who began, and would give the grant of their CRM to somebody else's connection. So they are
/// told whose it is, and [`start`] takes their word.
///
/// # Errors
/// The handle is unknown, used or too old, or its connection has ended or is another CRM's.
pub async fn offered(hub: &Hub, crm: &CrmId, handle: &str) -> Result<Offered, EngineError> {
    let manifest = hub.manifest(crm)?;
    let found = hub
        .store()
        .handoff(&hash(handle), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?
        .ok_or_else(refused)?;
    let (begun, opened) = opened(hub, handle, ADDRESS, &found).await?;
    let store = hub.store();
    let connection = store
        .connection(&begun.organization, &begun.connection)
        .await
        .map_err(EngineError::aws("the connection"))?
        .filter(|connection| {
            connection.crm == *crm && connection.state != ConnectionState::Disconnected
        })
        .ok_or_else(refused)?;
    let organization = store
        .organization(&begun.organization)
        .await
        .map_err(EngineError::aws("the organization"))?
        .ok_or_else(refused)?;
    let address = Url::parse(&address(opened)?).map_err(|_| refused())?;
    Ok(Offered {
        connection,
        organization: organization.name,
        crm: manifest.title.clone(),
        person: begun.person,
        origin: address.origin().ascii_serialization(),
        cookie: random(hub),
    })
}

/// The person at the browser goes on: the authorization is now bound to the browser that has this cookie of
/// [`offered`]. Gives where it goes.
///
/// # Errors
/// The handle is unknown, used or too old, or the browser has no cookie: no form of another site brings one.
pub async fn start(
    hub: &Hub,
    crm: &CrmId,
    handle: &str,
    cookie: Option<&str>,
) -> Result<String, EngineError> {
    hub.manifest(crm)?;
    let cookie = cookie.ok_or_else(refused)?;
    let (state, opened) = take(hub, handle, ADDRESS).await?;
    let authorize_url = address(opened)?;
    let bound = hub
        .store()
        .bind_oauth_state(&state, &hash(cookie), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?;
    if !bound {
        return Err(refused());
    }
    Ok(authorize_url)
}

fn address(opened: Vec<u8>) -> Result<String, EngineError> {
    String::from_utf8(opened).map_err(|_| refused())
}

/// Puts a callback aside that came by a form, and gives its handle. It uses nothing up.
///
/// # Errors
/// No authorization has its state, or the CRM sends nobody back by a form.
pub async fn posted(hub: &Hub, crm: &CrmId, callback: &Callback) -> Result<String, EngineError> {
    let manifest = hub.manifest(crm)?;
    let by_form = manifest
        .oauth
        .as_ref()
        .is_some_and(|oauth| oauth.returns_by == Return::Post);
    if !by_form {
        return Err(EngineError::Forbidden(
            "this CRM sends nobody back by a form",
        ));
    }
    let state = hash(callback.state.as_deref().ok_or_else(refused)?);
    let organization = begun(hub, &state).await?.organization;
    let plain = serde_json::to_vec(callback).map_err(|error| EngineError::Bug {
        context: "putting a callback aside",
        source: Some(Box::new(error)),
    })?;
    put(hub, &organization, state, CALLBACK, &plain).await
}

/// Takes a callback that was put aside.
pub(super) async fn collect(hub: &Hub, handle: &str) -> Result<Callback, EngineError> {
    let (_, opened) = take(hub, handle, CALLBACK).await?;
    serde_json::from_slice(&opened).map_err(|error| EngineError::Bug {
        context: "reading a callback that was put aside",
        source: Some(Box::new(error)),
    })
}

/// The authorization of a state.
async fn begun(hub: &Hub, state_hash: &str) -> Result<OAuthState, EngineError> {
    let known = hub
        .store()
        .oauth_state(state_hash, hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?;
    known.ok_or_else(refused)
}

fn aad(what: &str, handle: &str) -> Vec<u8> {
    format!("{what}/{}", hash(handle)).into_bytes()
}

async fn ring(hub: &Hub, organization: &str) -> Result<hub_aws::seal::KeyRing, EngineError> {
    let credentials = hub
        .vault()
        .credentials(organization)
        .await
        .map_err(EngineError::aws("the organization's credentials"))?;
    credentials
        .token_key
        .ring()
        .map_err(EngineError::aws("the token key"))
}

async fn put(
    hub: &Hub,
    organization: &OrganizationId,
    state: String,
    what: &str,
    plain: &[u8],
) -> Result<String, EngineError> {
    let ring = ring(hub, organization.as_str()).await?;
    let handle = random(hub);
    let sealed = hub_aws::seal::seal(&ring, hub.entropy(), &aad(what, &handle), plain)
        .map_err(EngineError::aws("what is put aside"))?;
    let stored = Handoff {
        state,
        sealed,
        expires_at: lapses(hub, LIFETIME),
    };
    hub.store()
        .put_handoff(&hash(&handle), &stored)
        .await
        .map_err(EngineError::aws("the authorization"))?;
    Ok(handle)
}

/// The hash of the state that a handle belongs to, and what was put aside under it.
async fn take(hub: &Hub, handle: &str, what: &str) -> Result<(String, Vec<u8>), EngineError> {
    let found = hub
        .store()
        .take_handoff(&hash(handle), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?
        .ok_or_else(refused)?;
    let (_, opened) = opened(hub, handle, what, &found).await?;
    Ok((found.state, opened))
}

/// The authorization that something was put aside for, and what that is.
async fn opened(
    hub: &Hub,
    handle: &str,
    what: &str,
    found: &Handoff,
) -> Result<(OAuthState, Vec<u8>), EngineError> {
    let begun = begun(hub, &found.state).await?;
    let ring = ring(hub, begun.organization.as_str()).await?;
    // A handle of the other kind does not open.
    let opened = hub_aws::seal::open(&ring, &aad(what, handle), &found.sealed);
    Ok((begun, opened.map_err(|_| refused())?.to_vec()))
}
