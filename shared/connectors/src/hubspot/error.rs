//! HubSpot's errors: where code, message and properties stand in a body, and what is kept of a message.

use http::StatusCode;
use hub_domain::Verdict;
use serde_json::Value;

use super::reply::list;
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::rejected,
};

/// The category of a record that is not there.
pub(super) const GONE: &str = "OBJECT_NOT_FOUND";
/// A property that the account does not have.
pub(super) const NO_PROPERTY: &str = "PROPERTY_DOESNT_EXIST";
/// The category that says nothing: an inner code says more.
const VALIDATION: &str = "VALIDATION_ERROR";
/// What introduces JSON within the message.
const PROPERTIES: &str = "Property values were not valid";
/// The longest message that is kept.
const MOST_CHARS: usize = 300;

/// Whether a record is refused because another has the value of a unique property.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "CONFLICTING_UNIQUE_VALUE" | "CONFLICT")
}

/// The verdict on a call that was refused as a whole and is about no record.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let found = errors(&reply.json().unwrap_or_default(), reply.status);
    refused(manifest, reply, found)
}

/// The verdict on errors that are about no record, so that none is to blame.
pub(super) fn refused(manifest: &Manifest, reply: &Reply, errors: Vec<Fields>) -> Verdict {
    let mut told = String::new();
    for error in errors {
        match rejected(manifest.verdict(reply, &error)) {
            Ok(_) if told.is_empty() => {
                told = format!("{} {} {}", reply.status.as_u16(), error.code, error.message);
            }
            Ok(_) => {}
            Err(verdict) => return verdict,
        }
    }
    Verdict::Bug {
        reason: format!("a call that was refused as a whole: {told}")
            .trim_end()
            .to_owned(),
    }
}

/// The errors in a body, at least one: a body has one error, which lists several faults or none.
pub(super) fn errors(body: &Value, status: StatusCode) -> Vec<Fields> {
    let message = text_at(body, "/message");
    let category = text_at(body, "/category");
    if let Some(faults) = message
        .strip_prefix(PROPERTIES)
        .map(|rest| property_faults(rest, &category))
    {
        return faults;
    }
    let first_of = |candidates: &[&str]| {
        candidates
            .iter()
            .map(|pointer| text_at(body, pointer))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let code = match category.as_str() {
        _ if status == StatusCode::TOO_MANY_REQUESTS => {
            first_of(&["/policyName", "/category", "/errorType"])
        }
        VALIDATION | "" => first_of(&["/subCategory", "/category", "/errorType"]),
        known => known.to_owned(),
    };
    let inner = list(body, "errors");
    let fault = |error: &Value| {
        let own = text_at(error, "/code");
        let is_vague = code.is_empty() || code == VALIDATION;
        let text = Some(text_at(error, "/message")).filter(|text| !text.is_empty());
        Fields {
            code: if is_vague && !own.is_empty() {
                own
            } else {
                code.clone()
            },
            message: short(&text.unwrap_or_else(|| message.clone())),
            fields: ["propertyName", "properties", "propertyNames", "name"]
                .iter()
                .flat_map(|name| list(error.get("context").unwrap_or(&Value::Null), name))
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        }
    };
    if inner.is_empty() {
        return vec![Fields {
            message: short(&message),
            fields: Vec::new(),
            code,
        }];
    }
    inner.iter().map(fault).collect()
}

/// The faults of properties, which stand as JSON within the message. Its texts quote values, so ours take
/// their place.
fn property_faults(rest: &str, category: &str) -> Vec<Fields> {
    let json = rest.trim_start_matches([':', ' ']);
    let found: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    let faults: Vec<Fields> = found
        .iter()
        .map(|fault| {
            let code = text_at(fault, "/error");
            Fields {
                message: words(&code).to_owned(),
                fields: Some(text_at(fault, "/name"))
                    .filter(|name| !name.is_empty())
                    .into_iter()
                    .collect(),
                code: if code.is_empty() {
                    category.to_owned()
                } else {
                    code
                },
            }
        })
        .collect();
    if !faults.is_empty() {
        return faults;
    }
    // Cut short, or in a new form: the code of a conflict is still told.
    let code = ["CONFLICTING_UNIQUE_VALUE", NO_PROPERTY]
        .into_iter()
        .find(|code| rest.contains(code))
        .unwrap_or(category);
    vec![Fields {
        code: code.to_owned(),
        message: words(code).to_owned(),
        fields: Vec::new(),
    }]
}

fn words(code: &str) -> &'static str {
    match code {
        "INVALID_OPTION" => "the property does not have this option",
        "CONFLICTING_UNIQUE_VALUE" => "another record has this value, which is unique",
        NO_PROPERTY => "the property does not exist",
        "READ_ONLY_VALUE" => "the property is read-only",
        "REQUIRED_FIELD" => "the property is required",
        _ => "the value is not valid for the property",
    }
}

/// A message that is not too long, without e-mail addresses and without the JSON we sent.
fn short(message: &str) -> String {
    if message.starts_with("Invalid input JSON") {
        return "the request cannot be read".to_owned();
    }
    let words: Vec<&str> = message
        .split_whitespace()
        .map(|word| if word.contains('@') { "…" } else { word })
        .collect();
    words.join(" ").chars().take(MOST_CHARS).collect()
}
