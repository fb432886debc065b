//! Whether a value is one that a member takes, and the form in which it is kept.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};

/// The value of a member as it is kept; null empties whatever may be empty.
pub(super) fn checked(
    account: &Account,
    kind: Kind,
    (name, shape): (&str, Shape),
    value: &Value,
) -> Outcome<Value> {
    let invalid = || Refusal::invalid(name, "invalid");
    if value.is_null() && !kind.needed().contains(&name) {
        return Ok(empty(shape));
    }
    let kept = match shape {
        Shape::Locked => return Err(Refusal::invalid(name, "read only")),
        Shape::Text => {
            let text = value.as_str().ok_or_else(invalid)?;
            if text.trim().is_empty() && kind.needed().contains(&name) {
                return Err(Refusal::invalid(name, "blank"));
            }
            json!(text)
        }
        Shape::Number => value
            .is_number()
            .then(|| value.clone())
            .ok_or_else(invalid)?,
        Shape::Unix => json!(unix(value).ok_or_else(invalid)?),
        Shape::Due => json!(
            unix(value)
                .or_else(|| midnight(value))
                .ok_or_else(invalid)?
        ),
        Shape::Day => {
            midnight(value).ok_or_else(invalid)?;
            value.clone()
        }
        Shape::Choice(options) => {
            let right = value.as_str().is_some_and(|one| options.contains(&one));
            right.then(|| value.clone()).ok_or_else(invalid)?
        }
        Shape::Email => address(value).ok_or_else(invalid)?,
        Shape::Emails => listed(value, address).ok_or_else(invalid)?,
        Shape::Phones => listed(value, |one| {
            one.get("number")?.as_str()?;
            Some(one.clone())
        })
        .ok_or_else(invalid)?,
        Shape::Objects => {
            listed(value, |one| one.is_object().then(|| one.clone())).ok_or_else(invalid)?
        }
        Shape::Address => value
            .is_object()
            .then(|| value.clone())
            .ok_or_else(invalid)?,
        Shape::Tags => {
            listed(value, |one| one.as_str().map(|tag| json!(tag))).ok_or_else(invalid)?
        }
        Shape::Custom => listed(value, |one| custom(account, kind, one)).ok_or_else(invalid)?,
        Shape::User => {
            let id = value.as_u64().filter(|id| account.is_user(*id));
            json!(id.ok_or_else(invalid)?)
        }
        Shape::Of(other) => {
            let id = value.as_u64();
            let id = id.filter(|id| account.store.live(other, *id).is_some());
            json!(id.ok_or_else(invalid)?)
        }
        Shape::Parent => {
            let named = value.get("type").and_then(Value::as_str);
            let kind = named.and_then(Kind::by_name).ok_or_else(invalid)?;
            let id = value.get("id").and_then(Value::as_u64);
            let id = id.filter(|id| account.store.live(kind, *id).is_some());
            json!({ "id": id.ok_or_else(invalid)?, "type": kind.name() })
        }
        Shape::ActivityType => {
            let category = value.get("category").and_then(Value::as_str);
            let id = value.get("id").and_then(Value::as_u64);
            let id = id.filter(|id| category == Some("user") && account.is_written(*id));
            json!({ "id": id.ok_or_else(invalid)?, "category": "user" })
        }
        Shape::Setup => json!(value.as_u64().ok_or_else(invalid)?),
    };
    Ok(kept)
}

/// What a member holds that nobody has set.
pub(super) fn empty(shape: Shape) -> Value {
    match shape {
        Shape::Emails | Shape::Phones | Shape::Objects | Shape::Tags | Shape::Custom => json!([]),
        _ => Value::Null,
    }
}

/// Ten digits of seconds, as a number.
pub(super) fn unix(value: &Value) -> Option<i64> {
    let second = value.as_i64()?;
    (0..10_000_000_000).contains(&second).then_some(second)
}

/// `mm/dd/yyyy` as the second at which the day begins.
fn midnight(value: &Value) -> Option<i64> {
    let day = Date::strptime("%m/%d/%Y", value.as_str()?).ok()?;
    let day = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(day.timestamp().as_second())
}

fn address(value: &Value) -> Option<Value> {
    let email = value.get("email")?.as_str()?;
    let category = value.get("category").and_then(Value::as_str);
    let category = category.unwrap_or("work");
    let right = email.split_once('@').is_some_and(|(who, domain)| {
        !who.is_empty() && domain.contains('.') && !domain.contains('@')
    });
    let known = ["work", "personal", "other"].contains(&category);
    (right && known).then(|| json!({ "email": email, "category": category }))
}

fn listed(value: &Value, one: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    let items: Option<Vec<Value>> = value.as_array()?.iter().map(one).collect();
    items.map(Value::Array)
}

/// One custom field of a record, if its value is of the field's type.
fn custom(account: &Account, kind: Kind, value: &Value) -> Option<Value> {
    let id = value.get("custom_field_definition_id")?.as_u64()?;
    let held = value.get("value").cloned().unwrap_or_default();
    let definition = definition(account, kind, id)?;
    let option = |one: &Value| {
        let options = definition.get("options").and_then(Value::as_array);
        let mut options = options.into_iter().flatten();
        options.any(|option| option.get("id") == Some(one))
    };
    let right = held.is_null()
        || match definition.get("data_type").and_then(Value::as_str)? {
            "String" | "Text" | "URL" => held.is_string(),
            "Float" | "Currency" | "Percentage" => held.is_number(),
            "Checkbox" => held.is_boolean(),
            "Date" => unix(&held).or_else(|| midnight(&held)).is_some(),
            "Dropdown" => option(&held),
            "MultiSelect" => held.as_array()?.iter().all(option),
            _ => false,
        };
    right.then(|| json!({ "custom_field_definition_id": id, "value": held }))
}

/// A field of this kind of record.
pub(super) fn definition(account: &Account, kind: Kind, id: u64) -> Option<&Map<String, Value>> {
    account.definitions.iter().find(|definition| {
        let on = definition.get("available_on").and_then(Value::as_array);
        definition.get("id") == Some(&json!(id))
            && on.is_some_and(|on| on.contains(&json!(kind.name())))
    })
}
