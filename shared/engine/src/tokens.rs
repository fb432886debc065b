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
use hub_connectors::{Connector, Manifest, Rotation};
use hub_domain::{Connection, Scope, Verdict};
use oauth2::{RefreshToken, TokenResponse};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    error::{EngineError, aws_verdict},
    hub::Hub,
    oauth::{TokenReply, base_url, client, credentials, exchange, expires_at, refusal},
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
    connector: &dyn Connector,
    connection: &Connection,
    spent: Option<u64>,
) -> Result<Access, Verdict> {
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
async fn stored(
    hub: &Hub,
    connector: &dyn Connector,
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
        return Err(Verdict::Reauthorize {
            reason: "the CRM gave no refresh token".to_owned(),
        });
    };
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
    let ring = credentials
        .token_key
        .ring()
        .map_err(|error| aws_verdict(&error))?;
    let renewed = reply
        .refresh_token()
        .map(|token| SecretString::from(token.secret().clone()));
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

async fn request(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    refresh: &SecretString,
) -> Result<TokenReply, Verdict> {
    let client = client(hub, manifest, connection, None)
        .await
        .map_err(|error| match error {
            EngineError::Crm(verdict) => verdict,
            other => Verdict::Retry {
                after: None,
                reason: other.to_string(),
            },
        })?;
    let token = RefreshToken::new(refresh.expose_secret().to_owned());
    let sender = hub.clone();
    let send = move |request| exchange(sender.clone(), request);
    client
        .exchange_refresh_token(&token)
        .request_async(&send)
        .await
        .map_err(|error| refusal(&error))
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
    match base_url(hub, manifest, connection, reply) {
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
