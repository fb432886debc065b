//! What a reading operation found, and what has to be asked next.

use std::time::Duration;

use hub_domain::{Timestamp, Verdict, matching::Candidate};
use serde_json::Value;

use super::{ACTIVITIES, body::NOTE, error::whole};
use crate::{
    connector::text_at,
    manifest::Manifest,
    marker::key_in,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The object of people.
pub(super) const PERSONS: &str = "persons";
/// What nobody may write. The vendor's answer does not say so.
const LOCKED: [&str; 11] = [
    "id",
    "add_time",
    "update_time",
    "creator_user_id",
    "is_deleted",
    "person_id",
    "marked_as_done_time",
    "conference_meeting_client",
    "conference_meeting_url",
    "conference_meeting_id",
    "custom_fields",
];

/// The list of an object's fields.
pub(super) fn fields_of(object: &str) -> Result<&'static str, Verdict> {
    match object {
        ACTIVITIES => Ok("activityFields"),
        PERSONS => Ok("personFields"),
        "organizations" => Ok("organizationFields"),
        "deals" => Ok("dealFields"),
        _ => Err(Verdict::Misconfigured {
            reason: format!("nothing is known of an object '{object}'"),
        }),
    }
}

/// The answer to a reading operation.
pub(super) fn answer(
    manifest: &Manifest,
    operation: &Operation,
    reply: &Reply,
) -> Result<Answer, Verdict> {
    if !reply.status.is_success() {
        return Err(refused(manifest, operation, reply));
    }
    let body = reply.json().ok_or_else(|| unreadable("it is not JSON"))?;
    let rows = |pointer: &str| {
        let rows = body.pointer(pointer).and_then(Value::as_array);
        rows.ok_or_else(|| unreadable("it has no data"))
    };
    match operation {
        Operation::FindPeople { emails } => {
            let asked = emails.first().map_or("", String::as_str);
            let mut people = Vec::new();
            for row in rows("/data/items")? {
                people.extend(candidate(row, asked)?);
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => rows("/data")?
            .iter()
            .map(field)
            .collect::<Option<_>>()
            .map(Answer::Fields)
            .ok_or_else(|| unreadable("a field without a code")),
        Operation::ReadBack { keys, .. } => {
            let mut records = Vec::new();
            for row in rows("/data")? {
                let id = row.get("id").and_then(Value::as_u64);
                let id = id.ok_or_else(|| unreadable("an activity without an id"))?;
                let held = row.get(NOTE).and_then(Value::as_str).and_then(key_in);
                let key = keys.iter().find(|key| held == Some(key.as_str()));
                records.extend(key.map(|key| ReadBack {
                    key: key.clone(),
                    id: id.to_string(),
                }));
            }
            Ok(Answer::Records(records))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// A description asks for a scope that delivering does not need: without it nothing is wrong with the grant.
fn refused(manifest: &Manifest, operation: &Operation, reply: &Reply) -> Verdict {
    match (operation, whole(manifest, reply)) {
        (Operation::Describe { .. }, Verdict::Reauthorize { reason, .. }) => {
            Verdict::Misconfigured {
                reason: format!(
                    "add the scope admin to the app to see the fields of activities ({reason})"
                ),
            }
        }
        (_, verdict) => verdict,
    }
}

/// The next address; or the next page of a list, which begins where the last one ended.
pub(super) fn next(operation: &Operation, reply: &Reply) -> Option<Operation> {
    match operation {
        Operation::FindPeople { emails } => {
            let rest = emails.get(1..).filter(|rest| !rest.is_empty())?;
            Some(Operation::FindPeople {
                emails: rest.to_vec(),
            })
        }
        Operation::ReadBack {
            kind,
            object,
            keys,
            writes,
            since,
            ..
        } => {
            let body = reply.json()?;
            body.pointer("/additional_data/next_cursor")?.as_str()?;
            let last = body.get("data")?.as_array()?.last()?;
            let reached: Timestamp = text_at(last, "/update_time").parse().ok()?;
            // A full page of one second cannot be walked past otherwise; no company writes that fast.
            let is_stuck = since.is_some_and(|since| reached <= since);
            let beyond = reached.checked_add(Duration::from_secs(1)).ok()?;
            Some(Operation::ReadBack {
                kind: *kind,
                object: object.clone(),
                keys: keys.clone(),
                writes: writes.clone(),
                since: Some(if is_stuck { beyond } else { reached }),
                cursor: None,
            })
        }
        Operation::Write { .. } | Operation::Describe { .. } => None,
    }
}

/// A person of the search, if the address is one of the person's own.
fn candidate(row: &Value, asked: &str) -> Result<Option<Candidate>, Verdict> {
    let id = row.pointer("/item/id").and_then(Value::as_u64);
    let id = id.ok_or_else(|| unreadable("a person without an id"))?;
    let own = row.pointer("/item/emails").and_then(Value::as_array);
    let mut own = own.into_iter().flatten().filter_map(Value::as_str);
    let has = own.any(|email| email.trim().to_lowercase() == asked);
    let company = row.pointer("/item/organization/id").and_then(Value::as_u64);
    Ok(has.then(|| Candidate {
        object: PERSONS.to_owned(),
        rank: 0,
        id: id.to_string(),
        email: asked.to_owned(),
        company: company.map(|id| id.to_string()),
        modified_at: None,
    }))
}

fn field(row: &Value) -> Option<Field> {
    let name = row.get("field_code")?.as_str()?.to_owned();
    let of = text_at(row, "/field_type");
    let kind = match of.as_str() {
        "varchar" | "varchar_auto" | "text" | "phone" => FieldType::Text,
        "enum" | "status" | "visible_to" | "varchar_options" => FieldType::Choice,
        "set" => FieldType::Choices,
        "boolean" => FieldType::Boolean,
        "int" | "double" | "monetary" => FieldType::Number,
        "date" => FieldType::Date,
        "deal" | "deals" | "lead" | "org" | "people" | "project" | "stage" | "user"
        | "activity" => FieldType::Reference,
        _ => FieldType::Other,
    };
    let options = row.get("options").and_then(Value::as_array);
    let options = options.into_iter().flatten();
    let options = options.filter_map(|option| match option.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    });
    Some(Field {
        label: text_at(row, "/field_name"),
        kind,
        max: match of.as_str() {
            "varchar" | "varchar_auto" | "phone" => Some(255),
            "text" if row.get("is_custom_field") == Some(&Value::Bool(true)) => Some(65_535),
            _ => None,
        },
        // What an admin demands counts in the browser alone.
        required: false,
        writable: !LOCKED.contains(&name.as_str()),
        unique: false,
        options: options.collect(),
        name,
    })
}
