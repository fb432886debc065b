//! Which changes are entries of the audit log, and what the entries say.
//!
//! What is said is chosen field by field: nothing secret is stored in these classes today, and what
//! a later version stores there must not get into a log by itself.

use hub_aws::store::{Changed, changed};
use hub_domain::{
    Connection, OrganizationId, Subject, TableChange, Webhook,
    audit::{Content, Kind, hex},
    ledger::{DeliveryStatus, LedgerEntry},
};
use serde_json::{Value, json};

/// An entry that has no place in the log yet.
#[derive(Debug)]
pub(super) struct Draft {
    /// Derived from the change, and the same each time it comes.
    pub(super) id: String,
    /// The partition it is of, without the organization, and its number among the changes of it.
    pub(super) partition: String,
    pub(super) sequence: String,
    pub(super) content: Content,
    /// The content as it is hashed.
    pub(super) text: String,
}

/// The entry that a change makes, and whose log it belongs to.
pub(super) fn draft(change: &TableChange) -> Option<(OrganizationId, Draft)> {
    let (organization, _) = change.place()?;
    let organization: OrganizationId = organization.parse().ok()?;
    let (kind, subject, actor, data) = match changed(change) {
        Ok(found) => said(&organization, found?)?,
        Err(error) => {
            tracing::error!(
                organization.id = %organization,
                sequence = change.sequence,
                error = %error,
                "a change cannot be read; the audit log says so"
            );
            (Kind::Unreadable, change.sk.clone(), None, Value::Null)
        }
    };
    let content = Content {
        actor,
        at: change.at,
        data,
        kind: kind.name().to_owned(),
        subject,
    };
    // Texts, numbers and trees of them are always JSON.
    let text = serde_json::to_string(&content).ok()?;
    let id = id(change);
    let partition = change.pk.split_once('#').map_or("", |(_, rest)| rest);
    Some((
        organization,
        Draft {
            id,
            partition: partition.to_owned(),
            sequence: change.sequence.clone(),
            content,
            text,
        },
    ))
}

/// The sequence number is the change's name; the key goes with it, since a number is promised to be
/// unique within a shard alone.
fn id(change: &TableChange) -> String {
    let name = format!("{}\n{}\n{}", change.pk, change.sk, change.sequence);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let id = digest.as_ref();
    // Half of it is enough not to meet another.
    hex(id.get(..16).unwrap_or(id))
}

type Said = (Kind, String, Option<String>, Value);

fn said(organization: &OrganizationId, changed: Changed) -> Option<Said> {
    let gone = |subject: String| (Kind::Removed, subject, None, Value::Null);
    Some(match changed {
        // Something was noted beside it.
        Changed::Organization(Some(old), Some(new)) if old == new => return None,
        Changed::Organization(_, Some(new)) => {
            let data = json!({
                "changed_by": new.changed_by, "name": new.name, "plan": new.plan, "status": new.status,
            });
            (
                Kind::OrganizationChanged,
                organization.to_string(),
                None,
                data,
            )
        }
        Changed::Organization(_, None) => gone(organization.to_string()),
        Changed::Connection(old, Some(new)) => {
            let was_approved = old.as_ref().is_some_and(|old| old.approved);
            let subject = new.id.to_string();
            if new.approved && !was_approved {
                let actor = new.approved_by.clone();
                (Kind::ConnectionApproved, subject, actor, connection(&new))
            } else {
                let actor = old.is_none().then(|| new.created_by.clone());
                (Kind::ConnectionChanged, subject, actor, connection(&new))
            }
        }
        Changed::Connection(Some(old), None) => gone(old.id.to_string()),
        Changed::Mapping {
            connection,
            version,
            mapping,
        } => {
            let subject = format!("{connection}#{version}");
            match mapping {
                Some(mapping) => {
                    let data = serde_json::to_value(mapping).unwrap_or_default();
                    (Kind::MappingChanged, subject, None, data)
                }
                None => gone(subject),
            }
        }
        Changed::Webhook(_, Some(new)) => {
            let subject = new.id.to_string();
            let actor = Some(new.updated_by.clone());
            (Kind::WebhookChanged, subject, actor, webhook(&new))
        }
        Changed::Webhook(Some(old), None) => gone(old.id.to_string()),
        Changed::Delivery(old, Some(new)) => {
            let asked = new.retried.as_ref();
            let before = old.as_ref().and_then(|old| old.retried.as_ref());
            if let Some(asked) = asked.filter(|asked| before != Some(*asked)) {
                let actor = Some(asked.by.clone());
                let subject = new.id().to_string();
                return Some((Kind::DeliveryRetried, subject, actor, delivery(&new)));
            }
            let of_checkpoint =
                matches!(&new.subject, Subject::Event { of, .. } if of.is_of_checkpoint());
            let moved = old.is_none_or(|old| old.status != new.status);
            if of_checkpoint || !moved || !is_outcome(new.status) {
                return None;
            }
            (
                Kind::DeliveryOutcome,
                new.id().to_string(),
                None,
                delivery(&new),
            )
        }
        Changed::Delivery(Some(old), None) => gone(old.id().to_string()),
        Changed::Connection(None, None)
        | Changed::Webhook(None, None)
        | Changed::Delivery(None, None) => return None,
    })
}

/// Whether a delivery has come to an end, for now. Claims, retries and waits are work, no outcome.
fn is_outcome(status: DeliveryStatus) -> bool {
    match status {
        DeliveryStatus::Delivered
        | DeliveryStatus::Skipped
        | DeliveryStatus::Parked
        | DeliveryStatus::DeadLettered => true,
        DeliveryStatus::Claimed
        | DeliveryStatus::Held
        | DeliveryStatus::Retrying
        | DeliveryStatus::Waiting => false,
    }
}

fn connection(new: &Connection) -> Value {
    json!({
        "account": new.account, "approved": new.approved, "base_url": new.base_url, "cause": new.cause,
        "connected_by": new.connected_by, "crm": new.crm, "enabled": new.enabled,
        "mapping_version": new.mapping_version, "method": new.method, "name": new.name,
        "reason": new.reason, "settings": new.settings, "state": new.state, "version": new.version,
    })
}

/// The address without its query, which may hold a key; of headers nothing.
fn webhook(new: &Webhook) -> Value {
    let address = new.url.split(['?', '#']).next();
    json!({
        "active": new.active, "address": address, "deleting": new.deleting, "events": new.events,
        "name": new.name, "off": new.off.as_ref().map(|off| &off.reason), "only": new.only,
        "rate_limit": new.rate_limit, "secret_made_at": new.secret_made_at, "version": new.version,
    })
}

fn delivery(new: &LedgerEntry) -> Value {
    json!({
        "connection": new.subject.connection(), "content": new.content, "event": new.event,
        "failures": new.failures, "mapping_version": new.mapping_version, "reason": new.reason,
        "records": new.records, "revision": new.revision, "session": new.subject.session(),
        "status": new.status, "verdict": new.verdict, "webhook": new.subject.webhook(),
    })
}
