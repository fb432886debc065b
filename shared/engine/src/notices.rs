//! Events of the hub itself, kept when they happen: what became of connections is derived from the
//! table's stream, reminders come of the daily look, checkpoints of the audit log.

use hub_aws::{AwsError, store::Changed};
use hub_domain::{
    Connection, ConnectionState, OrganizationId, Timestamp, Webhook,
    notice::{Kind, Notice},
    reminder::Reminder,
};
use serde_json::{Value, json};

use crate::hub::Hub;

/// Keeps what changes of connections say. The place of the first of which that could not be kept.
pub(crate) async fn derive(hub: &Hub, changes: &[(usize, Changed, Timestamp)]) -> Option<usize> {
    for (place, change, at) in changes {
        let Changed::Connection(old, Some(new)) = change else {
            continue;
        };
        let Some(kind) = became(old.as_deref(), new) else {
            continue;
        };
        let notice = Notice::new(
            new.organization.clone(),
            kind,
            new.id.as_str(),
            *at,
            connection(new),
        );
        if let Err(error) = hub.store().put_notice(&notice).await {
            tracing::error!(connection.id = %new.id, error = %error, "an event of a connection could not be kept; its change comes again");
            return Some(*place);
        }
    }
    None
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
    hub.store().put_notice(&notice).await
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
    hub.store().put_notice(&notice).await
}
