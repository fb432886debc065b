//! An activity as it is sent. It says nothing of addresses.

use hub_domain::{Verdict, Write};
use serde_json::{Map, Value, json};

use super::read::PERSONS;

use crate::{
    mapped::{UNFIT, mapped},
    marker::marker,
};

/// What follows from the session, so that no mapping may say it.
const OURS: [&str; 5] = ["id", "person_id", "org_id", "participants", "custom_fields"];
/// The fields that are true or false; a mapping's choice is text.
const FLAGS: [&str; 2] = ["done", "busy"];
/// Where our key stands.
pub(super) const NOTE: &str = "note";

/// The body of a create, or of a change of what is mapped.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn activity(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let mut body = fields(write)?;
    let note = body.get(NOTE).and_then(Value::as_str);
    // A change that leaves the note out keeps what stands there, and our key with it.
    if note.is_some() || write.id.is_none() {
        let note = note.unwrap_or_default();
        let gap = if note.is_empty() { "" } else { "<br><br>" };
        let note = format!("{note}{gap}{}", marker(&write.key));
        body.insert(NOTE.to_owned(), Value::String(note));
    }
    if write.id.is_none() {
        let participants = participants(write);
        if !participants.is_empty() {
            body.insert("participants".to_owned(), Value::Array(participants));
        }
        if let Some(id) = write.company.as_deref().and_then(number) {
            body.insert("org_id".to_owned(), json!(id));
        }
    }
    Ok(body)
}

fn fields(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let ours = |name: &str| {
        OURS.contains(&name).then_some(
            "follows from the session, or does not exist on activities, and cannot be mapped",
        )
    };
    mapped(write, ours, |name, field| value(name, &field.value))
}

/// A value as a field takes it; `None` for nothing.
fn value(name: &str, value: &Value) -> Result<Option<Value>, &'static str> {
    let is_flag = FLAGS.contains(&name);
    let taken = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) if is_flag => text.parse::<bool>().ok().map(Value::Bool),
        Value::Number(_) | Value::Array(_) | Value::Object(_) if is_flag || name == NOTE => None,
        Value::Bool(_) if name == NOTE => None,
        other => Some(other.clone()),
    };
    taken.map(Some).ok_or(UNFIT)
}

/// The people of a session, each once, the first of them as the primary one.
fn participants(write: &Write) -> Vec<Value> {
    let mut ids: Vec<u64> = Vec::new();
    let people = write.people.iter().filter(|one| one.object == PERSONS);
    for id in people.filter_map(|person| number(&person.id)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let shown = ids.into_iter().enumerate();
    shown
        .map(|(place, id)| json!({ "person_id": id, "primary": place == 0 }))
        .collect()
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_no_text() {
        for (name, from, to) in [
            ("done", json!("true"), Some(json!(true))),
            ("done", json!(false), Some(json!(false))),
            ("done", json!("yes"), None),
            ("busy", json!(1), None),
            ("subject", json!("true"), Some(json!("true"))),
            ("subject", json!(""), Some(Value::Null)),
            ("priority", json!(263), Some(json!(263))),
            ("note", json!(true), None),
        ] {
            let taken = value(name, &from).ok();
            assert_eq!(taken.map(Option::unwrap_or_default), to, "{name} {from}");
        }
    }
}
