//! What a reading operation found.

use hub_domain::{Verdict, Write, matching::Candidate};
use serde_json::Value;

use super::{
    body::{CONTACTS, NAME, TYPES, contact},
    document::Document,
    error::{is_any, whole},
    steps::{TIMELINE, UPDATES},
};
use crate::{
    connector::text_at,
    manifest::Manifest,
    marker::key_in,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The most items of a page. A look-up takes twenty addresses or keys: twenty-five records of each.
pub(super) const PAGE: usize = 500;

/// The timelines of the contacts that entries are on. [U] The newest come first: a hundred of each.
///
/// # Errors
/// Nobody is named.
pub(super) fn timelines(writes: &[Write]) -> Result<Document, Verdict> {
    let people = writes
        .iter()
        .filter_map(|write| write.people.iter().find_map(contact));
    let mut people: Vec<u64> = people.collect();
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Err(Verdict::Misconfigured {
            reason: "an entry on a timeline cannot be looked for without its contact".to_owned(),
        });
    }
    let mut document = Document::query();
    for (place, contact) in people.into_iter().enumerate() {
        let contact = document.variable("ID!", contact.to_string().into());
        document.field(format!(
            "t{place}:timeline(id:{contact}){{timeline_items_page(limit:100){{timeline_items{{id content}}}}}}"
        ));
    }
    Ok(document)
}

/// The answer to a reading operation.
pub(super) fn answer(
    manifest: &Manifest,
    operation: &Operation,
    reply: &Reply,
) -> Result<Answer, Verdict> {
    // Half an answer is none.
    if !reply.status.is_success() || is_any(reply) {
        return Err(whole(manifest, reply));
    }
    let body = reply.json().ok_or_else(|| unreadable("it is not JSON"))?;
    let items = || {
        let items = body.pointer("/data/items_page_by_column_values/items");
        let items = items.and_then(Value::as_array);
        items.ok_or_else(|| unreadable("it has no items"))
    };
    match operation {
        Operation::FindPeople { emails } => {
            let mut people = Vec::new();
            for item in items()? {
                people.extend(candidate(item, emails)?);
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => {
            let boards = body.pointer("/data/boards").and_then(Value::as_array);
            let boards = boards.ok_or_else(|| unreadable("it has no boards"))?;
            let board = boards.iter().find(|board| !board.is_null());
            let board = board.ok_or_else(|| Verdict::Misconfigured {
                reason: "the board of the connection's settings is not there, or whoever connected does not see it".to_owned(),
            })?;
            let columns = board.get("columns").and_then(Value::as_array);
            fields(columns.ok_or_else(|| unreadable("a board without columns"))?)
                .map(Answer::Fields)
                .ok_or_else(|| unreadable("a column without an id"))
        }
        Operation::ReadBack { object, keys, .. } => {
            let rows: Vec<(Option<String>, &Value)> = match object.as_str() {
                TIMELINE => held(body.get("data"), "content"),
                UPDATES => items()?
                    .iter()
                    .flat_map(|item| held(item.get("updates"), "body"))
                    .collect(),
                _ => items()?
                    .iter()
                    .map(|item| (Some(text_at(item, "/column_values/0/text")), item))
                    .collect(),
            };
            let mut records: Vec<ReadBack> = Vec::new();
            for (held, row) in rows {
                let key = keys
                    .iter()
                    .find(|key| held.as_deref() == Some(key.as_str()));
                let Some(key) = key else { continue };
                let id = text_at(row, "/id");
                if id.is_empty() {
                    return Err(unreadable("a record without an id"));
                }
                let record = ReadBack {
                    key: key.clone(),
                    id,
                };
                if !records.contains(&record) {
                    records.push(record);
                }
            }
            Ok(Answer::Records(records))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// What holds a text with our key, at any depth.
fn held<'a>(value: Option<&'a Value>, text: &str) -> Vec<(Option<String>, &'a Value)> {
    let within = |values: Vec<&'a Value>| {
        let all = values.into_iter();
        all.flat_map(|value| held(Some(value), text)).collect()
    };
    match value {
        Some(Value::Array(list)) => within(list.iter().collect()),
        Some(Value::Object(members)) => match members.get(text) {
            Some(words) => {
                let key = words.as_str().and_then(key_in).map(str::to_owned);
                value.map(|value| (key, value)).into_iter().collect()
            }
            None => within(members.values().collect()),
        },
        _ => Vec::new(),
    }
}

/// A contact, if its address is one that was asked for: the search goes by the text beside the address.
fn candidate(item: &Value, asked: &[String]) -> Result<Option<Candidate>, Verdict> {
    let id = text_at(item, "/id");
    if id.is_empty() {
        return Err(unreadable("a contact without an id"));
    }
    let values = item.get("column_values").and_then(Value::as_array);
    let values = || values.into_iter().flatten();
    let own = values().find_map(|value| value.get("email")?.as_str());
    let own = own.unwrap_or_default().trim().to_lowercase();
    let company = values().find_map(|value| value.get("linked_item_ids")?.get(0)?.as_str());
    Ok(asked.contains(&own).then(|| Candidate {
        object: CONTACTS.to_owned(),
        rank: 0,
        id,
        email: own,
        company: company.map(str::to_owned),
        modified_at: text_at(item, "/updated_at").parse().ok(),
    }))
}

/// The fields of a mapping: the item's name, its columns, and what becomes an update.
fn fields(columns: &[Value]) -> Option<Vec<Field>> {
    let mut found: Option<Vec<Field>> = columns
        .iter()
        .filter(|column| column.get("archived") != Some(&Value::Bool(true)))
        .map(field)
        .collect();
    if let Some(found) = &mut found {
        found.push(Field {
            name: "update".to_owned(),
            label: "Update below the item".to_owned(),
            kind: FieldType::Text,
            max: None,
            required: false,
            writable: true,
            unique: false,
            options: Vec::new(),
        });
    }
    found
}

fn field(column: &Value) -> Option<Field> {
    let id = column.get("id")?.as_str()?;
    let of = text_at(column, "/type");
    let is_name = of == NAME || id == NAME;
    let kind = match of.as_str() {
        "name" | "text" | "long_text" | "email" | "link" | "phone" => FieldType::Text,
        "numbers" => FieldType::Number,
        "date" => FieldType::Date,
        "status" => FieldType::Choice,
        "dropdown" => FieldType::Choices,
        "checkbox" => FieldType::Boolean,
        "board_relation" | "people" | "dependency" => FieldType::Reference,
        _ => FieldType::Other,
    };
    Some(Field {
        name: if is_name {
            NAME.to_owned()
        } else {
            format!("{of}:{id}")
        },
        label: text_at(column, "/title"),
        kind,
        max: match of.as_str() {
            "name" => Some(255),
            // [U]
            "text" | "long_text" => Some(2000),
            _ => None,
        },
        required: is_name,
        writable: is_name || TYPES.contains(&of.as_str()),
        unique: false,
        options: options(column.pointer("/settings/labels")),
    })
}

/// The labels of a status or a dropdown: a list, or by their index.
fn options(labels: Option<&Value>) -> Vec<String> {
    let all: Vec<&Value> = match labels {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(members)) => members.values().collect(),
        _ => Vec::new(),
    };
    let text = |label: &Value| {
        let named = label.get("label").or_else(|| label.get("name"));
        let text = named.unwrap_or(label).as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    all.into_iter().filter_map(text).collect()
}
