//! The values of an item's columns. Each type has a form of its own
//! (<https://developer.monday.com/api-reference/reference/column-types-reference>).

use hub_domain::{Verdict, Write, matching::Candidate};
use serde_json::{Map, Value, json};

use crate::mapped::{is_left, unfit};

/// The object of people.
pub(super) const CONTACTS: &str = "contacts";
/// The field of the mapping that is an item's own name.
pub(super) const NAME: &str = "name";
/// The types of columns that a mapping may name.
pub(super) const TYPES: [&str; 10] = [
    "text",
    "long_text",
    "numbers",
    "date",
    "status",
    "dropdown",
    "checkbox",
    "link",
    "email",
    "people",
];

/// The columns that follow from the session, so that no mapping may name them.
pub(super) struct Ours<'a> {
    pub(super) key: &'a str,
    pub(super) contacts: Option<&'a str>,
    pub(super) accounts: Option<&'a str>,
}

/// An item as it is sent.
pub(super) struct Item {
    /// The name of a new one.
    pub(super) name: String,
    pub(super) columns: Map<String, Value>,
}

/// What is written of a record.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn item(write: &Write, ours: &Ours<'_>) -> Result<Item, Verdict> {
    let mut columns = Map::new();
    for (field, planned) in &write.fields {
        let fault = |why: &str| unfit(write, field, why);
        if is_left(planned.overwrite, write).map_err(&fault)? {
            continue;
        }
        let (kind, column) = if field == NAME {
            ("name", NAME)
        } else {
            let parts = field
                .split_once(':')
                .filter(|(kind, column)| TYPES.contains(kind) && !column.is_empty());
            parts.ok_or_else(|| {
                fault("is not name, update, or the type of a column, a colon and the column's id, as date:date4")
            })?
        };
        if [Some(ours.key), ours.contacts, ours.accounts].contains(&Some(column)) {
            return Err(fault("follows from the session and cannot be mapped"));
        }
        match value(kind, &planned.value) {
            Some(Value::Null) => {}
            Some(value) => drop(columns.insert(column.to_owned(), value)),
            None => return Err(fault("has a value that a column of its type cannot hold")),
        }
    }
    let name = match columns.get(NAME).and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        // An item must have one.
        None => write.key.clone(),
    };
    if write.id.is_none() {
        columns.remove(NAME);
        columns.insert(ours.key.to_owned(), json!(write.key));
        let contacts = contacts(write);
        let accounts: Vec<u64> = write
            .company
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect();
        for (column, items) in [(ours.contacts, contacts), (ours.accounts, accounts)] {
            if let (Some(column), false) = (column, items.is_empty()) {
                columns.insert(column.to_owned(), json!({ "item_ids": items }));
            }
        }
    }
    Ok(Item { name, columns })
}

/// A value as a column of this type takes it: null for nothing, `None` for what has no such form.
fn value(kind: &str, value: &Value) -> Option<Value> {
    let text = match value {
        Value::Null => return Some(Value::Null),
        Value::String(text) if text.is_empty() => return Some(Value::Null),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some(match kind {
        "name" | "text" => json!(text),
        "long_text" => json!({ "text": text }),
        "numbers" => {
            text.parse::<f64>().ok()?;
            json!(text)
        }
        "date" => match text.split_once('T') {
            None => json!({ "date": text }),
            Some((date, time)) => json!({ "date": date, "time": time.get(..8)? }),
        },
        "status" => json!({ "label": text }),
        "dropdown" => json!({ "labels": [text] }),
        "checkbox" => json!({ "checked": text.parse::<bool>().ok()?.to_string() }),
        "link" => json!({ "url": text, "text": "liveprompt" }),
        "email" => json!({ "email": text, "text": text }),
        "people" => {
            json!({ "personsAndTeams": [{ "id": text.parse::<u64>().ok()?, "kind": "person" }] })
        }
        _ => return None,
    })
}

/// The contacts of a session, each once.
fn contacts(write: &Write) -> Vec<u64> {
    let mut ids: Vec<u64> = Vec::new();
    for id in write.people.iter().filter_map(contact) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The item of a person.
pub(super) fn contact(person: &Candidate) -> Option<u64> {
    let id = person.id.parse().ok();
    id.filter(|_| person.object == CONTACTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_form_of_its_own() {
        for (kind, from, to) in [
            ("text", json!("a"), Some(json!("a"))),
            ("text", json!(""), Some(Value::Null)),
            ("text", json!(["a"]), None),
            ("long_text", json!("a"), Some(json!({ "text": "a" }))),
            ("numbers", json!(46), Some(json!("46"))),
            ("numbers", json!("many"), None),
            (
                "date",
                json!("2026-11-20"),
                Some(json!({ "date": "2026-11-20" })),
            ),
            (
                "date",
                json!("2026-11-20T15:00:00Z"),
                Some(json!({ "date": "2026-11-20", "time": "15:00:00" })),
            ),
            ("date", json!("2026-11-20T15"), None),
            ("status", json!("Done"), Some(json!({ "label": "Done" }))),
            ("dropdown", json!("A"), Some(json!({ "labels": ["A"] }))),
            ("checkbox", json!(true), Some(json!({ "checked": "true" }))),
            ("checkbox", json!("yes"), None),
            (
                "people",
                json!("7"),
                Some(json!({ "personsAndTeams": [{ "id": 7, "kind": "person" }] })),
            ),
            ("people", json!("me"), None),
            ("mirror", json!("a"), None),
        ] {
            assert_eq!(value(kind, &from), to, "{kind} {from}");
        }
    }
}
