//! What a reading operation found, and what has to be asked next.

use hub_domain::{Timestamp, Verdict, Write, matching::Candidate};
use serde_json::{Map, Value, json};

use super::{
    ACTIVITIES, TASKS,
    body::{Choices, DETAILS, key_number, took_place},
    error::whole,
    fields,
};
use crate::{
    manifest::Manifest,
    marker::key_in,
    operation::{Answer, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// People the CRM knows, and prospects.
pub(super) const PEOPLE: &str = "people";
pub(super) const LEADS: &str = "leads";
/// Marks an address that is asked of the leads. No address begins so: what stands before its `@` has no colon.
const LEAD: &str = "lead:";
/// The most records of a page.
const PAGE: usize = 200;
/// How far from its time an activity is looked for.
const AROUND_S: i64 = 86_400;

/// Whom a look-up is about, and the addresses.
pub(super) fn turn(emails: &[String]) -> (&'static str, Vec<&str>) {
    let marked: Option<Vec<&str>> = emails
        .iter()
        .map(|email| email.strip_prefix(LEAD))
        .collect();
    match marked {
        Some(emails) if !emails.is_empty() => (LEADS, emails),
        _ => (PEOPLE, emails.iter().map(String::as_str).collect()),
    }
}

pub(super) fn by_email(emails: &[&str]) -> Value {
    json!({ "emails": emails, "page_size": PAGE })
}

/// What is asked when records are looked for.
pub(super) struct Page<'a> {
    pub(super) keys: &'a [String],
    pub(super) writes: &'a [Write],
    pub(super) since: Option<Timestamp>,
    /// Of activities the number of the page, of tasks the second that the last page reached.
    pub(super) cursor: Option<&'a str>,
}

/// The activities around the time of the first write. Where a person asks there are no writes, and all are.
pub(super) fn activities(page: &Page<'_>) -> Value {
    let number: u64 = page.cursor.and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut body = Map::new();
    body.insert("page_size".to_owned(), json!(PAGE));
    body.insert("page_number".to_owned(), json!(number));
    let around = page.writes.first().map(took_place);
    let (from, to) = match around {
        Some(Some(at)) => (Some(at - AROUND_S), Some(at + AROUND_S)),
        // Without a time of its own an activity has that of its making.
        Some(None) => (page.since.map(Timestamp::as_second), None),
        None => (None, None),
    };
    for (name, second) in [
        ("minimum_activity_date", from),
        ("maximum_activity_date", to),
    ] {
        if let Some(second) = second {
            body.insert(name.to_owned(), json!(second));
        }
    }
    Value::Object(body)
}

/// The task with the number of the first key; or those that changed since.
pub(super) fn tasks(page: &Page<'_>, choices: &Choices<'_>) -> Value {
    if let (Some(field), Some(key)) = (choices.key_field, page.keys.first()) {
        let number = key_number(key);
        let wanted = json!({ "custom_field_definition_id": field, "minimum_value": number, "maximum_value": number });
        return json!({ "custom_fields": [wanted], "page_size": PAGE });
    }
    let reached = page.cursor.and_then(|text| text.parse::<i64>().ok());
    let mut body = Map::new();
    body.insert("page_size".to_owned(), json!(PAGE));
    body.insert("sort_by".to_owned(), json!("date_modified"));
    body.insert("sort_direction".to_owned(), json!("asc"));
    if let Some(since) = reached.or(page.since.map(Timestamp::as_second)) {
        body.insert("minimum_modified_date".to_owned(), json!(since));
    }
    Value::Object(body)
}

/// The answer to a reading operation.
pub(super) fn answer(
    manifest: &Manifest,
    operation: &Operation,
    reply: &Reply,
) -> Result<Answer, Verdict> {
    if !reply.status.is_success() {
        return Err(whole(manifest, reply));
    }
    let body = reply.json().ok_or_else(|| unreadable("it is not JSON"))?;
    let rows = || {
        body.as_array()
            .ok_or_else(|| unreadable("it is no list of records"))
    };
    match operation {
        Operation::FindPeople { emails } => {
            let (object, emails) = turn(emails);
            let mut people = Vec::new();
            for row in rows()? {
                people.extend(candidates(row, object, &emails)?);
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { object } => fields::answer(object, &body).map(Answer::Fields),
        Operation::ReadBack { object, keys, .. } => {
            let mut records = Vec::new();
            for row in rows()? {
                let id = row.get("id").and_then(Value::as_u64);
                let id = id.ok_or_else(|| unreadable("a record without an id"))?;
                let key = keys.iter().find(|key| holds(row, key, object));
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

/// Whether a record is that of a key: by the text, or by the number where a person took the text away.
fn holds(row: &Value, key: &str, object: &str) -> bool {
    let details = row.get(DETAILS).and_then(Value::as_str);
    match details.and_then(key_in) {
        Some(held) => held == key,
        None if object == TASKS => {
            let custom = row.get("custom_fields").and_then(Value::as_array);
            let number = key_number(key);
            let mut values = custom
                .into_iter()
                .flatten()
                .filter_map(|one| one.get("value"));
            values.any(|value| is_number(value, number))
        }
        None => false,
    }
}

/// A Float comes back with or without a point; 48 bits are exact either way.
#[expect(
    clippy::cast_precision_loss,
    reason = "48 bits fit into the 53 of a float, so equal means equal"
)]
fn is_number(value: &Value, number: u64) -> bool {
    value.as_f64() == Some(number as f64)
}

/// The leads for the addresses that are left; or the next page, or the next record.
pub(super) fn next(operation: &Operation, reply: &Reply) -> Option<Operation> {
    let rows = reply.json()?;
    let rows = rows.as_array()?;
    match operation {
        Operation::FindPeople { emails } => {
            let (object, emails) = turn(emails);
            if object == LEADS {
                return None;
            }
            let is_known = |email: &str| rows.iter().any(|row| has(row, email));
            let left = emails.into_iter().filter(|email| !is_known(email));
            let left: Vec<String> = left.map(|email| format!("{LEAD}{email}")).collect();
            (!left.is_empty()).then_some(Operation::FindPeople { emails: left })
        }
        Operation::ReadBack { object, keys, .. } => {
            let is_held = |key: &String| rows.iter().any(|row| holds(row, key, object));
            let left: Vec<&String> = keys.iter().filter(|key| !is_held(key)).collect();
            let is_full = rows.len() >= PAGE;
            if is_full {
                let cursor = beyond(operation, rows)?;
                return asked(operation, &left, Some(cursor));
            }
            let is_rest = |key: &&&String| !is_decided(operation, key);
            let rest: Vec<&String> = left.iter().filter(is_rest).copied().collect();
            asked(operation, &rest, None)
        }
        Operation::Write { .. } | Operation::Describe { .. } => None,
    }
}

/// Whether this answer, now whole, tells of a key: of an activity if its time is within what was asked, of a task
/// if it was the first, since it may have been asked for alone.
fn is_decided(operation: &Operation, key: &str) -> bool {
    let Operation::ReadBack {
        object,
        keys,
        writes,
        ..
    } = operation
    else {
        return true;
    };
    if object == TASKS {
        return keys.first().is_some_and(|first| first == key);
    }
    let Some(first) = writes.first() else {
        return true;
    };
    let own = writes.iter().find(|write| write.key == key);
    match (took_place(first), own.map(took_place)) {
        // To the second: what is looked for a day around its time is so around this one.
        (Some(first), Some(Some(own))) => first == own,
        (None, Some(None)) | (_, None) => true,
        _ => false,
    }
}

/// Where the next page begins: of activities by its number; of tasks at the second that was reached, or the next
/// one if a whole page is of one second.
fn beyond(operation: &Operation, rows: &[Value]) -> Option<String> {
    let Operation::ReadBack {
        object,
        since,
        cursor,
        ..
    } = operation
    else {
        return None;
    };
    let asked = cursor.as_deref().and_then(|text| text.parse::<i64>().ok());
    if object == ACTIVITIES {
        return Some((asked.unwrap_or(1) + 1).to_string());
    }
    let from = asked.or(since.map(Timestamp::as_second));
    let reached = rows.last()?.get("date_modified")?.as_i64()?;
    let is_stuck = from.is_some_and(|from| reached <= from);
    Some(if is_stuck { reached + 1 } else { reached }.to_string())
}

/// The same about some of the keys.
fn asked(operation: &Operation, wanted: &[&String], cursor: Option<String>) -> Option<Operation> {
    let Operation::ReadBack {
        kind,
        object,
        keys,
        writes,
        since,
        ..
    } = operation
    else {
        return None;
    };
    let is_wanted = |key: &String| wanted.contains(&key);
    let keys: Vec<String> = keys.iter().filter(|key| is_wanted(key)).cloned().collect();
    // The first write says around which time a further page is.
    let is_page = cursor.is_some();
    let is_kept = |write: &&Write| is_page || is_wanted(&write.key);
    (!keys.is_empty()).then(|| Operation::ReadBack {
        kind: *kind,
        object: object.clone(),
        keys,
        writes: writes.iter().filter(is_kept).cloned().collect(),
        since: *since,
        cursor,
    })
}

/// The addresses of a person, or the one of a lead.
fn has(row: &Value, email: &str) -> bool {
    let own = row.get("emails").and_then(Value::as_array);
    let own = own.into_iter().flatten().chain(row.get("email"));
    let mut own = own.filter_map(|one| one.get("email")?.as_str());
    own.any(|own| own.trim().to_lowercase() == email)
}

/// A person or a lead, under each of the addresses that were asked.
fn candidates(row: &Value, object: &str, emails: &[&str]) -> Result<Vec<Candidate>, Verdict> {
    let number = |name: &str| row.get(name).and_then(Value::as_u64);
    let id = number("id").ok_or_else(|| unreadable("a person without an id"))?;
    let modified = row.get("date_modified").and_then(Value::as_i64);
    let modified_at = modified.and_then(|second| Timestamp::from_second(second).ok());
    let found = emails.iter().filter(|email| has(row, email));
    Ok(found
        .map(|email| Candidate {
            object: object.to_owned(),
            rank: u8::from(object == LEADS),
            id: id.to_string(),
            email: (*email).to_owned(),
            company: number("company_id").map(|id| id.to_string()),
            modified_at,
        })
        .collect())
}

/// A member of an object as text; empty where there is none.
pub(super) fn text(row: &Map<String, Value>, name: &str) -> String {
    let value = row.get(name).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}
