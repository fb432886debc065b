//! What a reading operation found, and what has to be asked next.

use hub_domain::{Verdict, matching::Candidate};
use serde_json::Value;

use super::{body::DESCRIPTION, error::whole, list::List};
use crate::{
    connector::text_at,
    manifest::Manifest,
    marker::key_in,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The object of people.
pub(super) const CONTACTS: &str = "contacts";
/// What can be described. Whether appointments and tasks can is [U].
const DESCRIBED: [&str; 6] = [
    "appointments",
    "tasks",
    CONTACTS,
    "sales_accounts",
    "deals",
    "sales_activities",
];

/// An object whose fields can be asked for.
pub(super) fn described(object: &str) -> Result<&'static str, Verdict> {
    let mut known = DESCRIBED.into_iter();
    known
        .find(|known| *known == object)
        .ok_or_else(|| Verdict::Misconfigured {
            reason: format!("nothing is known of an object '{object}'"),
        })
}

/// An id, which is a number; the searches write it as a text.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => number.as_u64().map(|id| id.to_string()),
        Value::String(text) => text.parse::<u64>().ok().map(|id| id.to_string()),
        _ => None,
    }
}

/// The answer to a reading operation.
pub(super) fn answer(
    manifest: &Manifest,
    operation: &Operation,
    reply: &Reply,
) -> Result<Answer, Verdict> {
    let body = reply.json();
    // The page of an account whose trial has ended is a success.
    let Some(body) = body.filter(|_| reply.status.is_success()) else {
        return Err(refused(manifest, operation, reply));
    };
    let rows = |name: &str| {
        let rows = body.pointer(name).and_then(Value::as_array);
        rows.ok_or_else(|| unreadable(&format!("it has no {name}")))
    };
    match operation {
        Operation::FindPeople { emails } => {
            let asked = emails.first().map_or("", String::as_str);
            let mut people = Vec::new();
            for row in rows("/contacts/contacts")? {
                people.extend(candidate(row, asked)?);
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => rows("/fields")?
            .iter()
            .map(field)
            .collect::<Option<_>>()
            .map(Answer::Fields)
            .ok_or_else(|| unreadable("a field without a name")),
        Operation::ReadBack {
            object,
            keys,
            cursor,
            ..
        } => {
            let list = List::asked(object, cursor.as_deref())?;
            let mut records = Vec::new();
            for row in rows(&format!("/{}", list.object.name()))? {
                let id = row.get("id").and_then(id);
                let id = id.ok_or_else(|| unreadable("a record without an id"))?;
                records.extend(held(row, keys).map(|key| ReadBack {
                    key: key.to_owned(),
                    id,
                }));
            }
            Ok(Answer::Records(records))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// Which of these keys a record holds.
fn held<'a>(row: &Value, keys: &'a [String]) -> Option<&'a str> {
    let held = row.get(DESCRIPTION).and_then(Value::as_str);
    let held = held.and_then(key_in)?;
    keys.iter().map(String::as_str).find(|key| *key == held)
}

/// Which fields an object has may not be told at all; nothing is wrong with the connection then.
fn refused(manifest: &Manifest, operation: &Operation, reply: &Reply) -> Verdict {
    match operation {
        Operation::Describe { object } if reply.status == http::StatusCode::NOT_FOUND => {
            Verdict::Misconfigured {
                reason: format!("this account does not tell the fields of {object}"),
            }
        }
        _ => whole(manifest, reply),
    }
}

/// The next address; or the next page of a list, and the next list, for the keys that were not found yet.
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
            cursor,
        } => {
            let body = reply.json()?;
            let list = List::asked(object, cursor.as_deref()).ok()?;
            let rows = body.get(list.object.name())?.as_array()?;
            let found: Vec<&str> = rows.iter().filter_map(|row| held(row, keys)).collect();
            let missing = keys.iter().filter(|key| !found.contains(&key.as_str()));
            let missing: Vec<String> = missing.cloned().collect();
            if missing.is_empty() {
                return None;
            }
            let pages = body.pointer("/meta/total_pages").and_then(Value::as_u64);
            let pages = pages.map(|pages| usize::try_from(pages).unwrap_or(usize::MAX));
            Some(Operation::ReadBack {
                kind: *kind,
                object: object.clone(),
                keys: missing,
                writes: writes.clone(),
                since: *since,
                cursor: Some(list.next(rows.len(), pages)?.cursor()),
            })
        }
        Operation::Write { .. } | Operation::Describe { .. } => None,
    }
}

/// A contact of the look-up, if the address is one of the contact's own.
fn candidate(row: &Value, asked: &str) -> Result<Option<Candidate>, Verdict> {
    let own = row.get("id").and_then(id);
    let own = own.ok_or_else(|| unreadable("a contact without an id"))?;
    let emails = row.get("emails").and_then(Value::as_array);
    let emails = emails.into_iter().flatten();
    let emails = emails.filter_map(|one| one.get("value")?.as_str());
    let mut emails = emails.chain(row.get("email").and_then(Value::as_str));
    let has = emails.any(|email| email.trim().to_lowercase() == asked);
    let accounts = row.get("sales_accounts").and_then(Value::as_array);
    let mut accounts = accounts.into_iter().flatten();
    let primary = accounts.find(|one| one.get("is_primary") == Some(&Value::Bool(true)));
    let company = primary.and_then(|one| id(one.get("id")?));
    Ok(has.then(|| Candidate {
        object: CONTACTS.to_owned(),
        rank: 0,
        id: own,
        email: asked.to_owned(),
        company,
        modified_at: None,
    }))
}

fn field(row: &Value) -> Option<Field> {
    let name = row.get("name")?.as_str()?.to_owned();
    let of = text_at(row, "/type");
    let kind = match of.as_str() {
        "text" | "textarea" | "email" | "phone" | "url" => FieldType::Text,
        "dropdown" | "radio" => FieldType::Choice,
        "multi_select_dropdown" => FieldType::Choices,
        "checkbox" => FieldType::Boolean,
        "number" | "decimal" => FieldType::Number,
        "date" => FieldType::Date,
        "date_time" => FieldType::Datetime,
        "lookup" | "auto_complete" => FieldType::Reference,
        _ => FieldType::Other,
    };
    // A dropdown of the system takes the number of a choice and no label.
    let options = row.get("choices").and_then(Value::as_array);
    let options = options.into_iter().flatten();
    let options = options.filter_map(|option| id(option.get("id")?));
    Some(Field {
        label: text_at(row, "/label"),
        kind,
        max: (of == "text").then_some(255),
        required: row.get("required") == Some(&Value::Bool(true)),
        writable: name != "owner_id",
        unique: name == "emails",
        options: options.collect(),
        name,
    })
}
