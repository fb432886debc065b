//! What is asked by a query, what a reading operation found, and what has to be asked next.

use http::StatusCode;
use hub_domain::{Verdict, matching::Candidate};
use serde_json::Value;

use super::error::whole;
use crate::{
    connector::text_at,
    manifest::Manifest,
    operation::{Answer, Field, FieldType, Operation, ReadBack, Reply},
    refusal::{answers_nothing, unreadable},
};

/// The modules of people.
pub(super) const CONTACTS: &str = "Contacts";
pub(super) const LEADS: &str = "Leads";
/// Stands before the addresses of which no contact is known, when the leads are asked: no address is empty.
const NO_CONTACT: &str = "";
/// More rows than this cost more credits. The newest come first, and of several with an address the newest is taken.
const ROWS: usize = 200;

/// A text in a query: its quotes do not end it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    quoted.join(", ")
}

/// The module that is asked for these addresses, and the addresses.
fn asked(emails: &[String]) -> (&'static str, &[String]) {
    match emails.split_first() {
        Some((first, rest)) if first == NO_CONTACT => (LEADS, rest),
        _ => (CONTACTS, emails),
    }
}

/// The query for people.
pub(super) fn people(emails: &[String]) -> String {
    let (module, emails) = asked(emails);
    let company = if module == CONTACTS {
        "Account_Name, "
    } else {
        ""
    };
    let list = list(emails);
    format!(
        "select Email, Secondary_Email, {company}Modified_Time from {module} \
         where (Email in ({list}) or Secondary_Email in ({list})) order by Modified_Time desc limit {ROWS}"
    )
}

/// The query for records with our keys.
pub(super) fn records(module: &str, key_field: &str, keys: &[String]) -> String {
    let list = list(keys);
    format!("select {key_field} from {module} where {key_field} in ({list}) limit {ROWS}")
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
    // Nothing was found: there is no body at all.
    let body = if reply.status == StatusCode::NO_CONTENT {
        serde_json::json!({ "data": [], "fields": [] })
    } else {
        reply.json().ok_or_else(|| unreadable("it is not JSON"))?
    };
    let rows = |name: &str| {
        let rows = body.get(name).and_then(Value::as_array);
        rows.ok_or_else(|| unreadable("it has no data"))
    };
    match operation {
        Operation::FindPeople { emails } => {
            let (module, emails) = asked(emails);
            let mut people = Vec::new();
            for row in rows("data")? {
                let id = id(row).ok_or_else(|| unreadable("a person without an id"))?;
                people.extend(candidates(module, &id, row, emails));
            }
            Ok(Answer::People(people))
        }
        Operation::Describe { .. } => rows("fields")?
            .iter()
            .map(field)
            .collect::<Option<_>>()
            .map(Answer::Fields)
            .ok_or_else(|| unreadable("a field without a name")),
        Operation::ReadBack { keys, .. } => {
            let mut records = Vec::new();
            for row in rows("data")? {
                let id = id(row).ok_or_else(|| unreadable("a record without an id"))?;
                let key = keys.iter().find(|key| holds(row, key));
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

/// The leads, for the addresses that no contact has.
pub(super) fn next(operation: &Operation, reply: &Reply) -> Option<Operation> {
    let Operation::FindPeople { emails } = operation else {
        return None;
    };
    let (module, emails) = asked(emails);
    if module != CONTACTS {
        return None;
    }
    let body = reply.json().unwrap_or_default();
    let rows = body.get("data").and_then(Value::as_array);
    let known: Vec<String> = rows.into_iter().flatten().flat_map(addresses).collect();
    let unknown = emails
        .iter()
        .filter(|email| !known.contains(email))
        .cloned();
    let emails: Vec<String> = std::iter::once(NO_CONTACT.to_owned())
        .chain(unknown)
        .collect();
    (emails.len() > 1).then_some(Operation::FindPeople { emails })
}

/// The id of a record.
pub(super) fn id(row: &Value) -> Option<String> {
    let id = row.get("id")?.as_str().filter(|id| !id.is_empty());
    id.map(str::to_owned)
}

/// Whether a record has our key: a query gives the id and the key field, whatever it is called.
fn holds(row: &Value, key: &str) -> bool {
    let members = row.as_object().into_iter().flatten();
    let mut members = members.filter(|(name, _)| *name != "id");
    members.any(|(_, value)| value.as_str() == Some(key))
}

/// The addresses of a person.
fn addresses(row: &Value) -> Vec<String> {
    ["/Email", "/Secondary_Email"]
        .map(|place| text_at(row, place).trim().to_lowercase())
        .into_iter()
        .filter(|email| !email.is_empty())
        .collect()
}

/// The person as a candidate for each address that was asked for and is one of the person's.
fn candidates(module: &str, id: &str, row: &Value, asked: &[String]) -> Vec<Candidate> {
    let company = Some(text_at(row, "/Account_Name/id")).filter(|id| !id.is_empty());
    let own = addresses(row);
    let asked = asked.iter().filter(|email| own.contains(email));
    asked
        .map(|email| Candidate {
            object: module.to_owned(),
            rank: u8::from(module != CONTACTS),
            id: id.to_owned(),
            email: email.clone(),
            company: company.clone(),
            modified_at: text_at(row, "/Modified_Time").parse().ok(),
        })
        .collect()
}

fn field(row: &Value) -> Option<Field> {
    let is = |pointer: &str| row.pointer(pointer) == Some(&Value::Bool(true));
    let of = text_at(row, "/data_type");
    let kind = match of.as_str() {
        "text" | "textarea" | "email" | "phone" | "website" => FieldType::Text,
        "picklist" => FieldType::Choice,
        "multiselectpicklist" => FieldType::Choices,
        "boolean" => FieldType::Boolean,
        "integer" | "bigint" | "double" | "currency" | "percent" => FieldType::Number,
        "date" => FieldType::Date,
        "datetime" => FieldType::Datetime,
        "lookup" | "ownerlookup" | "userlookup" => FieldType::Reference,
        _ => FieldType::Other,
    };
    let options = row.get("pick_list_values").and_then(Value::as_array);
    let options = options.into_iter().flatten();
    let options = options.filter_map(|option| option.get("actual_value")?.as_str());
    let length = row.get("length").and_then(Value::as_u64);
    let has = |name: &str| {
        row.get(name)
            .and_then(Value::as_object)
            .is_some_and(|of| !of.is_empty())
    };
    Some(Field {
        name: row.get("api_name")?.as_str()?.to_owned(),
        label: text_at(row, "/field_label"),
        kind,
        max: length
            .filter(|_| kind == FieldType::Text)
            .and_then(|length| usize::try_from(length).ok()),
        required: is("/system_mandatory"),
        writable: is("/operation_type/api_create")
            && is("/operation_type/api_update")
            && !is("/read_only"),
        unique: has("unique") || has("external"),
        options: if matches!(kind, FieldType::Choice | FieldType::Choices) {
            options.map(str::to_owned).collect()
        } else {
            Vec::new()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_types_does_not_end_a_text() {
        for (text, query) in [
            ("ada@acme.example", "'ada@acme.example'"),
            ("o'b@acme.example", r"'o\'b@acme.example'"),
            (
                r"x\' or id is not null or Email = \'",
                r"'x\\\' or id is not null or Email = \\\''",
            ),
        ] {
            assert_eq!(quoted(text), query, "{text}");
        }
    }
}
