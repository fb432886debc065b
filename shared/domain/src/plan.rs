//! The plan: the list of writes one session makes on one connection.
//!
//! A pure function of what is stored, the mapping and the matches. Deliver applies it; preview,
//! undo and the audit trail show it. Nothing writes to a CRM outside a plan.

mod compose;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    connection::Connection,
    event::{ActionItem, SessionKind},
    id::{ConnectionId, DeliveryId, PartId, SessionId},
    mapping::{FieldRule, Mapping, Overwrite, RecordKind, RecordRule, Source},
    matching::{Candidate, Match},
    session::{Part, SessionRecord},
};

pub use step::{Step, client_id, step_key};

/// A value for one field, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedField {
    /// What is written.
    pub value: Value,
    /// Its source.
    pub from: Source,
    /// The transcript segments that caused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<PartId>,
    /// When it may be written.
    #[serde(default)]
    pub overwrite: Overwrite,
}

/// One record to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Our key of the record: the same for the same thing, for ever. Letters, digits, `_`, `-` and
    /// `.` only, so it is safe in a path.
    pub key: String,
    /// The CRM's id of it, where the ledger knows that it was written before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is.
    pub kind: RecordKind,
    /// The CRM's object.
    pub object: String,
    /// Its fields.
    pub fields: BTreeMap<String, PlannedField>,
    /// The people it is related to, the most important first.
    pub people: Vec<Candidate>,
    /// The CRM's id of the company it is related to.
    pub company: Option<String>,
    /// The step it is, where it is no record of the mapping: a connector adds those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The writes of this plan that must be in the CRM before it, by our key. When it is sent, each has
    /// the CRM's id; an empty one where the CRM does not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, Option<String>>,
    /// Whether the session counts as delivered without it, should the CRM refuse it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// For a CRM that remembers a key of the request: the same whenever this write may be sent a second
    /// time, another one for anything else. The engine sets it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
}

/// What one session writes on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The delivery it is for.
    pub delivery: DeliveryId,
    /// The connection.
    pub connection: ConnectionId,
    /// The session.
    pub session: SessionId,
    /// The session's revision it was made from.
    pub revision: u64,
    /// The mapping it was made with.
    pub mapping_version: u32,
    /// The writes, the activity first.
    pub writes: Vec<Write>,
}

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlan {
    /// Nothing is known of the session yet that stands alone.
    NothingToWrite,
    /// Nobody outside the organization took part.
    InternalOnly,
}

/// The key of a session's activity.
pub fn activity_key(session: &SessionId) -> String {
    session.to_string()
}

/// The key of an action item's task.
pub fn task_key(session: &SessionId, item: &PartId) -> String {
    format!("{session}-task-{item}")
}

/// The addresses to look up for a session: those of the people outside the organization, each
/// once, in the order they were named.
pub fn addresses(record: &SessionRecord) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(part) = &record.session {
        for email in part
            .value
            .external()
            .filter_map(|person| person.email.as_ref())
        {
            if !found.contains(email) {
                found.push(email.clone());
            }
        }
    }
    found
}

/// Whether the session makes a plan at all, told before anything is looked up.
pub fn writable(record: &SessionRecord) -> Result<(), NoPlan> {
    match &record.session {
        Some(part) if part.value.external().next().is_none() => Err(NoPlan::InternalOnly),
        None if record.action_items.is_empty() => Err(NoPlan::NothingToWrite),
        Some(_) | None => Ok(()),
    }
}

/// Makes the plan.
pub fn make(
    record: &SessionRecord,
    connection: &Connection,
    mapping: &Mapping,
    matches: &[Match],
) -> Result<Plan, NoPlan> {
    writable(record)?;
    let people: Vec<Candidate> = matches
        .iter()
        .filter_map(|found| found.chosen.clone())
        .collect();
    let company = people.iter().find_map(|person| person.company.clone());
    let mut writes = Vec::new();
    if let Some(part) = &record.session {
        let kind = match part.value.kind {
            SessionKind::Meeting => RecordKind::Meeting,
            SessionKind::Call => RecordKind::Call,
        };
        if let Some(rule) = mapping.record(kind) {
            writes.push(write(
                activity_key(&record.id),
                rule,
                record,
                None,
                &people,
                company.clone(),
            ));
        }
    }
    if let Some(rule) = mapping.record(RecordKind::Task) {
        for (id, item) in &record.action_items {
            writes.push(write(
                task_key(&record.id, id),
                rule,
                record,
                Some(item),
                &people,
                company.clone(),
            ));
        }
    }
    Ok(Plan {
        delivery: DeliveryId::of(&connection.id, &record.id),
        connection: connection.id.clone(),
        session: record.id.clone(),
        revision: record.revision,
        mapping_version: mapping.version,
        writes,
    })
}

fn write(
    key: String,
    rule: &RecordRule,
    record: &SessionRecord,
    item: Option<&Part<ActionItem>>,
    people: &[Candidate],
    company: Option<String>,
) -> Write {
    let evidence = item
        .and_then(|item| item.value.evidence.as_ref())
        .map(|e| e.segment_ids.clone())
        .unwrap_or_default();
    let planned = |field: &FieldRule| {
        let value = compose::value(field, record, item)?;
        let planned = PlannedField {
            value,
            from: field.from,
            evidence: evidence.clone(),
            overwrite: field.overwrite,
        };
        Some((field.to.clone(), planned))
    };
    Write {
        key,
        id: None,
        kind: rule.kind,
        object: rule.object.clone(),
        fields: rule.fields.iter().filter_map(planned).collect(),
        people: people.to_vec(),
        company,
        step: None,
        after: BTreeMap::new(),
        optional: false,
        token: String::new(),
    }
}

/// The hash of all a plan depends on that the hub holds itself: the parts of the session, the
/// mapping and the connection's settings. Known before the CRM is asked anything, so a repeat of
/// the same content costs no call.
pub fn content_hash(record: &SessionRecord, connection: &Connection, mapping: &Mapping) -> String {
    let mut hasher = Sha256::new();
    // The events that brought the parts do not matter, what they say does.
    let parts = (
        record.session.as_ref().map(|part| &part.value),
        record.summary.as_ref().map(|part| &part.value),
        record
            .action_items
            .values()
            .map(|part| &part.value)
            .collect::<Vec<_>>(),
        record
            .insights
            .values()
            .map(|part| &part.value)
            .collect::<Vec<_>>(),
    );
    // Maps are ordered and numbers finite, so the text is the same for the same content.
    hasher.update(serde_json::to_vec(&(parts, mapping, &connection.settings)).unwrap_or_default());
    hasher
        .finalize()
        .iter()
        .take(16)
        .fold(String::new(), |mut text, byte| {
            use std::fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
