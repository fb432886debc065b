//! The body of one record's upsert. It says nothing of addresses and batches.

use hub_domain::{Verdict, Write, mapping::Overwrite};
use serde_json::{Map, Value};

use super::read::{CONTACT, LEAD};

/// The contacts one activity takes with Shared Activities.
const MOST_CONTACTS: usize = 50;

/// The fields of one record, with its relations.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn body(
    write: &Write,
    key_field: &str,
    shared: bool,
) -> Result<Map<String, Value>, Verdict> {
    let mut body = Map::new();
    for (name, field) in &write.fields {
        let fault = if field.overwrite != Overwrite::Always {
            "can only be overwritten always: this CRM's records are not read before they are written"
        } else if name.eq_ignore_ascii_case("Id") || name.eq_ignore_ascii_case(key_field) {
            "is the record's key and cannot be mapped"
        } else {
            if !field.value.is_null() {
                body.insert(name.clone(), inert(&field.value));
            }
            continue;
        };
        return Err(Verdict::Misconfigured {
            reason: format!("the field {name} of {} {fault}", write.object),
        });
    }
    relate(&mut body, write, shared);
    Ok(body)
}

/// The value with no `@{…}` in it: Salesforce takes that for a reference to another node's result and
/// refuses the graph. Anybody can say or write it, and there is no escape. The wide sign is as long
/// as the plain one, so the text still fits its field.
fn inert(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("@{", "\u{ff20}{")),
        Value::Array(items) => items.iter().map(inert).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), inert(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Relates an activity to its people and company.
fn relate(body: &mut Map<String, Value>, write: &Write, shared: bool) {
    let list = match write.object.as_str() {
        "Event" => "EventWhoIds",
        "Task" => "TaskWhoIds",
        _ => return,
    };
    let mut contacts: Vec<&str> = Vec::new();
    for person in write
        .people
        .iter()
        .filter(|person| person.object == CONTACT)
    {
        if !contacts.contains(&person.id.as_str()) {
            contacts.push(&person.id);
        }
    }
    contacts.truncate(MOST_CONTACTS);
    let lead = write
        .people
        .iter()
        .find(|person| person.object == LEAD)
        .map(|person| person.id.as_str());
    // A lead has no company: with a lead as its person an activity must not be about anything else.
    let company = write
        .company
        .as_deref()
        .filter(|_| !contacts.is_empty() || lead.is_none());
    for (field, id) in [
        ("WhoId", contacts.first().copied().or(lead)),
        ("WhatId", company),
    ] {
        if let Some(id) = id {
            body.entry(field).or_insert_with(|| Value::from(id));
        }
    }
    if shared && contacts.len() > 1 {
        body.entry(list).or_insert_with(|| Value::from(contacts));
    }
}
