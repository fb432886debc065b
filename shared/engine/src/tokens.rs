//! Access tokens: used while they are fresh, refreshed by one worker at a time.
//!
//! A refresh takes the right to it first, by a conditional write; it stores the new refresh token
//! before the access token is used. Whoever loses the race uses what the winner stored.

mod idle;
mod refresh;

use std::time::Duration;

use aws_lc_rs::digest;
use hub_aws::store::TokenItem;
use hub_connectors::Manifest;
use hub_domain::{Cause, Connection, Method, Verdict};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::idle::lapse;
pub use self::idle::{Idle, refresh_idle};
use crate::{error::aws_verdict, hub::Hub, oauth::credentials};

/// A token that ends sooner than this is refreshed first: longer than any call takes.
pub(crate) const MARGIN: Duration = Duration::from_mins(2);

/// Who wants a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A delivery: when the CRM refused just now, or did not answer, it waits.
    Work,
    /// A person who looks whether it works again: the CRM is asked now.
    Person,
}

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

/// A usable access token of a connection. `spent` names the version the CRM refused just now.
pub(crate) async fn access(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    spent: Option<u64>,
    who: For,
) -> Result<Access, Verdict> {
    if connection.method == Method::ApiKey {
        return api_key(hub, connection, spent).await;
    }
    let key = (connection.organization.clone(), connection.id.clone());
    // A token that was replaced meanwhile works on, or the CRM refuses it and the next call names it.
    if spent.is_none()
        && let Some(access) = hub.tokens().get(&key).filter(|access| access.is_fresh(hub))
    {
        return Ok(access);
    }
    let access = stored(hub, manifest, connection, spent, who).await?;
    hub.tokens().put(key, access.clone());
    Ok(access)
}

/// The key of a connection. Its version is its hash: a key that was refused is read again once, since
/// somebody may have entered another.
async fn api_key(
    hub: &Hub,
    connection: &Connection,
    spent: Option<u64>,
) -> Result<Access, Verdict> {
    if spent.is_some() {
        hub.vault().forget(connection.organization.as_str());
    }
    let credentials = credentials(hub, connection)
        .await
        .map_err(|error| aws_verdict(&error))?;
    let key = credentials.api_keys.get(connection.id.as_str());
    let key = key.ok_or_else(|| Verdict::Reauthorize {
        cause: Cause::NeverAuthorized,
        reason: "it has no key".to_owned(),
    })?;
    let hash = digest::digest(&digest::SHA256, key.expose_secret().as_bytes());
    let version = hash
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |version, byte| version << 8 | u64::from(*byte));
    if spent == Some(version) {
        return Err(Verdict::Reauthorize {
            cause: Cause::ClientRefused,
            reason: "the CRM refuses the key".to_owned(),
        });
    }
    Ok(Access {
        token: key.clone(),
        version,
        expires_at: i64::MAX,
    })
}

/// The token in the store, refreshed if it is spent.
async fn stored(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    spent: Option<u64>,
    who: For,
) -> Result<Access, Verdict> {
    let item = item(hub, connection).await?;
    if spent != Some(item.version) {
        let access = opened(hub, connection, &item).await?;
        if access.is_fresh(hub) {
            return Ok(access);
        }
    }
    refresh::refresh(hub, manifest, connection, &item, who).await
}

async fn item(hub: &Hub, connection: &Connection) -> Result<TokenItem, Verdict> {
    let found = hub
        .store()
        .token(&connection.organization, &connection.id)
        .await
        .map_err(|error| aws_verdict(&error))?;
    found.ok_or_else(|| Verdict::Reauthorize {
        cause: Cause::NeverAuthorized,
        reason: "it was never authorized".to_owned(),
    })
}

/// The access token of an item.
async fn opened(hub: &Hub, connection: &Connection, item: &TokenItem) -> Result<Access, Verdict> {
    let credentials = credentials(hub, connection)
        .await
        .map_err(|error| aws_verdict(&error))?;
    let ring = credentials
        .token_key
        .ring()
        .map_err(|error| aws_verdict(&error))?;
    let tokens = item.open(&ring).map_err(|error| aws_verdict(&error))?;
    Ok(Access {
        token: tokens.access,
        version: item.version,
        expires_at: item.expires_at,
    })
}
