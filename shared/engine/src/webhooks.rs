//! Webhook configurations, as the API shows and changes them.
//!
//! The signing secret stands in the vault and is shown once, when it is made. Values of headers
//! that may open something are sealed under the organization's token key, and never shown.

pub mod again;
pub mod document;
mod life;
mod read;
mod send;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hub_aws::{
    AwsError, KeyRing, seal,
    seams::ulid,
    vault::{Retiring, WebhookSecret},
};
use hub_domain::{
    Faults, Timestamp, Webhook, WebhookId,
    webhook::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_WEBHOOKS, is_secret_header},
};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use life::{failed, took, turn_off};
pub use read::{NewWebhook, WebhookChange};
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

/// How long a secret that was replaced goes on signing.
pub const RETIRING: Duration = Duration::from_hours(24);
/// Secrets of a webhook that may retire at the same time: each adds a signature to every message.
const MOST_RETIRING: usize = 5;
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

async fn forget_secret(hub: &Hub, webhook: &Webhook) -> Result<(), EngineError> {
    credentials::update(hub, &webhook.organization, |credentials| {
        credentials.webhooks.remove(webhook.id.as_str());
    })
    .await
}

/// 32 random bytes, as Standard Webhooks writes them.
fn fresh_secret(hub: &Hub) -> SecretString {
    let bytes = zeroize::Zeroizing::new(hub.entropy().bytes::<32>());
    format!("whsec_{}", BASE64_STANDARD.encode(bytes.as_slice())).into()
}

/// A key of our own, whose public half receivers check with.
fn fresh_key(hub: &Hub) -> SecretString {
    let seed = zeroize::Zeroizing::new(hub.entropy().bytes::<32>());
    webhook::private_key(&seed)
}

/// Whether the customer has this secret too.
fn is_shared(secret: &SecretString) -> bool {
    webhook::public_key(secret).is_none()
}

/// Makes a key of our own for a webhook, or takes it away; its public half.
async fn set_key(hub: &Hub, of: &Webhook, asymmetric: bool) -> Result<Option<String>, EngineError> {
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

fn overtaken() -> EngineError {
    EngineError::Conflict("it was changed at the same time; try again".to_owned())
}

fn unavailable(context: &'static str) -> impl Fn(AwsError) -> EngineError {
    EngineError::aws(context)
}
