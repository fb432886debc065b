//! What a reading operation found.

use hub_domain::{Timestamp, Verdict, matching::Candidate};
use serde_json::Value;

use super::{
    query_id,
    reply::{named, part_of, refused, whole},
};
use crate::{
    connector::text_at,
    manifest::Manifest,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The object of people the org knows.
pub(super) const CONTACT: &str = "Contact";
/// The object of prospects.
pub(super) const LEAD: &str = "Lead";

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
    match operation {
        Operation::FindPeople { .. } => {
            let mut people = Vec::new();
            for (index, (object, rank)) in [(CONTACT, 0), (LEAD, 1)].into_iter().enumerate() {
                for record in rows(manifest, &body, index, reply)? {
                    people.push(
                        candidate(object, rank, record)
                            .ok_or_else(|| unreadable("a person without id or address"))?,
                    );
                }
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => {
            let fields = body
                .get("fields")
                .and_then(Value::as_array)
                .ok_or_else(|| unreadable("it has no fields"))?;
            fields
                .iter()
                .map(field)
                .collect::<Option<_>>()
                .map(Answer::Fields)
                .ok_or_else(|| unreadable("a field without a name"))
        }
        Operation::ReadBack { keys, .. } => {
            let parts = body
                .get("compositeResponse")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            let mut records = Vec::new();
            for index in 0..parts {
                for row in rows(manifest, &body, index, reply)? {
                    let (stored, id) =
                        record(row).ok_or_else(|| unreadable("a record without id or key"))?;
                    let key = keys.iter().find(|key| super::stored_key(key) == stored);
                    // A key field that is not case-sensitive brings others' records, too.
                    records.extend(key.map(|key| ReadBack {
                        key: key.clone(),
                        id,
                    }));
                }
            }
            Ok(Answer::Records(records))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// The rows of one query of a composite call.
fn rows<'a>(
    manifest: &Manifest,
    body: &'a Value,
    index: usize,
    reply: &Reply,
) -> Result<&'a [Value], Verdict> {
    let parts = body
        .get("compositeResponse")
        .and_then(Value::as_array)
        .ok_or_else(|| unreadable("it has no parts"))?;
    let part = named(parts, "referenceId", &query_id(index))
        .ok_or_else(|| unreadable("a part is missing"))?;
    let part_reply = part_of(reply, part).ok_or_else(|| unreadable("a part has no status"))?;
    let body = part.get("body").unwrap_or(&Value::Null);
    if !part_reply.status.is_success() {
        return Err(refused(manifest, &part_reply, body));
    }
    body.get("records")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| unreadable("a query without rows"))
}

fn text(row: &Value, field: &str) -> Option<String> {
    row.get(field)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn candidate(object: &str, rank: u8, row: &Value) -> Option<Candidate> {
    Some(Candidate {
        object: object.to_owned(),
        rank,
        id: text(row, "Id")?,
        email: text(row, "Email")?.to_lowercase(),
        company: text(row, "AccountId"),
        modified_at: text(row, "LastModifiedDate").and_then(|time| moment(&time)),
    })
}

/// A time as Salesforce writes it: `2026-11-20T15:00:00.000+0000`, which is not RFC 3339.
fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()
}

/// The key and the id of a row; it has no other field, whatever the key field is called.
fn record(row: &Value) -> Option<(&str, String)> {
    let stored = row
        .as_object()?
        .iter()
        .find(|(name, _)| *name != "Id" && *name != "attributes")?
        .1
        .as_str()?;
    Some((stored, text(row, "Id")?))
}

fn field(field: &Value) -> Option<Field> {
    let is = |name: &str| field.get(name).and_then(Value::as_bool).unwrap_or(false);
    let kind = match field.get("type")?.as_str()? {
        "string" | "textarea" | "combobox" | "email" | "phone" | "url" | "encryptedstring" => {
            FieldType::Text
        }
        "picklist" => FieldType::Choice,
        "multipicklist" => FieldType::Choices,
        "boolean" => FieldType::Boolean,
        "int" | "long" | "double" | "currency" | "percent" => FieldType::Number,
        "date" => FieldType::Date,
        "datetime" => FieldType::Datetime,
        "reference" => FieldType::Reference,
        _ => FieldType::Other,
    };
    let length = field
        .get("length")
        .and_then(Value::as_u64)
        .and_then(|length| usize::try_from(length).ok());
    let values = field
        .get("picklistValues")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let active = values.filter(|value| {
        value
            .get("active")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    });
    Some(Field {
        name: text(field, "name")?,
        label: text_at(field, "/label"),
        kind,
        max: length.filter(|length| kind == FieldType::Text && *length > 0),
        required: is("createable") && !is("nillable") && !is("defaultedOnCreate"),
        writable: (is("createable") || is("updateable")) && !is("calculated"),
        unique: is("unique"),
        // A combobox only suggests; any text may stand there.
        options: if matches!(kind, FieldType::Choice | FieldType::Choices) {
            active.filter_map(|value| text(value, "value")).collect()
        } else {
            Vec::new()
        },
    })
}
