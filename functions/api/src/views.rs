//! What the API shows, field by field.

mod retried;
pub(crate) mod webhooks;

use std::collections::BTreeMap;

use hub_domain::{
    Cause, ConnectionId, ConnectionState, CrmId, DeliveryId, EventId, FieldFault, Method, PartId,
    SessionId, Timestamp, WebhookId,
    audit::Entry,
    ledger::{DeliveryStatus, HeldFor, LedgerEntry},
    mapping::{RecordKind, Source},
    matching::{Candidate, Chosen, Rejection},
    plan,
};
use hub_engine::{audit::Export, deliveries::Detail, lifecycle};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub(crate) use retried::RetriedDeliveries;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// What brings the next page as `cursor`; `null` at the end.
    pub(crate) next: Option<String>,
}

/// A part of the audit log. `hub audit verify` reads these, one after the other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The log's name.
    origin: String,
    /// The key that checks the newest checkpoint.
    key: Option<String>,
    /// The newest checkpoint of all.
    checkpoint: Option<String>,
    /// The checkpoints over what this page ends with, or less, and the pages before do not have.
    checkpoints: Vec<String>,
    items: Vec<Entry>,
    next: Option<String>,
}

impl From<Export> for AuditPage {
    fn from(found: Export) -> Self {
        Self {
            origin: found.origin,
            key: found.key,
            checkpoint: found.checkpoint,
            checkpoints: found.page.checkpoints,
            // An entry is shown as the domain has it: what is checked is its very form.
            items: found.page.entries,
            next: found.page.next.map(|next| next.to_string()),
        }
    }
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Connection {
    id: ConnectionId,
    crm: CrmId,
    name: String,
    state: ConnectionState,
    reason: String,
    cause: Option<Cause>,
    /// What a person should do; empty when nothing is wrong.
    advice: &'static str,
    method: Method,
    approved: bool,
    enabled: bool,
    base_url: Option<String>,
    account: Option<String>,
    settings: BTreeMap<String, String>,
    created_at: Timestamp,
    created_by: String,
    approved_by: Option<String>,
    /// When it delivered last; `null` where it never did.
    last_sync_at: Option<Timestamp>,
    connected_at: Option<Timestamp>,
    connected_by: Option<String>,
    credential_since: Option<Timestamp>,
}

impl Connection {
    /// A connection, and when it delivered last.
    pub(crate) fn new(found: hub_domain::Connection, last_sync_at: Option<Timestamp>) -> Self {
        Self {
            last_sync_at,
            id: found.id,
            crm: found.crm,
            name: found.name,
            state: found.state,
            reason: found.reason,
            cause: found.cause,
            advice: found.cause.map_or("", Cause::advice),
            method: found.method,
            approved: found.approved,
            enabled: found.enabled,
            base_url: found.base_url,
            account: found.account,
            settings: found.settings,
            created_at: found.created_at,
            created_by: found.created_by,
            approved_by: found.approved_by,
            connected_at: found.connected_at,
            connected_by: found.connected_by,
            credential_since: found.credential_since,
        }
    }
}

/// What a test of a connection found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tested {
    works: bool,
    at: Timestamp,
    checks: Vec<Checked>,
}

/// One call to the CRM.
#[derive(Debug, Serialize, ToSchema)]
struct Checked {
    /// What it shows.
    proves: String,
    verdict: &'static str,
    /// What is wrong and what to do; empty when nothing is.
    reason: String,
    took_ms: u64,
}

impl From<lifecycle::Tested> for Tested {
    fn from(found: lifecycle::Tested) -> Self {
        Self {
            works: found.works,
            at: found.at,
            checks: found
                .checks
                .into_iter()
                .map(|check| Checked {
                    proves: check.proves,
                    verdict: check.verdict,
                    reason: check.reason,
                    took_ms: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
                })
                .collect(),
        }
    }
}

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    id: DeliveryId,
    /// The connection that a session goes to; `null` for an event.
    connection: Option<ConnectionId>,
    /// The session; `null` for an event that goes to a webhook.
    session: Option<SessionId>,
    /// The webhook that an event goes to; `null` for a session.
    webhook: Option<WebhookId>,
    event: EventId,
    status: DeliveryStatus,
    revision: u64,
    failures: u32,
    verdict: String,
    reason: String,
    faults: Vec<FieldFault>,
    records: Vec<Record>,
    /// Until when it is held, if it is; `null` also while it waits for somebody to take its connection into use.
    held_until: Option<Timestamp>,
    /// Who asked last that it be tried again.
    retried_by: Option<String>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

/// A record of the CRM.
#[derive(Debug, Serialize, ToSchema)]
struct Record {
    /// Our key of it.
    key: String,
    /// The CRM's id.
    id: String,
}

impl From<LedgerEntry> for Delivery {
    fn from(entry: LedgerEntry) -> Self {
        let records = entry.records.iter();
        let held = entry.held.as_ref();
        let held = held.filter(|_| entry.status == DeliveryStatus::Held);
        // What waits for somebody has no moment.
        let held = held.filter(|held| held.why != HeldFor::Connection);
        let held_until = held.and_then(|held| Timestamp::from_millisecond(held.until).ok());
        Self {
            id: entry.id(),
            status: entry.status,
            revision: entry.revision,
            failures: entry.failures,
            records: records
                .map(|(key, id)| Record {
                    key: key.clone(),
                    id: id.clone(),
                })
                .collect(),
            held_until,
            retried_by: entry.retried.map(|retried| retried.by),
            connection: entry.subject.connection().cloned(),
            session: entry.subject.session().cloned(),
            webhook: entry.subject.webhook().cloned(),
            event: entry.event,
            verdict: entry.verdict,
            reason: entry.reason,
            faults: entry.faults,
            created_at: Timestamp::from_millisecond(entry.created_at).ok(),
            updated_at: Timestamp::from_millisecond(entry.updated_at).ok(),
        }
    }
}

/// A delivery with the evidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryDetail {
    #[serde(flatten)]
    delivery: Delivery,
    matches: Vec<Match>,
    plan: Option<Plan>,
}

impl From<Detail> for DeliveryDetail {
    fn from(detail: Detail) -> Self {
        Self {
            matches: detail.entry.matches.iter().map(Match::from).collect(),
            delivery: detail.entry.into(),
            plan: detail.plan.map(Plan::from),
        }
    }
}

/// Which record a participant is, and why not another.
#[derive(Debug, Serialize, ToSchema)]
struct Match {
    /// Which of the session's external addresses, counted from 0.
    person: usize,
    object: Option<String>,
    id: Option<String>,
    rejected: Vec<Rejected>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Rejected {
    id: String,
    why: Rejection,
}

impl From<&Chosen> for Match {
    fn from(found: &Chosen) -> Self {
        let rejected = found.rejected.iter().map(|(id, why)| Rejected {
            id: id.clone(),
            why: *why,
        });
        Self {
            person: found.person,
            object: found.object.clone(),
            id: found.id.clone(),
            rejected: rejected.collect(),
        }
    }
}

/// What was, or would be, written.
#[derive(Debug, Serialize, ToSchema)]
struct Plan {
    revision: u64,
    writes: Vec<Write>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Write {
    key: String,
    kind: RecordKind,
    object: String,
    fields: Vec<Field>,
    people: Vec<Person>,
    company: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Field {
    to: String,
    value: Value,
    from: Source,
    evidence: Vec<PartId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Person {
    object: String,
    id: String,
    email: String,
}

impl From<plan::Plan> for Plan {
    fn from(plan: plan::Plan) -> Self {
        Self {
            revision: plan.revision,
            writes: plan.writes.into_iter().map(Write::from).collect(),
        }
    }
}

impl From<plan::Write> for Write {
    fn from(write: plan::Write) -> Self {
        let field = |(to, planned): (String, plan::PlannedField)| Field {
            to,
            value: planned.value,
            from: planned.from,
            evidence: planned.evidence,
        };
        let person = |Candidate {
                          object, id, email, ..
                      }| Person { object, id, email };
        Self {
            key: write.key,
            kind: write.kind,
            object: write.object,
            fields: write.fields.into_iter().map(field).collect(),
            people: write.people.into_iter().map(person).collect(),
            company: write.company,
        }
    }
}
