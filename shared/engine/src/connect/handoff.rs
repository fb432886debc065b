//! What passes between two requests of one browser under a one-time handle: the address to log in
//! at, for a page on another host; and what a form brought, for the request that has the cookie.
//!
//! Browsers send a `SameSite=Lax` cookie with no form of another site, so a callback by POST cannot
//! be told from a stranger's. It is put aside, sealed, and only our own GET uses up the state.

use std::{fmt, time::Duration};

use hub_aws::store::Handoff;
use hub_domain::CrmId;
use url::Url;

use super::{Callback, hash, lapses, random, refused};
use crate::{error::EngineError, hub::Hub};

/// How long a handle is good.
const LIFETIME: Duration = Duration::from_mins(1);

/// A browser that was sent to our own address, and where it goes on to.
pub struct Started {
    /// Where the browser goes.
    pub authorize_url: String,
    /// The value of [`COOKIE`](super::COOKIE).
    pub cookie: String,
}

/// What is in it opens the authorization.
impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

/// Puts the address of an authorization aside.
pub(super) async fn offer(
    hub: &Hub,
    state: &str,
    authorize_url: &Url,
) -> Result<String, EngineError> {
    let handle = random(hub);
    let stored = Handoff {
        state: hash(state),
        address: Some(authorize_url.to_string()),
        sealed: None,
        expires_at: lapses(hub, LIFETIME),
    };
    put(hub, &handle, &stored).await?;
    Ok(handle)
}

/// Sends a browser on that a page of another host sent to us: its authorization is now bound to it.
///
/// # Errors
/// The handle is unknown, used or too old.
pub async fn start(hub: &Hub, crm: &CrmId, handle: &str) -> Result<Started, EngineError> {
    hub.manifest(crm)?;
    let found = take(hub, handle).await?;
    let authorize_url = found.address.ok_or_else(refused)?;
    let cookie = random(hub);
    let bound = hub
        .store()
        .bind_oauth_state(&found.state, &hash(&cookie), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?;
    if !bound {
        return Err(refused());
    }
    Ok(Started {
        authorize_url,
        cookie,
    })
}

/// Puts a callback aside that came by a form, and gives its handle. It uses nothing up.
///
/// # Errors
/// No authorization has its state.
pub async fn posted(hub: &Hub, crm: &CrmId, callback: &Callback) -> Result<String, EngineError> {
    hub.manifest(crm)?;
    let state = hash(callback.state.as_deref().ok_or_else(refused)?);
    let known = hub
        .store()
        .oauth_state(&state, hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?
        .ok_or_else(refused)?;
    let ring = ring(hub, known.organization.as_str()).await?;
    let plain = serde_json::to_vec(callback).map_err(|error| EngineError::Bug {
        context: "putting a callback aside",
        source: Some(Box::new(error)),
    })?;
    let handle = random(hub);
    let sealed = hub_aws::seal::seal(&ring, hub.entropy(), &aad(&handle), &plain)
        .map_err(EngineError::aws("a callback"))?;
    let stored = Handoff {
        state,
        address: None,
        sealed: Some(sealed),
        expires_at: lapses(hub, LIFETIME),
    };
    put(hub, &handle, &stored).await?;
    Ok(handle)
}

/// Takes a callback that was put aside.
pub(super) async fn collect(
    hub: &Hub,
    _crm: &CrmId,
    handle: &str,
) -> Result<Callback, EngineError> {
    let found = take(hub, handle).await?;
    let sealed = found.sealed.ok_or_else(refused)?;
    let known = hub
        .store()
        .oauth_state(&found.state, hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?
        .ok_or_else(refused)?;
    let ring = ring(hub, known.organization.as_str()).await?;
    let opened = hub_aws::seal::open(&ring, &aad(handle), &sealed)
        .map_err(EngineError::aws("a callback"))?;
    serde_json::from_slice(&opened).map_err(|error| EngineError::Bug {
        context: "reading a callback that was put aside",
        source: Some(Box::new(error)),
    })
}

fn aad(handle: &str) -> Vec<u8> {
    format!("callback/{}", hash(handle)).into_bytes()
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

async fn put(hub: &Hub, handle: &str, stored: &Handoff) -> Result<(), EngineError> {
    hub.store()
        .put_handoff(&hash(handle), stored)
        .await
        .map_err(EngineError::aws("the authorization"))
}

async fn take(hub: &Hub, handle: &str) -> Result<Handoff, EngineError> {
    let found = hub
        .store()
        .take_handoff(&hash(handle), hub.clock().now())
        .await
        .map_err(EngineError::aws("the authorization"))?;
    found.ok_or_else(refused)
}
