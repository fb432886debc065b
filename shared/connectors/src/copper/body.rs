//! A record as it is sent, and what the settings say of it. It says nothing of addresses.

use std::collections::BTreeMap;

use hub_domain::{
    Connection, Timestamp, Verdict, Write,
    mapping::{Overwrite, RecordKind},
    plan::{PlannedField, client_id},
};
use serde_json::{Map, Value, json};

use super::{ACTIVITIES, read::LEADS};
use crate::{
    manifest::Manifest,
    mapped::{UNFIT, is_left, unfit},
    marker::marker,
};

/// What follows from the session or the settings, so that no mapping may say it.
const OURS: [&str; 6] = [
    "id",
    "parent",
    "type",
    "related_resource",
    "custom_fields",
    "date_created",
];
/// Moments, which are seconds since 1970.
const MOMENTS: [&str; 1] = ["activity_date"];
/// Moments that some accounts take as a day.
const DUES: [&str; 2] = ["due_date", "reminder_date"];
/// What people read, and our key in it.
pub(super) const DETAILS: &str = "details";
/// What a mapping may say of an activity that has no field for it.
pub(super) const TITLE: &str = "title";
pub(super) const MINUTES: &str = "minutes";
/// When an activity took place.
pub(super) const TOOK_PLACE: &str = "activity_date";
/// What stands before the number of a custom field in a mapping.
pub(super) const CUSTOM: &str = "cf_";
/// What an activity or a task can belong to.
const PARENTS: [&str; 6] = [
    "person",
    "lead",
    "company",
    "opportunity",
    "project",
    "task",
];

/// Our key as a number that a field of the type Float holds exactly: 48 bits of its hash.
pub(super) fn key_number(key: &str) -> u64 {
    let hex: String = client_id(key)
        .chars()
        .filter(|c| *c != '-')
        .take(12)
        .collect();
    u64::from_str_radix(&hex, 16).unwrap_or_default()
}

/// What the settings of a connection say.
pub(super) struct Choices<'a> {
    meeting_type: u64,
    call_type: u64,
    /// Type and id of what a session belongs to if nobody in it is known.
    unmatched: Option<(&'a str, u64)>,
    /// The custom field of tasks that holds our key as a number.
    pub(super) key_field: Option<u64>,
    /// Whether a day is sent as `mm/dd/yyyy`.
    days: bool,
}

impl<'a> Choices<'a> {
    /// The settings of a connection.
    ///
    /// # Errors
    /// One that cannot be used.
    pub(super) fn of(manifest: &'a Manifest, link: &'a Connection) -> Result<Self, Verdict> {
        let setting = |name: &'static str| (name, manifest.setting(&link.settings, name));
        let number = |(name, text): (&str, &str)| {
            text.parse::<u64>()
                .map_err(|_| wrong(name, text, "a number, like 190711"))
        };
        let given =
            |(name, text): (&'static str, &'a str)| (!text.is_empty()).then_some((name, text));
        let unmatched = given(setting("unmatched_parent")).map(|(name, text)| {
            let parts = text.split_once('-');
            let parts = parts.filter(|(kind, _)| PARENTS.contains(kind));
            let parts = parts.and_then(|(kind, id)| Some((kind, id.parse::<u64>().ok()?)));
            parts.ok_or_else(|| wrong(name, text, "a type and an id, like company-27140359"))
        });
        Ok(Self {
            meeting_type: number(setting("meeting_type"))?,
            call_type: number(setting("call_type"))?,
            unmatched: unmatched.transpose()?,
            key_field: given(setting("key_field")).map(number).transpose()?,
            days: setting("task_dates").1 == "days",
        })
    }
}

fn wrong(name: &str, text: &str, right: &str) -> Verdict {
    Verdict::Misconfigured {
        reason: format!("the setting {name} is '{text}': it has to be {right}"),
    }
}

/// The body of a create, or of a change of what is mapped.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn record(write: &Write, choices: &Choices<'_>) -> Result<Map<String, Value>, Verdict> {
    let is_new = write.id.is_none();
    let is_activity = write.object == ACTIVITIES;
    let mut body = fields(write, choices)?;
    if let Some(details) = details(write, is_activity) {
        body.insert(DETAILS.to_owned(), Value::String(details));
    }
    if is_new {
        if let Some((kind, id)) = parent(write, choices) {
            let member = if is_activity {
                "parent"
            } else {
                "related_resource"
            };
            body.insert(member.to_owned(), json!({ "id": id, "type": kind }));
        }
        if is_activity {
            let id = match write.kind {
                RecordKind::Call => choices.call_type,
                RecordKind::Meeting | RecordKind::Task => choices.meeting_type,
            };
            body.insert("type".to_owned(), json!({ "category": "user", "id": id }));
        } else if let Some(field) = choices.key_field {
            custom(&mut body, field, &json!(key_number(&write.key)));
        }
    }
    Ok(body)
}

fn fields(write: &Write, choices: &Choices<'_>) -> Result<Map<String, Value>, Verdict> {
    let is_activity = write.object == ACTIVITIES;
    let mut body = Map::new();
    for (name, field) in &write.fields {
        let fault = |why: &str| unfit(write, name, why);
        if OURS.contains(&name.as_str()) {
            return Err(fault(
                "follows from the session or the settings, and cannot be mapped",
            ));
        }
        let is_text = name == DETAILS || (is_activity && (name == TITLE || name == MINUTES));
        // Texts are joined below.
        if is_left(field.overwrite, write).map_err(fault)? || is_text {
            continue;
        }
        let number = name.strip_prefix(CUSTOM).map(str::parse::<u64>);
        match (number, value(name, &field.value, choices)) {
            (Some(_), _) if is_activity => {
                return Err(fault("does not exist: activities have no custom fields"));
            }
            (Some(Err(_)), _) => {
                return Err(fault(
                    "is none: a custom field is cf_ and its number, like cf_126240",
                ));
            }
            (_, Some(Value::Null)) => {}
            (Some(Ok(id)), Some(value)) => custom(&mut body, id, &value),
            (None, Some(value)) => drop(body.insert(name.clone(), value)),
            (_, None) => return Err(fault(UNFIT)),
        }
    }
    Ok(body)
}

/// A custom field; one that is sent leaves the others alone.
fn custom(body: &mut Map<String, Value>, id: u64, value: &Value) {
    let fields = body.entry("custom_fields").or_insert_with(|| json!([]));
    if let Some(fields) = fields.as_array_mut() {
        fields.push(json!({ "custom_field_definition_id": id, "value": value }));
    }
}

/// A value as a field takes it: null for nothing, `None` for what has no such form.
fn value(name: &str, value: &Value, choices: &Choices<'_>) -> Option<Value> {
    let is_due = DUES.contains(&name);
    match value {
        Value::String(text) if text.is_empty() => Some(Value::Null),
        Value::String(text) if is_due || MOMENTS.contains(&name) => {
            let day = text.get(..10).filter(|_| text.len() == 10);
            let whole = day.map_or_else(|| text.clone(), |day| format!("{day}T00:00:00Z"));
            let at: Timestamp = whole.parse().ok()?;
            if is_due && choices.days {
                return Some(json!(at.strftime("%m/%d/%Y").to_string()));
            }
            Some(json!(at.as_second()))
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_)
            if is_due || MOMENTS.contains(&name) =>
        {
            None
        }
        other => Some(other.clone()),
    }
}

/// The details with our key; `None` where a change leaves them as they are. What the first line says comes along
/// even if it is written on create alone, since it would be lost otherwise.
fn details(write: &Write, is_activity: bool) -> Option<String> {
    let joined: &[&str] = if is_activity {
        &[TITLE, MINUTES, DETAILS]
    } else {
        &[DETAILS]
    };
    let is_changed = |name: &&str| {
        let field = write.fields.get(*name);
        field.is_some_and(|field| field.overwrite == Overwrite::Always)
    };
    if write.id.is_some() && !joined.iter().any(is_changed) {
        return None;
    }
    let mut sections = Vec::new();
    if is_activity {
        let title = text(&write.fields, TITLE);
        let minutes = text(&write.fields, MINUTES);
        sections.push(match (title.as_str(), minutes.as_str()) {
            (title, "") => title.to_owned(),
            ("", minutes) => format!("{minutes} min"),
            (title, minutes) => format!("{title} ({minutes} min)"),
        });
    }
    sections.push(text(&write.fields, DETAILS));
    sections.push(marker(&write.key));
    sections.retain(|section| !section.is_empty());
    Some(sections.join("\n\n"))
}

fn text(fields: &BTreeMap<String, PlannedField>, name: &str) -> String {
    match fields.get(name).map(|field| &field.value) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What the record belongs to: the first of its people, the company, or what the settings say.
fn parent<'a>(write: &Write, choices: &Choices<'a>) -> Option<(&'a str, u64)> {
    let person = write.people.iter().find_map(|person| {
        let kind = if person.object == LEADS {
            "lead"
        } else {
            "person"
        };
        Some((kind, person.id.parse().ok()?))
    });
    let company = || Some(("company", write.company.as_deref()?.parse().ok()?));
    person.or_else(company).or(choices.unmatched)
}

/// When the activity of a write took place, in seconds since 1970.
pub(super) fn took_place(write: &Write) -> Option<i64> {
    let text = write.fields.get(TOOK_PLACE)?.value.as_str()?;
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_number_that_a_float_holds() {
        let number = key_number("ses_1-task-a1");
        assert_eq!(number, key_number("ses_1-task-a1"));
        assert_ne!(number, key_number("ses_1-task-a2"));
        assert!(number > 0 && number < 1 << 48);
    }

    #[test]
    fn moments_are_seconds_and_days_where_the_account_wants_them() {
        let choices = |days| Choices {
            meeting_type: 0,
            call_type: 0,
            unmatched: None,
            key_field: None,
            days,
        };
        for (name, from, days, to) in [
            (
                "due_date",
                json!("2026-12-24T10:00:00Z"),
                false,
                Some(json!(1_798_106_400)),
            ),
            (
                "due_date",
                json!("2026-12-24T10:00:00Z"),
                true,
                Some(json!("12/24/2026")),
            ),
            (
                "due_date",
                json!("2026-12-24"),
                false,
                Some(json!(1_798_070_400)),
            ),
            (
                "activity_date",
                json!("1970-01-01T00:01:00Z"),
                true,
                Some(json!(60)),
            ),
            ("activity_date", json!(60), true, Some(json!(60))),
            ("due_date", json!("soon"), false, None),
            ("due_date", json!(true), false, None),
            ("due_date", json!(""), false, Some(Value::Null)),
            (
                "name",
                json!("2026-12-24"),
                false,
                Some(json!("2026-12-24")),
            ),
        ] {
            assert_eq!(value(name, &from, &choices(days)), to, "{name} {from}");
        }
    }
}
