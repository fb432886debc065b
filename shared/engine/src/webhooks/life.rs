//! What becomes of a webhook because of its deliveries: one that is gone is turned off at once, one that has
//! taken nothing for days as well. It is never dropped silently: its owners are told, what is under way is
//! held, and somebody makes it active again.

use hub_aws::AwsError;
use hub_domain::{
    Timestamp, Webhook,
    webhook::{FAILING_ENDS, Off},
};

use super::CHANGES;
use crate::hub::Hub;

/// Turns a webhook off because of what its receiver answered; `false` if somebody has made it active again
/// since, or it could not be written.
pub(crate) async fn turn_off(hub: &Hub, webhook: &Webhook, reason: &str) -> bool {
    let changed = change(hub, webhook, |current, now| {
        // Somebody who has made it active again since knows better.
        if current.active && current.active_since == webhook.active_since {
            current.active = false;
            current.off = Some(Off {
                reason: reason.to_owned(),
                at: now,
            });
        }
    });
    match changed.await {
        Ok(Some(current)) => {
            tracing::warn!(webhook.id = %webhook.id, reason, "a webhook is turned off");
            !current.active
        }
        Ok(None) => true,
        Err(error) => {
            tracing::warn!(webhook.id = %webhook.id, error = %error, "a webhook could not be turned off; the next delivery tries again");
            false
        }
    }
}

/// An event was given up after its last attempt. The first since one was taken is noted; a webhook that has
/// taken nothing for [`FAILING_ENDS`] since is turned off.
pub(crate) async fn failed(hub: &Hub, webhook: &Webhook) {
    let changed = change(hub, webhook, |current, now| {
        let since = *current.failing_since.get_or_insert(now);
        let is_over = since + FAILING_ENDS <= now;
        if current.active && is_over {
            current.active = false;
            current.off = Some(Off {
                reason: format!("it has taken nothing since {since}"),
                at: now,
            });
        }
    });
    if let Err(error) = changed.await {
        tracing::warn!(webhook.id = %webhook.id, error = %error, "that a webhook fails could not be noted; the next event tells");
    }
}

/// An event was taken: it does not fail any more.
pub(crate) async fn took(hub: &Hub, webhook: &Webhook) {
    if webhook.failing_since.is_none() {
        return;
    }
    let changed = change(hub, webhook, |current, _| current.failing_since = None);
    if let Err(error) = changed.await {
        tracing::warn!(webhook.id = %webhook.id, error = %error, "that a webhook works again could not be noted; the next event tells");
    }
}

/// Changes a webhook as it stands; `None` if it is gone.
async fn change(
    hub: &Hub,
    webhook: &Webhook,
    change: impl Fn(&mut Webhook, Timestamp),
) -> Result<Option<Webhook>, AwsError> {
    let (store, now) = (hub.store(), hub.clock().now());
    let mut last = AwsError::Conflict {
        operation: "changing a webhook",
    };
    for _ in 0..CHANGES {
        let found = store.webhook(&webhook.organization, &webhook.id).await?;
        let Some(current) = found.filter(|found| !found.deleting) else {
            return Ok(None);
        };
        let mut after = current.clone();
        change(&mut after, now);
        if after == current {
            return Ok(Some(current));
        }
        after.version += 1;
        (after.updated_at, after.updated_by) = (now, "hub".to_owned());
        match store.put_webhook(&after).await {
            Ok(()) => {
                hub.forget(&webhook.organization);
                return Ok(Some(after));
            }
            Err(error @ AwsError::Conflict { .. }) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
