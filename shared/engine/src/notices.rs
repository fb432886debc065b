//! Events of the hub itself, kept when they happen: what became of connections is derived from the
//! table's stream, reminders come of the daily look, checkpoints of the audit log. Webhooks that take
//! `integration.*` are sent them.

use hub_aws::{AwsError, store::Changed};
use hub_connectors::WEBHOOKS;
use hub_domain::{
    Connection, ConnectionState, OrganizationId, Timestamp, Webhook,
    notice::{Kind, Notice},
    reminder::Reminder,
};
use serde_json::{Value, json};

use crate::{hub::Hub, kept, reference::DeliveryReference};

/// Keeps what changes of connections say. The place of the first of which that could not be kept.
pub(crate) async fn derive(hub: &Hub, changes: &[(usize, Changed, Timestamp)]) -> Option<usize> {
    for (place, change, at) in changes {
        for notice in said(change, *at) {
            if let Err(error) = tell(hub, &notice).await {
                tracing::error!(event.id = %notice.id, error = %error, "an event of the hub itself could not be told; its change comes again");
                return Some(*place);
            }
        }
    }
    None
}

/// What a change says.
fn said(change: &Changed, at: Timestamp) -> Vec<Notice> {
    match change {
        Changed::Connection(old, Some(new)) => {
            let kind = became(old.as_deref(), new);
            let of = |kind| {
                let organization = new.organization.clone();
                Notice::new(organization, kind, new.id.as_str(), at, connection(new))
            };
            kind.map(of).into_iter().collect()
        }
        Changed::Webhook(Some(old), Some(new)) => {
            let turned_off = new.off.as_ref().filter(|_| old.off.is_none());
            let fails = new.failing_since.filter(|_| old.failing_since.is_none());
            let reason = turned_off.map(|off| (Kind::WebhookOff, off.reason.clone()));
            let fails = fails.map(|_| {
                let reason = "an event was given up after its last attempt".to_owned();
                (Kind::WebhookFailing, reason)
            });
            let of = |(kind, reason): (Kind, String)| {
                let organization = new.organization.clone();
                let payload = json!({
                    "webhook": new.id, "name": new.name, "active": new.active, "reason": reason,
                    "advice": "see what its receiver answers (POST /api/integrations/webhooks/test), make it active again, and have what failed sent again (POST /api/integrations/webhooks/{id}/recover)",
                });
                Notice::new(organization, kind, new.id.as_str(), at, payload)
            };
            reason.into_iter().chain(fails).map(of).collect()
        }
        Changed::Organization(..)
        | Changed::Connection(..)
        | Changed::Mapping { .. }
        | Changed::Webhook(..)
        | Changed::Delivery(..) => Vec::new(),
    }
}

/// Keeps an event of the hub itself, and sends it to the webhooks that take it. It may be repeated.
async fn tell(hub: &Hub, notice: &Notice) -> Result<(), AwsError> {
    let organization = &notice.organization;
    hub.store().put_notice(notice).await?;
    let known = hub.organization(organization).await?;
    if !known.is_some_and(|known| known.has_webhooks) {
        return Ok(());
    }
    let whole = serde_json::to_value(notice).map_err(|_| AwsError::Corrupt {
        what: "an event to send",
    })?;
    kept::keep(hub, organization, &notice.id, &whole.to_string()).await?;
    let kind = notice.kind.name();
    let webhooks = hub.webhooks(organization).await?;
    // One is not told of itself: it does not take what it is sent.
    let about = notice.payload.get("webhook").and_then(Value::as_str);
    let taking = webhooks.iter().filter(|webhook| {
        about != Some(webhook.id.as_str()) && webhook.takes(kind) && webhook.wants(&whole)
    });
    let messages = taking.map(|webhook| {
        let delivery = DeliveryReference::to_webhook(organization, &webhook.id, &notice.id);
        delivery.message().map_err(|_| AwsError::Corrupt {
            what: "a message to send",
        })
    });
    let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
    if messages.is_empty() {
        return Ok(());
    }
    let queue = format!("{WEBHOOKS}-live");
    let sent = hub.queues().send_batch(&queue, messages).await;
    sent.into_iter().collect()
}

fn became(old: Option<&Connection>, new: &Connection) -> Option<Kind> {
    if old.is_some_and(|old| old.state == new.state) {
        return None;
    }
    match new.state {
        ConnectionState::Active => Some(Kind::Connected),
        ConnectionState::ReconnectNeeded => Some(Kind::ReconnectNeeded),
        ConnectionState::Disconnected => Some(Kind::Disconnected),
        ConnectionState::Unconnected | ConnectionState::AwaitingApproval => None,
    }
}

fn connection(of: &Connection) -> Value {
    json!({
        "connection": of.id, "crm": of.crm, "name": of.name, "state": of.state, "cause": of.cause,
        "reason": of.reason, "advice": of.cause.map_or("", hub_domain::Cause::advice),
    })
}

/// Keeps a reminder about a connection.
pub(crate) async fn remind_of_connection(
    hub: &Hub,
    of: &Connection,
    reminder: &Reminder,
) -> Result<(), AwsError> {
    let subject = json!({ "connection": of.id, "crm": of.crm, "name": of.name });
    remind(hub, &of.organization, of.id.as_str(), subject, reminder).await
}

/// Keeps a reminder about a webhook.
pub(crate) async fn remind_of_webhook(
    hub: &Hub,
    of: &Webhook,
    reminder: &Reminder,
) -> Result<(), AwsError> {
    let subject = json!({ "webhook": of.id, "name": of.name });
    remind(hub, &of.organization, of.id.as_str(), subject, reminder).await
}

async fn remind(
    hub: &Hub,
    organization: &OrganizationId,
    id: &str,
    mut payload: Value,
    reminder: &Reminder,
) -> Result<(), AwsError> {
    let said = match reminder {
        Reminder::Old {
            secret,
            since,
            age_days,
            policy_days,
            ..
        } => {
            json!({ "secret": secret, "since": since, "age_days": age_days, "policy_days": policy_days })
        }
        Reminder::Lapses { at, .. } => json!({ "lapses_at": at }),
    };
    if let (Value::Object(payload), Value::Object(mut said)) = (&mut payload, said) {
        said.insert("advice".to_owned(), reminder.advice().into());
        payload.append(&mut said);
    }
    let notice = Notice::new(
        organization.clone(),
        reminder.kind(),
        id,
        reminder.due_at(),
        payload,
    );
    tell(hub, &notice).await
}

/// Keeps a checkpoint of the audit log, for the customer to hold.
pub(crate) async fn checkpoint(
    hub: &Hub,
    organization: &OrganizationId,
    since: Timestamp,
    size: u64,
    note: &str,
    key: &str,
) -> Result<(), AwsError> {
    let notice = Notice::new(
        organization.clone(),
        Kind::AuditCheckpoint,
        &size.to_string(),
        since,
        json!({ "size": size, "checkpoint": note, "key": key }),
    );
    tell(hub, &notice).await
}
