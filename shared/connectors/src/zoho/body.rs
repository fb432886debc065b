//! One record as it is sent. It says nothing of addresses and calls.

use hub_domain::{Verdict, Write, mapping::Source, matching::Candidate};
use serde_json::{Map, Value, json};

use super::read::{CONTACTS, LEADS};

use crate::mapped::mapped;

/// What follows from the session, so that no mapping may say it.
const OURS: [&str; 4] = ["id", "Who_Id", "What_Id", "Participants"];
/// What is told as minutes and seconds, where a mapping has a number of seconds.
const DURATION: &str = "Call_Duration";
/// The one module that has participants.
const MEETINGS: &str = "Events";
/// The module that a record is about.
const ABOUT: &str = "$se_module";

/// What holds for all records of a call.
pub(super) struct Terms<'a> {
    /// The field that holds our key.
    pub(super) key_field: &'a str,
    /// Whether a meeting names everybody as participants.
    pub(super) participants: bool,
}

/// A record to make, with our key and its links; or the change of one.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn record(write: &Write, terms: &Terms<'_>) -> Result<Value, Verdict> {
    let mut record = fields(write, terms.key_field)?;
    if write.object == MEETINGS {
        // Nobody is told of a meeting that is over.
        record.insert("$send_notification".to_owned(), json!(false));
    }
    if let Some(id) = &write.id {
        record.insert("id".to_owned(), json!(id));
    } else {
        record.insert(terms.key_field.to_owned(), json!(write.key));
        link(write, terms, &mut record);
    }
    Ok(Value::Object(record))
}

fn fields(write: &Write, key_field: &str) -> Result<Map<String, Value>, Verdict> {
    let is_ours = |name: &str| OURS.contains(&name) || name.starts_with('$') || name == key_field;
    let ours = |name: &str| {
        is_ours(name)
            .then_some("follows from the session, or is the record's key, and cannot be mapped")
    };
    mapped(write, ours, |name, field| {
        let value = value(name, field.from, &field.value);
        Ok(Some(value).filter(|value| !value.is_null()))
    })
}

/// A value as the vendor takes it; null for nothing.
fn value(name: &str, from: Source, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) if is_time(from) => match text.strip_suffix('Z') {
            Some(time) => json!(format!("{time}+00:00")),
            None => value.clone(),
        },
        Value::Number(seconds) if name == DURATION => match seconds.as_u64() {
            Some(seconds) => json!(format!("{:02}:{:02}", seconds / 60, seconds % 60)),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

fn is_time(from: Source) -> bool {
    matches!(
        from,
        Source::SessionStartedAt
            | Source::SessionEndedAt
            | Source::TaskDueAt
            | Source::TaskScheduledAt
    )
}

/// Links a new record to the first contact and to the company; to the first lead where no company is known.
fn link(write: &Write, terms: &Terms<'_>, record: &mut Map<String, Value>) {
    let first = |object: &str| write.people.iter().find(|person| person.object == object);
    let contact = first(CONTACTS);
    if let Some(contact) = contact {
        record.insert("Who_Id".to_owned(), json!({ "id": contact.id }));
    }
    let company = write.company.as_deref().map(|id| ("Accounts", id));
    let lead = first(LEADS).map(|lead| (LEADS, lead.id.as_str()));
    if let Some((module, id)) = company.or(lead) {
        record.insert("What_Id".to_owned(), json!({ "id": id }));
        record.insert(ABOUT.to_owned(), json!(module));
    }
    let participants = participants(&write.people);
    if terms.participants && write.object == MEETINGS && !participants.is_empty() {
        record.insert("Participants".to_owned(), Value::Array(participants));
    }
}

/// The people of a session, each once.
fn participants(people: &[Candidate]) -> Vec<Value> {
    let mut named: Vec<&str> = Vec::new();
    let mut participants = Vec::new();
    for person in people {
        let kind = match person.object.as_str() {
            CONTACTS => "contact",
            LEADS => "lead",
            _ => continue,
        };
        if !named.contains(&person.id.as_str()) {
            named.push(&person.id);
            participants.push(json!({ "type": kind, "participant": person.id, "invited": false }));
        }
    }
    participants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_offset_and_lengths_are_minutes() {
        let time = "2026-11-20T15:00:00Z";
        for (name, from, given, sent) in [
            (
                "Start_DateTime",
                Source::SessionStartedAt,
                json!(time),
                json!("2026-11-20T15:00:00+00:00"),
            ),
            (
                "Due_Date",
                Source::TaskDueAt,
                json!("2026-11-27"),
                json!("2026-11-27"),
            ),
            // Somebody may say a time in words.
            ("Subject", Source::TaskTitle, json!(time), json!(time)),
            (
                "Call_Duration",
                Source::SessionDurationSeconds,
                json!(2_701),
                json!("45:01"),
            ),
            (
                "Call_Duration",
                Source::SessionDurationSeconds,
                json!(7_530),
                json!("125:30"),
            ),
            (
                "Call_Duration",
                Source::SessionDurationSeconds,
                json!(5),
                json!("00:05"),
            ),
            (
                "Minutes",
                Source::SessionDurationMinutes,
                json!(46),
                json!(46),
            ),
            ("Subject", Source::TaskTitle, json!(""), json!(null)),
        ] {
            assert_eq!(value(name, from, &given), sent, "{name} {given}");
        }
    }
}
