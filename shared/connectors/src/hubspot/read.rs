//! What a reading operation found.

use hub_domain::{Timestamp, Verdict, matching::Candidate};
use serde_json::Value;

use super::{
    error::{self, GONE, errors, whole},
    reply::list,
};
use crate::{
    connector::text_at,
    manifest::Manifest,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The object of people.
pub(super) const CONTACTS: &str = "contacts";
/// What is read of a person. A contact is found by its further addresses, too; its primary company is a
/// property of it, so it costs no call.
pub(super) const CONTACT_PROPERTIES: [&str; 4] = [
    "email",
    "hs_additional_emails",
    "associatedcompanyid",
    "lastmodifieddate",
];

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
    let rows = body
        .get("results")
        .and_then(Value::as_array)
        .ok_or_else(|| unreadable("it has no results"))?;
    // What is not there is told as an error of the batch. Any other error is one.
    for refused in list(&body, "errors") {
        let found = errors(refused, reply.status);
        if found.iter().any(|error| error.code != GONE) {
            return Err(error::refused(manifest, reply, found));
        }
    }
    match operation {
        Operation::FindPeople { emails } => {
            let mut people = Vec::new();
            for row in rows {
                let id = id(row).ok_or_else(|| unreadable("a person without an id"))?;
                people.extend(candidates(&id, row, emails));
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => rows
            .iter()
            .map(field)
            .collect::<Option<_>>()
            .map(Answer::Fields)
            .ok_or_else(|| unreadable("a property without a name")),
        Operation::ReadBack { keys, .. } => {
            let mut records = Vec::new();
            for row in rows {
                let id = id(row).ok_or_else(|| unreadable("a record without an id"))?;
                let key = keys.iter().find(|key| holds_key(row, key, |_| true));
                records.extend(key.map(|key| ReadBack {
                    key: key.clone(),
                    id,
                }));
            }
            Ok(Answer::Records(records))
        }
        Operation::Write { .. } => Err(answers_nothing()),
    }
}

/// The id of a record.
pub(super) fn id(row: &Value) -> Option<String> {
    row.get("id")?
        .as_str()
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

/// Whether a record has our key, whatever the key property is called. HubSpot's own properties, which it
/// may add to an answer, are never it.
pub(super) fn holds_key(row: &Value, key: &str, may_be: impl Fn(&str) -> bool) -> bool {
    row.get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .any(|(name, value)| {
            value.as_str() == Some(key) && !name.starts_with("hs_") && may_be(name)
        })
}

/// The person as a candidate for each address that was asked for and is one of the person's.
fn candidates(id: &str, row: &Value, asked: &[String]) -> Vec<Candidate> {
    let property = |name: &str| text_at(row, &format!("/properties/{name}"));
    let own = format!("{};{}", property("email"), property("hs_additional_emails")).to_lowercase();
    let company = Some(property("associatedcompanyid")).filter(|company| !company.is_empty());
    let modified_at: Option<Timestamp> = property("lastmodifieddate").parse().ok();
    own.split(';')
        .map(str::trim)
        .filter(|email| asked.iter().any(|asked| asked == email))
        .map(|email| Candidate {
            object: CONTACTS.to_owned(),
            rank: 0,
            id: id.to_owned(),
            email: email.to_owned(),
            company: company.clone(),
            modified_at,
        })
        .collect()
}

fn field(property: &Value) -> Option<Field> {
    let is = |pointer: &str| property.pointer(pointer).and_then(Value::as_bool) == Some(true);
    let name = property.get("name")?.as_str()?.to_owned();
    let refers = !text_at(property, "/referencedObjectType").is_empty();
    let kind = match (
        text_at(property, "/type").as_str(),
        text_at(property, "/fieldType").as_str(),
    ) {
        _ if refers => FieldType::Reference,
        ("bool", _) | ("enumeration", "booleancheckbox") => FieldType::Boolean,
        ("enumeration", "checkbox") => FieldType::Choices,
        ("enumeration", _) => FieldType::Choice,
        ("string" | "phone_number", _) => FieldType::Text,
        ("number", _) => FieldType::Number,
        ("date", _) => FieldType::Date,
        ("datetime", _) => FieldType::Datetime,
        _ => FieldType::Other,
    };
    let options = list(property, "options")
        .iter()
        .filter(|option| option.get("hidden") != Some(&Value::Bool(true)))
        .filter_map(|option| option.get("value")?.as_str().map(str::to_owned));
    Some(Field {
        name,
        label: text_at(property, "/label"),
        kind,
        max: None,
        // Which properties a form requires is not told here.
        required: false,
        writable: !is("/calculated") && !is("/modificationMetadata/readOnlyValue"),
        unique: is("/hasUniqueValue"),
        options: if matches!(kind, FieldType::Choice | FieldType::Choices) {
            options.collect()
        } else {
            Vec::new()
        },
    })
}
