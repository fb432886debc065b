//! A record as it is sent, in its wrapper. It says nothing of addresses.

use hub_domain::{Verdict, Write, mapping::Overwrite};
use serde_json::{Map, Value, json};

use super::{list::Object, read::CONTACTS};

/// What follows from the session or a setting, or does not exist here, so that no mapping may say it.
const OURS: [&str; 7] = [
    "id",
    "targetable_id",
    "targetable_type",
    "owner_id",
    "appointment_attendees_attributes",
    "task_users_attributes",
    "custom_field",
];
/// Where our key stands.
pub(super) const DESCRIPTION: &str = "description";

/// How our key stands in a description.
const OPEN: &str = "[liveprompt ";
const CLOSE: char = ']';

/// The key that a description holds: that of the last line of ours.
pub(super) fn key_in(description: &str) -> Option<&str> {
    let (_, rest) = description.rsplit_once(OPEN)?;
    let (key, _) = rest.split_once(CLOSE)?;
    Some(key.trim())
}

/// The body of a create, or of a change of what is mapped.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn wrapped(object: Object, write: &Write, owner: &str) -> Result<Value, Verdict> {
    let mut body = mapped(write)?;
    let description = body.get(DESCRIPTION).and_then(Value::as_str);
    // A change that leaves the description out keeps what stands there, and our key with it.
    if description.is_some() || write.id.is_none() {
        let description = description.unwrap_or_default();
        let gap = if description.is_empty() { "" } else { "\n\n" };
        let description = format!("{description}{gap}{OPEN}{}{CLOSE}", write.key);
        body.insert(DESCRIPTION.to_owned(), Value::String(description));
    }
    if write.id.is_none() {
        let mut people = write.people.iter().filter(|one| one.object == CONTACTS);
        if let Some(id) = people.find_map(|one| number(&one.id)) {
            body.insert("targetable_type".to_owned(), json!("Contact"));
            body.insert("targetable_id".to_owned(), json!(id));
        }
        if object == Object::Tasks {
            let owner = number(owner).ok_or_else(|| Verdict::Misconfigured {
                reason: "the setting owner_id is no number: give `id` of a user, as GET /selector/owners shows it".to_owned(),
            })?;
            body.insert("owner_id".to_owned(), json!(owner));
        }
    }
    Ok(json!({ object.wrapper(): body }))
}

fn mapped(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let mut body = Map::new();
    for (name, field) in &write.fields {
        let fault = match field.overwrite {
            _ if OURS.contains(&name.as_str()) => {
                "follows from the session or a setting, or does not exist here, and cannot be mapped"
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
    match value {
        Value::String(text) if text.is_empty() => Some(Value::Null),
        Value::String(text) if name == "is_allday" => text.parse::<bool>().ok().map(Value::Bool),
        Value::String(_) => Some(value.clone()),
        _ if name == DESCRIPTION => None,
        other => Some(other.clone()),
    }
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_ours_counts() {
        for (description, key) in [
            ("Words\n\n[liveprompt ses_1]", Some("ses_1")),
            ("<p>[liveprompt ses_1-task-a1]</p>", Some("ses_1-task-a1")),
            (
                "He said [liveprompt ses_2] aloud\n[liveprompt ses_1]",
                Some("ses_1"),
            ),
            ("[liveprompt ses_1] and a word of mine", Some("ses_1")),
            ("[liveprompt ses_1", None),
            ("nothing", None),
        ] {
            assert_eq!(key_in(description), key, "{description}");
        }
    }

    #[test]
    fn values_have_their_forms() {
        for (name, from, to) in [
            ("is_allday", json!("true"), Some(json!(true))),
            ("is_allday", json!("yes"), None),
            ("title", json!("true"), Some(json!("true"))),
            ("title", json!(""), Some(Value::Null)),
            ("status", json!(1), Some(json!(1))),
            ("description", json!(true), None),
        ] {
            assert_eq!(value(name, &from), to, "{name} {from}");
        }
    }
}
