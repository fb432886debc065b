//! One record of a batch: its properties and its relations. It says nothing of addresses and batches.

use hub_domain::{Verdict, Write};
use serde_json::{Map, Value, json};

use super::read::CONTACTS;

use crate::mapped::mapped;

/// What can be related to people and a company, and HubSpot's own type of each relation: from the record
/// to a contact, and to a company.
const RELATIONS: [(&str, u32, u32); 4] = [
    ("meetings", 200, 188),
    ("calls", 194, 182),
    ("tasks", 204, 192),
    ("notes", 202, 190),
];

/// The input of one record: a create with our key and its relations, or an update by id.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn input(write: &Write, key_field: &str) -> Result<Value, Verdict> {
    let mut properties = properties(write, key_field)?;
    // The trace id tells the records of the answer apart; without it one that is refused keeps all out.
    if let Some(id) = &write.id {
        return Ok(json!({ "id": id, "objectWriteTraceId": write.key, "properties": properties }));
    }
    properties.insert(key_field.to_owned(), Value::from(write.key.as_str()));
    Ok(json!({
        "objectWriteTraceId": write.key,
        "properties": properties,
        "associations": associations(write),
    }))
}

fn properties(write: &Write, key_field: &str) -> Result<Map<String, Value>, Verdict> {
    let is_key = |name: &str| {
        name.eq_ignore_ascii_case(key_field) || name.eq_ignore_ascii_case("hs_object_id")
    };
    let ours = |name: &str| is_key(name).then_some("is the record's key and cannot be mapped");
    mapped(write, ours, |_, field| {
        let text = text(&field.value).ok_or("has a value that no property can hold")?;
        Ok((!text.is_empty()).then_some(Value::String(text)))
    })
}

/// A value as HubSpot takes it: everything is text, and several choices are joined by semicolons. Empty for
/// nothing; `None` for what has no such form.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let texts = items
                .iter()
                .map(Value::as_str)
                .collect::<Option<Vec<_>>>()?;
            Some(texts.join(";"))
        }
        Value::Object(_) => None,
    }
}

fn associations(write: &Write) -> Vec<Value> {
    let known = RELATIONS
        .iter()
        .find(|(object, ..)| *object == write.object);
    let Some((_, contact, company)) = known else {
        return Vec::new();
    };
    let mut contacts: Vec<&str> = Vec::new();
    for person in write
        .people
        .iter()
        .filter(|person| person.object == CONTACTS)
    {
        if !contacts.contains(&person.id.as_str()) {
            contacts.push(&person.id);
        }
    }
    contacts
        .into_iter()
        .map(|id| (id, *contact))
        .chain(write.company.as_deref().map(|id| (id, *company)))
        .map(|(id, kind)| {
            json!({
                "to": { "id": id },
                "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind }],
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_text() {
        for (value, wanted) in [
            (json!("a"), Some("a")),
            (json!(2_701_000), Some("2701000")),
            (json!(true), Some("true")),
            (json!(["a", "b"]), Some("a;b")),
            (json!(null), Some("")),
            (json!([1]), None),
            (json!({ "a": 1 }), None),
        ] {
            assert_eq!(text(&value).as_deref(), wanted, "{value}");
        }
    }
}
