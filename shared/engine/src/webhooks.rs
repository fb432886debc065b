//! Webhook configurations, as the API shows and changes them.
//!
//! The signing secret stands in the vault and is shown once, when it is made. Values of headers
//! that may open something are sealed under the organization's token key, and never shown.

pub mod again;
pub mod document;
mod life;
mod read;
mod secrets;
mod send;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hub_aws::{AwsError, KeyRing, seal, seams::ulid, vault::WebhookSecret};
use hub_domain::{
    Faults, Webhook, WebhookId,
    webhook::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_WEBHOOKS, is_secret_header},
};
use secrecy::SecretString;

pub(crate) use life::{failed, took, turn_off};
pub use read::{NewWebhook, WebhookChange};
pub use secrets::{RETIRING, rotate_secret};
use secrets::{forget_secret, fresh_key, fresh_secret, set_key};
pub use send::{Attempt, test};
pub(crate) use send::{Signer, post};

use crate::{
    credentials,
    error::EngineError,
    expected::Expected,
    hub::Hub,
    identity::{Caller, Role},
    webhook,
};

/// How often a change is made again when somebody else changed the webhook meanwhile.
const CHANGES: usize = 5;

/// A webhook with the secret that was just made for it.
#[derive(Debug)]
pub struct WithSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// Its signing secret, for the last time.
    pub secret: SecretString,
}

/// Creates a webhook.
///
/// # Errors
/// The caller is no admin, the organization has enough of them, or something does not answer.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: NewWebhook,
) -> Result<WithSecret, EngineError> {
    caller.at_least(Role::Admin)?;
    let known = hub.organization(&caller.organization).await;
    if known.map_err(unavailable("the organization"))?.is_none() {
        return Err(EngineError::NotFound("the organization"));
    }
    let id = format!("whk_{}", ulid(hub.clock(), hub.entropy()));
    let id: WebhookId = id.parse().map_err(|_| EngineError::Bug {
        context: "making an id",
        source: None,
    })?;
    let now = hub.clock().now();
    let mut webhook = Webhook {
        id: id.clone(),
        organization: caller.organization.clone(),
        name: new.name,
        url: new.url,
        events: new.events,
        active: new.active,
        only: new.only,
        rate_limit: new.rate_limit,
        public_key: None,
        active_since: new.active.then_some(now),
        off: None,
        failing_since: None,
        headers: BTreeMap::new(),
        secret_headers: BTreeMap::new(),
        deleting: false,
        version: 1,
        created_at: now,
        created_by: caller.subject.clone(),
        updated_at: now,
        updated_by: caller.subject.clone(),
        secret_made_at: now,
    };
    set_headers(hub, &mut webhook, new.headers).await?;
    let secret = fresh_secret(hub);
    let key = new.asymmetric.then(|| fresh_key(hub));
    webhook.public_key = key.as_ref().and_then(webhook::public_key);
    let full = AtomicBool::new(false);
    credentials::update(hub, &caller.organization, |credentials| {
        // Whoever writes holds the lease, so this count is exact.
        let webhooks = credentials.webhooks.keys();
        let count = webhooks.filter(|key| key.starts_with(WebhookId::PREFIX));
        full.store(count.count() >= MAX_WEBHOOKS, Ordering::Relaxed);
        if !full.load(Ordering::Relaxed) {
            let made = WebhookSecret {
                current: secret.clone(),
                asymmetric: key.clone(),
                ..WebhookSecret::default()
            };
            credentials.webhooks.insert(id.to_string(), made);
        }
    })
    .await?;
    if full.load(Ordering::Relaxed) {
        return Err(EngineError::Conflict(format!(
            "the organization has {MAX_WEBHOOKS} webhooks, which is the most; delete one first"
        )));
    }
    note_webhooks(hub, &webhook).await?;
    let stored = hub.store().put_webhook(&webhook).await;
    if let Err(error) = stored {
        // It may be stored nevertheless; without a secret nothing is sent to it.
        if let Err(error) = forget_secret(hub, &webhook).await {
            tracing::warn!(webhook.id = %id, error = %error, "the secret of a webhook that was not created could not be removed");
        }
        return Err(unavailable("the webhook")(error));
    }
    Ok(WithSecret { webhook, secret })
}

/// The webhooks of the caller's organization.
///
/// # Errors
/// The caller may not, or the store does not answer.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Webhook>, EngineError> {
    caller.at_least(Role::Manager)?;
    let found = hub.store().webhooks(&caller.organization).await;
    let mut found = found.map_err(unavailable("the webhooks"))?;
    found.retain(|webhook| !webhook.deleting);
    Ok(found)
}

/// One webhook.
///
/// # Errors
/// It is not there, or not of the caller's organization, which is the same.
pub async fn get(hub: &Hub, caller: &Caller, id: &WebhookId) -> Result<Webhook, EngineError> {
    caller.at_least(Role::Manager)?;
    let found = read(hub, caller, id).await?;
    if found.deleting {
        return Err(EngineError::NotFound("the webhook"));
    }
    Ok(found)
}

/// Changes a webhook that is at an expected version.
///
/// # Errors
/// The caller is no admin, or it is at another version.
pub async fn update(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    expected: &Expected,
    wanted: &WebhookChange,
) -> Result<Webhook, EngineError> {
    caller.at_least(Role::Admin)?;
    for _ in 0..CHANGES {
        let before = get(hub, caller, id).await?;
        expected.check(before.version)?;
        let mut after = before.clone();
        if let Some(name) = &wanted.name {
            after.name.clone_from(name);
        }
        if let Some(url) = &wanted.url {
            after.url.clone_from(url);
        }
        if let Some(events) = &wanted.events {
            after.events.clone_from(events);
        }
        if let Some(only) = &wanted.only {
            after.only.clone_from(only);
        }
        if let Some(rate_limit) = wanted.rate_limit {
            after.rate_limit = Some(rate_limit);
        }
        after.active = wanted.active.unwrap_or(before.active);
        if after.active && !before.active {
            after.active_since = Some(hub.clock().now());
            (after.off, after.failing_since) = (None, None);
        }
        set_headers(hub, &mut after, wanted.headers.clone()).await?;
        if let Some(asymmetric) = wanted.asymmetric
            && asymmetric != before.public_key.is_some()
        {
            after.public_key = set_key(hub, &before, asymmetric).await?;
        }
        if after == before {
            return Ok(before);
        }
        note_webhooks(hub, &after).await?;
        if put(hub, caller, &mut after).await? {
            hub.forget(&caller.organization);
            return Ok(after);
        }
    }
    Err(overtaken())
}

/// Deletes a webhook and its secret. It may be repeated until it succeeds.
///
/// # Errors
/// The caller is no admin, or it is at another version.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    expected: &Expected,
) -> Result<(), EngineError> {
    caller.at_least(Role::Admin)?;
    let mut found = read(hub, caller, id).await?;
    // First the mark, then the secret, then the item: whatever is left can be taken up again.
    for _ in 0..CHANGES {
        if found.deleting {
            break;
        }
        expected.check(found.version)?;
        found.deleting = true;
        if !put(hub, caller, &mut found).await? {
            found = read(hub, caller, id).await?;
        }
    }
    if !found.deleting {
        return Err(overtaken());
    }
    forget_secret(hub, &found).await?;
    let deleted = hub.store().delete_webhook(&caller.organization, id).await;
    deleted.map_err(unavailable("the webhook"))
}

/// From now on the organization's events are kept whole: first that, then the webhook that wants them.
async fn note_webhooks(hub: &Hub, webhook: &Webhook) -> Result<(), EngineError> {
    let known = hub.organization(&webhook.organization).await;
    let known = known.map_err(unavailable("the organization"))?;
    if known.is_some_and(|known| known.has_webhooks) {
        return Ok(());
    }
    let noted = hub.store().note_webhooks(&webhook.organization).await;
    noted.map_err(unavailable("the organization"))?;
    hub.forget(&webhook.organization);
    Ok(())
}

/// A webhook, whether or not its deletion has begun.
async fn read(hub: &Hub, caller: &Caller, id: &WebhookId) -> Result<Webhook, EngineError> {
    let found = hub.store().webhook(&caller.organization, id).await;
    let found = found.map_err(unavailable("the webhook"))?;
    found.ok_or(EngineError::NotFound("the webhook"))
}

/// Writes the next version; `false` means that somebody else changed it meanwhile.
async fn put(hub: &Hub, caller: &Caller, webhook: &mut Webhook) -> Result<bool, EngineError> {
    webhook.version += 1;
    webhook.updated_at = hub.clock().now();
    webhook.updated_by.clone_from(&caller.subject);
    match hub.store().put_webhook(webhook).await {
        Ok(()) => Ok(true),
        Err(AwsError::Conflict { .. }) => Ok(false),
        Err(error) => Err(unavailable("the webhook")(error)),
    }
}

/// Sets and takes away headers; what may open something is sealed.
async fn set_headers(
    hub: &Hub,
    webhook: &mut Webhook,
    wanted: BTreeMap<String, Option<String>>,
) -> Result<(), EngineError> {
    let mut keys = None;
    for (name, value) in wanted {
        let Some(value) = value else {
            webhook.headers.remove(&name);
            webhook.secret_headers.remove(&name);
            continue;
        };
        if !is_secret_header(&name) {
            webhook.headers.insert(name, value);
            continue;
        }
        if keys.is_none() {
            keys = Some(token_keys(hub, webhook).await?);
        }
        let sealed = keys.as_ref().map(|keys| {
            let aad = header_aad(webhook, &name);
            seal::seal(keys, hub.entropy(), aad.as_bytes(), value.as_bytes())
        });
        if let Some(sealed) = sealed
            .transpose()
            .map_err(unavailable("sealing a header"))?
        {
            let sealed = BASE64_STANDARD.encode(sealed);
            webhook.secret_headers.insert(name, sealed);
        }
    }
    let both = || webhook.headers.iter().chain(&webhook.secret_headers);
    let bytes: usize = both().map(|(name, value)| name.len() + value.len()).sum();
    // Sealed values are longer by a third and a little.
    if both().count() > MAX_HEADERS || bytes > 2 * MAX_HEADER_BYTES {
        return Err(EngineError::Invalid(Faults::one(
            "/headers",
            "would be too many or too long, with those that are there",
            format!("at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together"),
        )));
    }
    Ok(())
}

fn header_aad(webhook: &Webhook, name: &str) -> String {
    format!("webhook/{}/{}/{name}", webhook.organization, webhook.id)
}

async fn token_keys(hub: &Hub, webhook: &Webhook) -> Result<KeyRing, EngineError> {
    let credentials = hub.vault().credentials(webhook.organization.as_str()).await;
    let credentials = credentials.map_err(unavailable("the organization's credentials"))?;
    let ring = credentials.token_key.ring();
    ring.map_err(unavailable("the token key"))
}

fn overtaken() -> EngineError {
    EngineError::Conflict("it was changed at the same time; try again".to_owned())
}

fn unavailable(context: &'static str) -> impl Fn(AwsError) -> EngineError {
    EngineError::aws(context)
}
