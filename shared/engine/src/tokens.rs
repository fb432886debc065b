//! Access tokens: used while they are fresh, refreshed by one worker at a time.
//!
//! A refresh takes the right to it first, by a conditional write; it stores the new refresh token
//! before the access token is used. Whoever loses the race uses what the winner stored.

use std::time::Duration;

use aws_lc_rs::digest;
use hub_aws::{
    AwsError,
    store::{TokenItem, Tokens},
    vault::Credentials,
};
use hub_connectors::{Manifest, Rotation};
use hub_domain::{Cause, Connection, Method, Scope, Verdict};
use oauth2::TokenResponse;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    connect::keep_refresh_token,
    error::aws_verdict,
    grant::{self, Grant},
    hub::Hub,
    oauth::{TokenReply, application, base_url, credentials, expires_at},
};

/// A token that ends sooner than this is refreshed first: longer than any call takes.
const MARGIN: Duration = Duration::from_mins(2);
/// How long the right to refresh is held: the longest token call and a few writes.
const REFRESH_LEASE: Duration = Duration::from_mins(1);
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

/// A usable access token of a connection. `spent` names the version the CRM refused just now.
pub(crate) async fn access(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    spent: Option<u64>,
) -> Result<Access, Verdict> {
    let key = (connection.organization.clone(), connection.id.clone());
    // A token that was replaced meanwhile works on, or the CRM refuses it and the next call names it.
    if connection.method == Method::ApiKey {
        return api_key(hub, connection, spent).await;
    }
    if spent.is_none()
        && let Some(access) = hub.tokens().get(&key).filter(|access| access.is_fresh(hub))
    {
        return Ok(access);
    }
    let access = stored(hub, manifest, connection, spent).await?;
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
) -> Result<Access, Verdict> {
    let found = hub
        .store()
        .token(&connection.organization, &connection.id)
        .await
        .map_err(|error| aws_verdict(&error))?;
    let Some(item) = found else {
        return Err(Verdict::Reauthorize {
            cause: Cause::NeverAuthorized,
            reason: "it was never authorized".to_owned(),
        });
    };
    let credentials = credentials(hub, connection)
        .await
        .map_err(|error| aws_verdict(&error))?;
    let ring = credentials
        .token_key
        .ring()
        .map_err(|error| aws_verdict(&error))?;
    let tokens = item.open(&ring).map_err(|error| aws_verdict(&error))?;
    let access = Access {
        token: tokens.access.clone(),
        version: item.version,
        expires_at: item.expires_at,
    };
    if spent != Some(item.version) && access.is_fresh(hub) {
        return Ok(access);
    }
    refresh(hub, manifest, connection, &credentials, &item, tokens).await
}

async fn refresh(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    credentials: &Credentials,
    item: &TokenItem,
    old: Tokens,
) -> Result<Access, Verdict> {
    let stored = credentials.refresh_tokens.get(connection.id.as_str());
    let grant = match (connection.method, old.refresh.as_ref().or(stored)) {
        (Method::AuthorizationCode, Some(refresh)) => Grant::Refresh(refresh),
        // It was refused before its time: somebody took it back.
        (Method::AuthorizationCode, None) if item.expires_at > hub.now_ms() => {
            return Err(Verdict::Reauthorize {
                cause: Cause::Revoked,
                reason: "the CRM refuses the token, and gave none to refresh it with".to_owned(),
            });
        }
        (Method::AuthorizationCode, None) => {
            return Err(Verdict::Reauthorize {
                cause: Cause::Expired,
                reason: "the CRM gave no refresh token".to_owned(),
            });
        }
        // They have nothing to refresh: the application asks anew.
        (Method::ClientCredentials | Method::JwtBearer | Method::ApiKey, _) => Grant::Own,
    };
    let application = application(hub, connection)
        .await
        .map_err(grant::verdict_of)?;
    let holder = hub_aws::seams::ulid(hub.clock(), hub.entropy());
    let now = hub.now_ms();
    let until = now + i64::try_from(REFRESH_LEASE.as_millis()).unwrap_or(0);
    match hub.store().begin_refresh(item, &holder, now, until).await {
        Ok(()) => {}
        Err(AwsError::Conflict { .. }) => {
            return after_somebody_else(hub, connection, credentials, item.version).await;
        }
        Err(error) => return Err(aws_verdict(&error)),
    }
    let outcome = grant::exchange(hub, manifest, connection, &application, grant).await;
    let reply = match outcome {
        Ok(reply) => reply,
        Err(verdict) => {
            // Somebody may have entered another secret meanwhile.
            hub.vault().forget(connection.organization.as_str());
            if let Err(error) = hub.store().cancel_refresh(item, &holder).await {
                tracing::warn!(connection.id = %connection.id, error = %error, "the right to refresh could not be given back; it ends by itself");
            }
            return Err(verdict);
        }
    };
    let ring = credentials
        .token_key
        .ring()
        .map_err(|error| aws_verdict(&error))?;
    let renewed = reply
        .refresh_token()
        .map(|token| SecretString::from(token.secret().clone()));
    let oauth = crate::oauth::flow(manifest).map_err(|error| Verdict::Bug {
        reason: error.to_string(),
    })?;
    // A reply without a refresh token keeps the old one.
    let refresh = match (oauth.rotation, renewed) {
        (Rotation::Rotates, Some(renewed)) => Some(renewed),
        (Rotation::Keeps, Some(renewed))
            if stored.is_none_or(|stored| stored.expose_secret() != renewed.expose_secret()) =>
        {
            // Rare: a grant that usually keeps its refresh token was given another. The old one may
            // live on or not, so this counts before the access token is used.
            match keep_refresh_token(hub, connection, &renewed).await {
                Ok(()) => old.refresh,
                // The token item holds it until the next authorization.
                Err(_) => Some(renewed),
            }
        }
        (Rotation::Rotates | Rotation::Keeps, _) => old.refresh,
    };
    let tokens = Tokens {
        access: SecretString::from(reply.access_token().secret().clone()),
        refresh,
    };
    let expires = expires_at(hub, oauth, &reply);
    let mut last = None;
    for _ in 0..STORE_ATTEMPTS {
        match hub
            .store()
            .finish_refresh(&ring, hub.entropy(), item, &holder, &tokens, expires)
            .await
        {
            Ok(()) => {
                move_base_url(hub, manifest, connection, &reply).await;
                tracing::info!(connection.id = %connection.id, crm = %connection.crm, "the access token was refreshed");
                return Ok(Access {
                    token: tokens.access,
                    version: item.version + 1,
                    expires_at: expires,
                });
            }
            // Our own write may have been applied before its answer was lost.
            Err(AwsError::Conflict { .. }) => {
                return after_somebody_else(hub, connection, credentials, item.version).await;
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or(Verdict::Refresh, |error| aws_verdict(&error)))
}

/// Uses what somebody else's refresh stored, or says to wait for it.
async fn after_somebody_else(
    hub: &Hub,
    connection: &Connection,
    credentials: &Credentials,
    before: u64,
) -> Result<Access, Verdict> {
    let item = hub
        .store()
        .token(&connection.organization, &connection.id)
        .await
        .map_err(|error| aws_verdict(&error))?;
    if let Some(item) = item.filter(|item| item.version != before) {
        let ring = credentials
            .token_key
            .ring()
            .map_err(|error| aws_verdict(&error))?;
        let tokens = item.open(&ring).map_err(|error| aws_verdict(&error))?;
        return Ok(Access {
            token: tokens.access,
            version: item.version,
            expires_at: item.expires_at,
        });
    }
    // Waiting for somebody is no failure: however long they take, nobody's work is given up for it.
    let now = hub.clock().now();
    Err(Verdict::Throttle {
        until: now.checked_add(WAIT).unwrap_or(now),
        scope: Scope::Connection,
    })
}

/// CRM accounts move between hosts; each refresh says where they are now.
async fn move_base_url(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    reply: &TokenReply,
) {
    match base_url(hub, manifest, connection, Some(reply)) {
        Ok(Some(found)) if connection.base_url.as_deref() != Some(&found) => {
            let moved = crate::connections::change(
                hub,
                &connection.organization,
                &connection.id,
                |current| current.base_url = Some(found.clone()),
            )
            .await;
            if let Err(error) = moved {
                tracing::warn!(connection.id = %connection.id, error = %error, "the CRM's new address could not be stored; the next refresh tries again");
            }
        }
        Ok(_) => {}
        Err(verdict) => {
            tracing::error!(connection.id = %connection.id, verdict = verdict.name(), "the token reply names a host that the CRM cannot have");
        }
    }
}
