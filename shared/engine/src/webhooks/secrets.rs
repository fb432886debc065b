//! What messages to a webhook are signed with: made here, shown once, replaced with a day of both.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hub_aws::vault::Retiring;
use hub_domain::{Timestamp, Webhook, WebhookId};
use secrecy::{ExposeSecret, SecretString};

use super::{CHANGES, WithSecret, get, put};
use crate::{
    credentials,
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    webhook,
};

/// How long a secret that was replaced goes on signing.
pub const RETIRING: Duration = Duration::from_hours(24);
/// Secrets of a webhook that may retire at the same time: each adds a signature to every message.
const MOST_RETIRING: usize = 5;

/// Makes a new signing secret. The one before goes on signing for [`RETIRING`].
///
/// # Errors
/// The caller is no admin, or too many secrets are retiring.
pub async fn rotate_secret(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
) -> Result<WithSecret, EngineError> {
    caller.at_least(Role::Admin)?;
    let mut webhook = get(hub, caller, id).await?;
    let now = hub.clock().now();
    let until = now.checked_add(RETIRING).unwrap_or(Timestamp::MAX);
    let secret = fresh_secret(hub);
    let key = webhook.public_key.as_ref().map(|_| fresh_key(hub));
    let public_key = key.as_ref().and_then(webhook::public_key);
    let full = AtomicBool::new(false);
    credentials::update(hub, &caller.organization, |credentials| {
        let kept = credentials.webhooks.entry(id.to_string()).or_default();
        kept.retiring.retain(|old| old.until > now);
        let shared = kept.retiring.iter().filter(|old| is_shared(&old.secret));
        full.store(shared.count() >= MOST_RETIRING, Ordering::Relaxed);
        if !full.load(Ordering::Relaxed) {
            if let (Some(old), Some(key)) = (&kept.asymmetric, &key) {
                let secret = old.clone();
                kept.retiring.push(Retiring { secret, until });
                kept.asymmetric = Some(key.clone());
            }
            let old = std::mem::replace(&mut kept.current, secret.clone());
            // There is none where its creation was cut short.
            if !old.expose_secret().is_empty() {
                kept.retiring.push(Retiring { secret: old, until });
            }
        }
    })
    .await?;
    if full.load(Ordering::Relaxed) {
        return Err(EngineError::Conflict(format!(
            "{MOST_RETIRING} secrets of it were replaced within a day and still sign; wait until one has ended"
        )));
    }
    // From here on the new secret signs, so it is shown whatever becomes of the rest.
    for _ in 0..CHANGES {
        webhook.secret_made_at = now;
        webhook.public_key.clone_from(&public_key);
        match put(hub, caller, &mut webhook).await {
            Ok(true) => break,
            Ok(false) => webhook = get(hub, caller, id).await?,
            Err(error) => {
                tracing::warn!(webhook.id = %id, error = %error, "the time of a new secret could not be noted");
                break;
            }
        }
    }
    Ok(WithSecret { webhook, secret })
}

pub(super) async fn forget_secret(hub: &Hub, webhook: &Webhook) -> Result<(), EngineError> {
    credentials::update(hub, &webhook.organization, |credentials| {
        credentials.webhooks.remove(webhook.id.as_str());
    })
    .await
}

/// 32 random bytes, as Standard Webhooks writes them.
pub(super) fn fresh_secret(hub: &Hub) -> SecretString {
    let bytes = zeroize::Zeroizing::new(hub.entropy().bytes::<32>());
    format!("whsec_{}", BASE64_STANDARD.encode(bytes.as_slice())).into()
}

/// A key of our own, whose public half receivers check with.
pub(super) fn fresh_key(hub: &Hub) -> SecretString {
    let seed = zeroize::Zeroizing::new(hub.entropy().bytes::<32>());
    webhook::private_key(&seed)
}

/// Whether the customer has this secret too.
fn is_shared(secret: &SecretString) -> bool {
    webhook::public_key(secret).is_none()
}

/// Makes a key of our own for a webhook, or takes it away; its public half.
pub(super) async fn set_key(
    hub: &Hub,
    of: &Webhook,
    asymmetric: bool,
) -> Result<Option<String>, EngineError> {
    let key = asymmetric.then(|| fresh_key(hub));
    credentials::update(hub, &of.organization, |credentials| {
        let kept = credentials.webhooks.entry(of.id.to_string()).or_default();
        kept.asymmetric.clone_from(&key);
        if key.is_none() {
            kept.retiring.retain(|old| is_shared(&old.secret));
        }
    })
    .await?;
    Ok(key.as_ref().and_then(webhook::public_key))
}
