//! The fields of an object: those that every account has, and those of its own. Copper describes the latter alone.

use hub_domain::Verdict;
use serde_json::{Map, Value};

use super::{
    ACTIVITIES, TASKS,
    body::{CUSTOM, DETAILS, MINUTES, TITLE, TOOK_PLACE},
    read::{LEADS, PEOPLE, text},
};
use crate::operation::{Field, FieldType};

use crate::refusal::unreadable;

type Standard = &'static [(
    &'static str,
    &'static str,
    FieldType,
    &'static [&'static str],
)];

/// What a mapping may write to an activity. Title and length become the first line of its details.
const OF_ACTIVITIES: Standard = &[
    (TITLE, "First line of the details", FieldType::Text, &[]),
    (
        MINUTES,
        "Minutes, in the first line of the details",
        FieldType::Number,
        &[],
    ),
    (DETAILS, "Details", FieldType::Text, &[]),
    (TOOK_PLACE, "Activity date", FieldType::Datetime, &[]),
    ("user_id", "User", FieldType::Reference, &[]),
];
const OF_TASKS: Standard = &[
    ("name", "Name", FieldType::Text, &[]),
    ("details", "Details", FieldType::Text, &[]),
    ("due_date", "Due date", FieldType::Datetime, &[]),
    ("reminder_date", "Reminder date", FieldType::Datetime, &[]),
    ("assignee_id", "Owner", FieldType::Reference, &[]),
    ("priority", "Priority", FieldType::Choice, &["None", "High"]),
    (
        "status",
        "Status",
        FieldType::Choice,
        &["Open", "Completed"],
    ),
    ("tags", "Tags", FieldType::Other, &[]),
];
const OF_OTHERS: Standard = &[
    ("name", "Name", FieldType::Text, &[]),
    ("details", "Details", FieldType::Text, &[]),
    ("assignee_id", "Owner", FieldType::Reference, &[]),
    ("tags", "Tags", FieldType::Other, &[]),
];

/// The objects and how a field definition calls them.
const OBJECTS: [(&str, &str); 6] = [
    (TASKS, "task"),
    (PEOPLE, "person"),
    (LEADS, "lead"),
    ("companies", "company"),
    ("opportunities", "opportunity"),
    ("projects", "project"),
];

fn singular(object: &str) -> Option<&'static str> {
    let mut objects = OBJECTS.into_iter();
    objects
        .find(|(name, _)| *name == object)
        .map(|(_, one)| one)
}

/// The list that tells an object's fields beyond the standard: activities have none, but types of the account's own.
pub(super) fn list_of(object: &str) -> Result<&'static str, Verdict> {
    if object == ACTIVITIES {
        return Ok("activity_types");
    }
    singular(object)
        .map(|_| "custom_field_definitions")
        .ok_or_else(|| Verdict::Misconfigured {
            reason: format!("nothing is known of an object '{object}'"),
        })
}

/// The fields, by the answer to that list.
pub(super) fn answer(object: &str, body: &Value) -> Result<Vec<Field>, Verdict> {
    if object == ACTIVITIES {
        let types = body.get("user").and_then(Value::as_array);
        let types = types.ok_or_else(|| unreadable("it has no types"))?;
        let mut fields = standard(OF_ACTIVITIES);
        fields.push(of_types(types));
        return Ok(fields);
    }
    let rows = body
        .as_array()
        .ok_or_else(|| unreadable("it has no definitions"))?;
    let one = singular(object).unwrap_or_default();
    let mut fields = standard(if object == TASKS { OF_TASKS } else { OF_OTHERS });
    for row in rows {
        let row = row
            .as_object()
            .ok_or_else(|| unreadable("a definition that is none"))?;
        let on = row.get("available_on").and_then(Value::as_array);
        if on.is_some_and(|on| on.iter().any(|on| on.as_str() == Some(one))) {
            fields.push(own(row).ok_or_else(|| unreadable("a definition without an id"))?);
        }
    }
    Ok(fields)
}

fn standard(fields: Standard) -> Vec<Field> {
    let fields = fields.iter().map(|(name, label, kind, options)| Field {
        name: (*name).to_owned(),
        label: (*label).to_owned(),
        kind: *kind,
        max: None,
        required: *name == "name",
        writable: true,
        unique: false,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    });
    fields.collect()
}

/// The types with their numbers, which the settings `meeting_type` and `call_type` take.
fn of_types(types: &[Value]) -> Field {
    let open = types.iter().filter_map(Value::as_object);
    let open = open.filter(|one| one.get("is_disabled") != Some(&Value::Bool(true)));
    let options = open.filter_map(|one| {
        let id = one.get("id")?.as_u64()?;
        Some(format!("{id} {}", text(one, "name")).trim_end().to_owned())
    });
    Field {
        name: "type".to_owned(),
        label: "Type".to_owned(),
        kind: FieldType::Choice,
        max: None,
        required: true,
        writable: false,
        unique: false,
        options: options.collect(),
    }
}

fn own(row: &Map<String, Value>) -> Option<Field> {
    let id = row.get("id")?.as_u64()?;
    let kind = match text(row, "data_type").as_str() {
        "String" | "Text" | "URL" => FieldType::Text,
        "Dropdown" => FieldType::Choice,
        "MultiSelect" => FieldType::Choices,
        "Checkbox" => FieldType::Boolean,
        "Float" | "Percentage" | "Currency" => FieldType::Number,
        "Date" => FieldType::Date,
        "Connect" => FieldType::Reference,
        _ => FieldType::Other,
    };
    let options = row.get("options").and_then(Value::as_array);
    let options = options.into_iter().flatten();
    let options = options.filter_map(|one| Some(one.get("id")?.as_u64()?.to_string()));
    Some(Field {
        name: format!("{CUSTOM}{id}"),
        label: text(row, "name"),
        kind,
        max: None,
        required: false,
        writable: kind != FieldType::Reference,
        unique: false,
        options: options.collect(),
    })
}
