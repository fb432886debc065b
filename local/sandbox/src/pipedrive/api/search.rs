//! The searches. They see what is older than the lag, and never an activity.

use serde_json::{Value, json};

use super::super::company::Company;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::store::Row;
use super::{Call, flag, number, paged};
use crate::oauth::{Answer, Form, get, words};

/// What is looked for.
struct Term {
    text: String,
    exact: bool,
    /// Of all searchable ones where none is named.
    fields: Vec<String>,
}

impl Term {
    fn read(query: &Form) -> Outcome<Self> {
        let exact = flag(query, "exact_match")?.unwrap_or(false);
        let text = get(query, "term").unwrap_or_default();
        let least = if exact { 1 } else { 2 };
        if text.chars().count() < least {
            let why =
                format!("This value is too short. It should have {least} characters or more.");
            return Err(Refusal::invalid("term", &why));
        }
        Ok(Self {
            text: text.to_lowercase(),
            exact,
            fields: words(get(query, "fields"), &[',']),
        })
    }

    /// Letters are compared without case, whether the whole has to fit or a part.
    fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        if self.exact {
            text == self.text
        } else {
            text.contains(&self.text)
        }
    }

    /// How well a record fits; `None` when it does not.
    fn score(&self, kind: Kind, row: &Row) -> Option<f64> {
        let asked =
            |name: &str| self.fields.is_empty() || self.fields.iter().any(|field| field == name);
        let name = if kind == Kind::Deal { "title" } else { "name" };
        let mut texts = Vec::new();
        if asked(name) {
            texts.extend(row.get(name).and_then(Value::as_str));
        }
        for (field, member) in [("email", "emails"), ("phone", "phones")] {
            if asked(field) {
                let entries = row.get(member).and_then(Value::as_array);
                texts.extend(
                    entries
                        .into_iter()
                        .flatten()
                        .filter_map(|one| one.get("value")?.as_str()),
                );
            }
        }
        if asked("address") {
            texts.extend(
                row.get("address")
                    .and_then(|place| place.get("value")?.as_str()),
            );
        }
        if asked("custom_fields") {
            let custom = row.get("custom_fields").and_then(Value::as_object);
            texts.extend(
                custom
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, value)| value.as_str()),
            );
        }
        let found = texts.into_iter().find(|text| self.fits(text))?;
        Some(if self.fits(found) && found.len() == self.text.len() {
            0.9
        } else {
            0.5
        })
    }
}

fn choices(query: &Form, name: &str, known: &[&str]) -> Outcome<()> {
    let wrong = words(get(query, name), &[',']);
    match wrong.iter().find(|word| !known.contains(&word.as_str())) {
        Some(_) => {
            let why = "The value you selected is not a valid choice.";
            Err(Refusal::invalid(name, why))
        }
        None => Ok(()),
    }
}

pub(super) fn of(company: &Company, call: &Call, kind: Kind) -> Outcome<Answer> {
    let known: &[&str] = match kind {
        Kind::Person => &["custom_fields", "email", "notes", "phone", "name"],
        Kind::Deal => &["custom_fields", "notes", "title"],
        _ => &["address", "custom_fields", "notes", "name"],
    };
    choices(&call.query, "fields", known)?;
    let term = Term::read(&call.query)?;
    let mut within = Vec::new();
    for (name, member) in [("organization_id", "org_id"), ("person_id", "person_id")] {
        if let Some(id) = number(&call.query, name)? {
            within.push((member, json!(id)));
        }
    }
    let found = found(company, kind, &term, |row| {
        let mut within = within.iter();
        within.all(|(member, id)| row.get(*member) == Some(id))
    });
    paged(&call.query, found, |items| json!({ "items": items }))
}

pub(super) fn items(company: &Company, call: &Call) -> Outcome<Answer> {
    let types = [
        "deal",
        "person",
        "organization",
        "product",
        "lead",
        "file",
        "mail_attachment",
        "project",
    ];
    choices(&call.query, "item_types", &types)?;
    let term = Term::read(&call.query)?;
    let types = words(get(&call.query, "item_types"), &[',']);
    let kinds = [Kind::Deal, Kind::Person, Kind::Organization].into_iter();
    let kinds =
        kinds.filter(|kind| types.is_empty() || types.iter().any(|name| name == kind.name()));
    let found: Vec<Value> = kinds
        .flat_map(|kind| found(company, kind, &term, |_| true))
        .collect();
    paged(
        &call.query,
        found,
        |items| json!({ "items": items, "related_items": [] }),
    )
}

fn found(company: &Company, kind: Kind, term: &Term, within: impl Fn(&Row) -> bool) -> Vec<Value> {
    let rows = company
        .store
        .searchable(kind)
        .filter(|(_, row)| within(row));
    let mut found: Vec<(f64, Value)> = rows
        .filter_map(|(id, row)| Some((term.score(kind, row)?, item(company, kind, id, row))))
        .collect();
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found
        .into_iter()
        .map(|(score, item)| json!({ "result_score": score, "item": item }))
        .collect()
}

/// By the value of one field. Letters have their case here.
pub(super) fn field(company: &Company, call: &Call) -> Outcome<Answer> {
    let query = &call.query;
    let choice = "The value you selected is not a valid choice.";
    let kinds = [Kind::Deal, Kind::Person, Kind::Organization].into_iter();
    let kind = kinds
        .into_iter()
        .find(|kind| get(query, "entity_type") == Some(kind.name()));
    let kind = kind.ok_or_else(|| Refusal::invalid("entity_type", choice))?;
    let term = get(query, "term").unwrap_or_default();
    let how = get(query, "match").unwrap_or("exact");
    let least = if how == "exact" { 1 } else { 2 };
    if term.chars().count() < least {
        return Err(Refusal::invalid("term", "This value is too short."));
    }
    let code = get(query, "field").unwrap_or_default();
    let custom = company
        .fields
        .of(kind)
        .iter()
        .find(|field| field.code == code);
    let searchable = [
        "address",
        "varchar",
        "text",
        "varchar_auto",
        "double",
        "monetary",
        "phone",
    ];
    if custom.is_none_or(|field| !searchable.contains(&field.of.as_str())) {
        return Err(Refusal::invalid("field", "This field cannot be searched."));
    }
    let fits = |text: &str| match how {
        "exact" => text == term,
        "beginning" => text.starts_with(term),
        _ => text.contains(term),
    };
    if !["exact", "beginning", "middle"].contains(&how) {
        return Err(Refusal::invalid("match", choice));
    }
    let found = company.store.searchable(kind).filter(|(_, row)| {
        let value = row.get("custom_fields").and_then(|fields| fields.get(code));
        value.is_some_and(|value| match value {
            Value::String(text) => fits(text),
            Value::Object(parts) => parts.get("value").is_some_and(|v| fits(&plain(v))),
            other => !other.is_null() && fits(&other.to_string()),
        })
    });
    let found = found
        .map(|(id, row)| json!({ "result_score": 1.0, "item": item(company, kind, id, row) }))
        .collect();
    paged(query, found, Value::Array)
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A record as the searches show it.
fn item(company: &Company, kind: Kind, id: u64, row: &Row) -> Value {
    let has = |name: &str| row.get(name).cloned().unwrap_or_default();
    let texts = |name: &str| {
        let entries = row.get(name).and_then(Value::as_array);
        let entries = entries.into_iter().flatten();
        Value::Array(
            entries
                .filter_map(|one| one.get("value").cloned())
                .collect(),
        )
    };
    let other = |kind: Kind, member: &str, name: &str| {
        let id = row.get(member).and_then(Value::as_u64);
        let found = id.and_then(|id| Some((id, company.store.get(kind, id)?)));
        found.map(|(id, row)| json!({ "id": id, name: row.get(name) }))
    };
    let custom = row.get("custom_fields").and_then(Value::as_object);
    let custom = custom.into_iter().flatten().map(|(_, value)| value);
    let custom: Vec<&Value> = custom.filter(|value| value.is_string()).collect();
    let mut shown = json!({ "id": id, "type": kind.name(), "visible_to": row.get("visible_to"),
        "owner": { "id": row.get("owner_id") }, "custom_fields": custom, "notes": [] });
    let more = match kind {
        Kind::Person => {
            json!({ "name": has("name"), "phones": texts("phones"), "emails": texts("emails"),
            "organization": other(Kind::Organization, "org_id", "name") })
        }
        Kind::Deal => {
            json!({ "title": has("title"), "value": has("value"), "currency": has("currency"),
            "status": has("status"), "stage": other(Kind::Stage, "stage_id", "name"),
            "person": other(Kind::Person, "person_id", "name"),
            "organization": other(Kind::Organization, "org_id", "name"), "is_archived": has("is_archived") })
        }
        _ => {
            let place = row.get("address").and_then(|place| place.get("value"));
            json!({ "name": has("name"), "address": place })
        }
    };
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    shown
}
