//! An activity as it is sent. It says nothing of addresses.

use hub_domain::{Verdict, Write, mapping::Overwrite};
use serde_json::{Map, Value, json};

use super::read::PERSONS;

/// What follows from the session, so that no mapping may say it.
const OURS: [&str; 5] = ["id", "person_id", "org_id", "participants", "custom_fields"];
/// The fields that are true or false; a mapping's choice is text.
const FLAGS: [&str; 2] = ["done", "busy"];
/// Where our key stands.
pub(super) const NOTE: &str = "note";

/// How our key stands in a note.
const OPEN: &str = "[liveprompt ";
const CLOSE: char = ']';

/// The key that a note holds: that of the last line of ours.
pub(super) fn key_in(note: &str) -> Option<&str> {
    let (_, rest) = note.rsplit_once(OPEN)?;
    let (key, _) = rest.split_once(CLOSE)?;
    Some(key.trim())
}

/// The body of a create, or of a change of what is mapped.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn activity(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let mut body = mapped(write)?;
    let note = body.get(NOTE).and_then(Value::as_str);
    // A change that leaves the note out keeps what stands there, and our key with it.
    if note.is_some() || write.id.is_none() {
        let note = note.unwrap_or_default();
        let gap = if note.is_empty() { "" } else { "<br><br>" };
        let note = format!("{note}{gap}{OPEN}{}{CLOSE}", write.key);
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

fn mapped(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let mut body = Map::new();
    for (name, field) in &write.fields {
        let fault = match field.overwrite {
            _ if OURS.contains(&name.as_str()) => {
                "follows from the session, or does not exist on activities, and cannot be mapped"
            }
            Overwrite::IfEmpty | Overwrite::Append | Overwrite::OnlyOurs => {
                "can only be overwritten always, or written on create: this CRM's records are not read before they are written"
            }
            Overwrite::OnCreate if write.id.is_some() => continue,
            Overwrite::OnCreate | Overwrite::Always => match value(name, &field.value) {
                Some(Value::Null) => continue,
                Some(value) => {
                    body.insert(name.clone(), value);
                    continue;
                }
                None => "has a value that it cannot hold",
            },
        };
        return Err(Verdict::Misconfigured {
            reason: format!("the field {name} of {} {fault}", write.object),
        });
    }
    Ok(body)
}

/// A value as a field takes it: null for nothing, `None` for what has no such form.
fn value(name: &str, value: &Value) -> Option<Value> {
    let is_flag = FLAGS.contains(&name);
    match value {
        Value::String(text) if text.is_empty() => Some(Value::Null),
        Value::String(text) if is_flag => text.parse::<bool>().ok().map(Value::Bool),
        Value::Number(_) | Value::Array(_) | Value::Object(_) if is_flag || name == NOTE => None,
        Value::Bool(_) if name == NOTE => None,
        other => Some(other.clone()),
    }
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
    fn the_last_line_of_ours_counts() {
        for (note, key) in [
            ("Words<br><br>[liveprompt ses_1]", Some("ses_1")),
            ("<p>[liveprompt ses_1-task-a1]</p>", Some("ses_1-task-a1")),
            (
                "He said [liveprompt ses_2] aloud<br>[liveprompt ses_1]",
                Some("ses_1"),
            ),
            ("[liveprompt ses_1] and a word of mine", Some("ses_1")),
            ("[liveprompt ses_1", None),
            ("nothing", None),
        ] {
            assert_eq!(key_in(note), key, "{note}");
        }
    }

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
            assert_eq!(value(name, &from), to, "{name} {from}");
        }
    }
}
