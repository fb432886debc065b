//! What a property takes, and the form it is kept in.

use super::errors::{Invalid, Outcome, Refusal};
use super::kinds::Kind;
use super::portal::Portal;
use super::schema::Property;
use super::times;
use serde_json::Value;

/// No text of the vendor takes more characters.
const LONGEST: usize = 65_536;

/// The text of a value in the body. Numbers and booleans are read as their text; null clears.
pub(super) fn text(name: &str, value: &Value) -> Outcome<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err(Refusal::shape(&format!("properties.{name}"))),
    }
}

/// Checks a value; gives it in the form it is kept in.
pub(super) fn accept(
    portal: &Portal,
    kind: Kind,
    property: &Property,
    value: &str,
) -> Result<String, Invalid> {
    let name = property.name.as_str();
    let wrong = |code: &'static str, message: String| {
        Err(Invalid {
            name: name.to_owned(),
            code,
            message,
        })
    };
    if property.locked {
        let message = format!("\"{name}\" is a read only property; its value cannot be set.");
        return wrong("READ_ONLY_VALUE", message);
    }
    if value.is_empty() {
        return Ok(String::new());
    }
    if value.chars().count() > LONGEST {
        let message = format!("The value of \"{name}\" is longer than {LONGEST} characters.");
        return wrong("PROPERTY_VALUE_TOO_LONG", message);
    }
    match property.is.as_str() {
        "number" => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(value.to_owned()),
            _ => wrong("INVALID_NUMBER", format!("{value} was not a valid number.")),
        },
        "bool" => match value {
            "true" | "false" => Ok(value.to_owned()),
            _ => {
                let message = format!("{value} was not one of the allowed options: [true, false]");
                wrong("INVALID_OPTION", message)
            }
        },
        "datetime" => match times::read(value) {
            Some(at) => Ok(times::value(at)),
            None => wrong("INVALID_LONG", format!("{value} was not a valid long.")),
        },
        "date" => match times::read(value) {
            Some(at) if at.as_second() % 86_400 == 0 => Ok(times::day(at).to_string()),
            Some(_) => wrong("INVALID_DATE", format!("{value} is not midnight UTC.")),
            None => wrong("INVALID_DATE", format!("{value} was not a valid date.")),
        },
        "enumeration" => option(portal, kind, property, value),
        _ => string(kind, property, value),
    }
}

fn string(kind: Kind, property: &Property, value: &str) -> Result<String, Invalid> {
    if (kind, property.name.as_str()) != (Kind::Contact, "email") {
        return Ok(value.to_owned());
    }
    let email = value.trim().to_lowercase();
    let (user, domain) = email.split_once('@').unwrap_or_default();
    let fine = !user.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !email.contains(char::is_whitespace);
    if fine {
        return Ok(email);
    }
    Err(Invalid {
        name: property.name.clone(),
        code: "INVALID_EMAIL",
        message: format!("Email address {value} is invalid"),
    })
}

fn option(
    portal: &Portal,
    kind: Kind,
    property: &Property,
    value: &str,
) -> Result<String, Invalid> {
    let name = property.name.as_str();
    let allowed: Vec<String> = match name {
        "hubspot_owner_id" => portal.owners.iter().map(|o| o.id.to_string()).collect(),
        "pipeline" | "hs_pipeline" => {
            let lines = portal.pipelines.get(&kind).into_iter().flatten();
            lines.map(|line| line.id.to_owned()).collect()
        }
        "dealstage" | "hs_pipeline_stage" => {
            let lines = portal.pipelines.get(&kind).into_iter().flatten();
            let stages = lines.flat_map(super::pipelines::Pipeline::stage_ids);
            stages.map(str::to_owned).collect()
        }
        // Options nobody lists: the addresses a contact also has.
        _ if property.external => return Ok(value.to_lowercase()),
        _ => property.options.iter().map(|(v, _)| v.clone()).collect(),
    };
    let multiple = property.field == "checkbox";
    let mut given = value.split(';').filter(|_| multiple);
    let fine = if multiple {
        given.all(|one| one.is_empty() || allowed.iter().any(|v| v == one))
    } else {
        allowed.iter().any(|v| v == value)
    };
    if fine {
        return Ok(value.to_owned());
    }
    let message = format!(
        "{value} was not one of the allowed options: [{}]",
        allowed.join(", ")
    );
    Err(Invalid {
        name: name.to_owned(),
        code: "INVALID_OPTION",
        message,
    })
}
