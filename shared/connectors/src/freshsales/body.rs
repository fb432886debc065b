//! A record as it is sent, in its wrapper. It says nothing of addresses.

use hub_domain::{Verdict, Write};
use serde_json::{Map, Value, json};

use super::{list::Object, read::CONTACTS};

use crate::{
    mapped::{UNFIT, mapped},
    marker::marker,
};

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

/// The body of a create, or of a change of what is mapped.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn wrapped(object: Object, write: &Write, owner: &str) -> Result<Value, Verdict> {
    let mut body = fields(write)?;
    let description = body.get(DESCRIPTION).and_then(Value::as_str);
    // A change that leaves the description out keeps what stands there, and our key with it.
    if description.is_some() || write.id.is_none() {
        let description = description.unwrap_or_default();
        let gap = if description.is_empty() { "" } else { "\n\n" };
        let description = format!("{description}{gap}{}", marker(&write.key));
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

fn fields(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let ours = |name: &str| {
        OURS.contains(&name).then_some(
            "follows from the session or a setting, or does not exist here, and cannot be mapped",
        )
    };
    mapped(write, ours, |name, field| value(name, &field.value))
}

/// A value as a field takes it; `None` for nothing.
fn value(name: &str, value: &Value) -> Result<Option<Value>, &'static str> {
    let taken = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) if name == "is_allday" => text.parse::<bool>().ok().map(Value::Bool),
        Value::String(_) => Some(value.clone()),
        _ if name == DESCRIPTION => None,
        other => Some(other.clone()),
    };
    taken.map(Some).ok_or(UNFIT)
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let taken = value(name, &from).ok();
            assert_eq!(taken.map(Option::unwrap_or_default), to, "{name} {from}");
        }
    }
}
