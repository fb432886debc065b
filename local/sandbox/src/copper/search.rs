//! The searches: filters, order, pages. Texts of custom fields cannot be searched.

use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{Outcome, Refusal};
use super::kinds::Kind;
use super::store::Row;
use super::values::{definition, unix};
use crate::oauth::Answer;

/// The largest page.
const MOST: u64 = 200;

/// Answers a search of one kind.
pub(super) fn answer(account: &Account, kind: Kind, body: &Map<String, Value>) -> Outcome<Answer> {
    // A filter that is wrong is refused even where there is nothing to find.
    let filters = body.get("custom_fields").and_then(Value::as_array);
    for one in filters.into_iter().flatten() {
        custom(account, kind, &Row::new(), one)?;
    }
    let mut found: Vec<&Row> = Vec::new();
    for row in account.store.searchable(kind) {
        if fits(account, kind, row, body)? {
            found.push(row);
        }
    }
    sort(kind, &mut found, body);
    let number = |name: &str, default: u64| match body.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .filter(|n| *n > 0)
            .ok_or_else(|| Refusal::invalid(name, "invalid")),
    };
    let size = number("page_size", 20)?;
    if size > MOST {
        return Err(Refusal::invalid("page_size", "too large"));
    }
    let page = number("page_number", 1)?;
    let skip = usize::try_from((page - 1) * size).unwrap_or(usize::MAX);
    let take = usize::try_from(size).unwrap_or(usize::MAX);
    let total = found.len();
    let rows: Vec<Value> = found
        .into_iter()
        .skip(skip)
        .take(take)
        .map(|row| json!(row))
        .collect();
    let answer = Answer::json(200, Value::Array(rows));
    Ok(answer.with("x-pw-total", total.to_string()))
}

fn fits(account: &Account, kind: Kind, row: &Row, body: &Map<String, Value>) -> Outcome<bool> {
    for (name, wanted) in body.iter().filter(|(_, wanted)| !wanted.is_null()) {
        let right = match name.as_str() {
            "page_size" | "page_number" | "sort_by" | "sort_direction" | "full_result" => true,
            "emails" => has_email(row, wanted),
            "name" => {
                let held = row.get("name").and_then(Value::as_str).unwrap_or_default();
                let part = wanted.as_str().unwrap_or_default().to_lowercase();
                held.to_lowercase().contains(&part)
            }
            "tags" => any_of(row.get("tags"), wanted),
            "assignee_ids" | "company_ids" | "statuses" | "status_ids" | "pipeline_ids" => {
                let member = match name.as_str() {
                    "statuses" => "status",
                    "status_ids" => "status_id",
                    other => other.trim_end_matches('s'),
                };
                let held = row.get(member).unwrap_or(&Value::Null);
                wanted.as_array().is_some_and(|all| all.contains(held))
            }
            "parent" => {
                row.get("parent")
                    == Some(&json!({ "id": wanted.get("id"), "type": wanted.get("type") }))
            }
            "activity_types" => {
                let held = row.get("type").unwrap_or(&Value::Null);
                let mut all = wanted.as_array().into_iter().flatten();
                all.any(|one| {
                    one.get("id") == held.get("id")
                        && one
                            .get("category")
                            .is_none_or(|of| Some(of) == held.get("category"))
                })
            }
            "custom_fields" => {
                let mut right = true;
                for one in wanted.as_array().into_iter().flatten() {
                    right &= custom(account, kind, row, one)?;
                }
                right
            }
            _ => match (name.strip_prefix("minimum_"), name.strip_prefix("maximum_")) {
                (Some(of), _) => at_least(row, of, wanted, name)?,
                (_, Some(of)) => !is_beyond(row, of, wanted, name)?,
                // What is not known is not looked at.
                (None, None) => true,
            },
        };
        if !right {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The member that a limit is about: `modified_date` is kept as `date_modified`.
fn moment(row: &Row, of: &str) -> Option<i64> {
    let member = match of {
        "modified_date" => "date_modified",
        "created_date" => "date_created",
        other => other,
    };
    row.get(member)?.as_i64()
}

fn at_least(row: &Row, of: &str, wanted: &Value, name: &str) -> Outcome<bool> {
    let wanted = unix(wanted).ok_or_else(|| Refusal::invalid(name, "invalid"))?;
    Ok(moment(row, of).is_some_and(|held| held >= wanted))
}

fn is_beyond(row: &Row, of: &str, wanted: &Value, name: &str) -> Outcome<bool> {
    let wanted = unix(wanted).ok_or_else(|| Refusal::invalid(name, "invalid"))?;
    Ok(moment(row, of).is_none_or(|held| held > wanted))
}

fn has_email(row: &Row, wanted: &Value) -> bool {
    let own = row.get("emails").and_then(Value::as_array);
    let own = own.into_iter().flatten().chain(row.get("email"));
    let own: Vec<String> = own
        .filter_map(|one| one.get("email")?.as_str().map(str::to_lowercase))
        .collect();
    let wanted = wanted.as_array().into_iter().flatten();
    let mut wanted = wanted.filter_map(Value::as_str);
    wanted.any(|email| own.contains(&email.to_lowercase()))
}

fn any_of(held: Option<&Value>, wanted: &Value) -> bool {
    let held = held.and_then(Value::as_array);
    let mut wanted = wanted.as_array().into_iter().flatten();
    wanted.any(|one| held.is_some_and(|held| held.contains(one)))
}

/// One custom field: numbers and dates by least and most, choices and flags by value, texts not at all.
fn custom(account: &Account, kind: Kind, row: &Row, wanted: &Value) -> Outcome<bool> {
    let invalid = || Refusal::invalid("custom_fields", "invalid");
    let id = wanted
        .get("custom_field_definition_id")
        .and_then(Value::as_u64);
    let id = id.ok_or_else(invalid)?;
    let of = definition(account, kind, id).ok_or_else(invalid)?;
    let held = row.get("custom_fields").and_then(Value::as_array);
    let held = held.into_iter().flatten().find_map(|one| {
        let is_it = one.get("custom_field_definition_id") == Some(&json!(id));
        is_it.then(|| one.get("value")).flatten()
    });
    let held = held.unwrap_or(&Value::Null);
    match of.get("data_type").and_then(Value::as_str) {
        Some("String" | "Text" | "URL") => Err(Refusal::invalid("custom_fields", "not searchable")),
        Some("Float" | "Currency" | "Percentage" | "Date") => {
            let bound = |name: &str| wanted.get(name).and_then(Value::as_f64);
            let Some(held) = held.as_f64() else {
                return Ok(false);
            };
            Ok(bound("minimum_value").is_none_or(|least| held >= least)
                && bound("maximum_value").is_none_or(|most| held <= most))
        }
        _ => {
            let value = wanted.get("value").unwrap_or(&Value::Null);
            let listed = value.as_array();
            Ok(listed.map_or(held == value, |all| {
                all.contains(held) || any_of(Some(held), value)
            }))
        }
    }
}

/// Activities come with the newest first, others by id unless the caller says.
fn sort(kind: Kind, found: &mut [&Row], body: &Map<String, Value>) {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number =
        |row: &Row, member: &str| row.get(member).and_then(Value::as_i64).unwrap_or_default();
    let (member, is_down) = match text("sort_by") {
        Some(member) => (member, text("sort_direction") == Some("desc")),
        None if kind == Kind::Activity => ("activity_date", true),
        None => ("id", false),
    };
    found.sort_by(|one, other| {
        let name = |row: &Row| {
            row.get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let order = if member == "name" {
            name(one).cmp(&name(other))
        } else {
            number(one, member).cmp(&number(other, member))
        };
        let order = order.then(number(one, "id").cmp(&number(other, "id")));
        if is_down { order.reverse() } else { order }
    });
}
