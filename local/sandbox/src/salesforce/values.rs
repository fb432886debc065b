//! Checks one value against its field and brings it into the form it is kept in. Knows nothing of
//! other fields.

use serde_json::{Number, Value, json};

use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::schema::{Field, Type};
use super::{ids, store, times};

/// The value as it is stored, or the vendor's refusal.
pub(super) fn accept(org: &Org, field: &Field, value: &Value) -> Outcome<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match field.is {
        Type::Boolean => value
            .as_bool()
            .map(Value::from)
            .ok_or_else(|| cannot("boolean", value)),
        Type::Int => integer(field, value),
        Type::Double | Type::Currency | Type::Percent => number(field, value),
        Type::Date => {
            let date = value.as_str().and_then(times::date);
            date.map(|date| json!(date.to_string()))
                .ok_or_else(|| cannot("date", value))
        }
        Type::Datetime => {
            let at = value.as_str().and_then(times::read);
            at.map(|at| json!(times::written(at)))
                .ok_or_else(|| cannot("datetime", value))
        }
        Type::Id | Type::Reference => reference(org, field, value),
        Type::JunctionIdList => {
            let ids = value.as_array().ok_or_else(|| cannot("list", value))?;
            let ids: Outcome<Vec<Value>> = ids.iter().map(|id| reference(org, field, id)).collect();
            Ok(json!(ids?))
        }
        _ => text(field, value),
    }
}

fn cannot(what: &str, value: &Value) -> Refusal {
    let (token, shown) = match value {
        Value::String(text) => ("VALUE_STRING", text.clone()),
        Value::Number(n) if n.is_f64() => ("VALUE_NUMBER_FLOAT", n.to_string()),
        Value::Number(n) => ("VALUE_NUMBER_INT", n.to_string()),
        Value::Bool(true) => ("VALUE_TRUE", "true".to_owned()),
        Value::Bool(false) => ("VALUE_FALSE", "false".to_owned()),
        Value::Array(_) => ("START_ARRAY", "[".to_owned()),
        _ => ("START_OBJECT", "{".to_owned()),
    };
    Refusal::json(format!(
        "Cannot deserialize instance of {what} from {token} value {shown} or request may be missing a required field"
    ))
}

fn integer(field: &Field, value: &Value) -> Outcome<Value> {
    let whole = value.as_i64().ok_or_else(|| cannot("int", value))?;
    let digits = if field.digits == 0 { 9 } else { field.digits };
    if whole.unsigned_abs() >= 10_u64.pow(digits) {
        return Err(out_of_range(field, value));
    }
    Ok(json!(whole))
}

fn number(field: &Field, value: &Value) -> Outcome<Value> {
    let number = value.as_f64().ok_or_else(|| cannot("double", value))?;
    let whole_digits = field.precision.saturating_sub(field.scale).min(18);
    if field.precision > 0 && number.abs() >= 10_f64.powi(i32::try_from(whole_digits).unwrap_or(18))
    {
        return Err(out_of_range(field, value));
    }
    Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
}

fn out_of_range(field: &Field, value: &Value) -> Refusal {
    let message = format!(
        "{}: value outside of valid range on numeric field: {value}",
        field.label
    );
    Refusal::fields("NUMBER_OUTSIDE_VALID_RANGE", message, &[&field.name])
}

/// An id of a record that exists, is not deleted and is of a kind the field may point at.
fn reference(org: &Org, field: &Field, value: &Value) -> Outcome<Value> {
    let given = value.as_str().ok_or_else(|| cannot("reference", value))?;
    if given.is_empty() {
        return Ok(Value::Null);
    }
    let wrong = format!("{}: id value of incorrect type: {given}", field.label);
    let id = ids::normalise(given)
        .ok_or_else(|| Refusal::fields("MALFORMED_ID", wrong.clone(), &[&field.name]))?;
    let object = org
        .schema
        .object_of(&id)
        .filter(|object| field.to.contains(&object.name));
    let object = object
        .ok_or_else(|| Refusal::fields("FIELD_INTEGRITY_EXCEPTION", wrong, &[&field.name]))?;
    match org.store.get(&object.name, &id) {
        None => Err(Refusal::fields(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            &[],
        )),
        Some(row) if store::is_deleted(row) => Err(Refusal::fields(
            "ENTITY_IS_DELETED",
            "entity is deleted",
            &[],
        )),
        Some(_) => Ok(json!(id)),
    }
}

fn text(field: &Field, value: &Value) -> Outcome<Value> {
    let given = value.as_str().ok_or_else(|| cannot("string", value))?;
    let kept = if field.is == Type::Textarea {
        given
    } else {
        given.trim()
    };
    if kept.is_empty() {
        return Ok(Value::Null);
    }
    if kept.chars().count() > field.length {
        let shown: String = kept.chars().take(255).collect();
        let message = format!(
            "{}: data value too large: {shown} (max length={})",
            field.label, field.length
        );
        return Err(Refusal::fields("STRING_TOO_LONG", message, &[&field.name]));
    }
    if field.is == Type::Email && !is_email(kept) {
        let message = format!("{}: invalid email address: {kept}", field.label);
        return Err(Refusal::fields(
            "INVALID_EMAIL_ADDRESS",
            message,
            &[&field.name],
        ));
    }
    if field.is == Type::Picklist && (field.restricted() || field.name == "StageName") {
        let Some(known) = field
            .values
            .iter()
            .find(|known| known.eq_ignore_ascii_case(kept))
        else {
            let message = format!(
                "{}: bad value for restricted picklist field: {kept}",
                field.label
            );
            return Err(Refusal::fields(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                message,
                &[&field.name],
            ));
        };
        return Ok(json!(known));
    }
    Ok(json!(kept))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let plain =
        |c: char| !c.is_whitespace() && !matches!(c, '@' | ',' | ';' | '<' | '>' | '(' | ')' | '"');
    !local.is_empty()
        && local.chars().all(plain)
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}
