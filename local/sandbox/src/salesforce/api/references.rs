//! `@{refEvent.id}`: values of earlier answers in later URLs and bodies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::errors::{Outcome, Refusal};

/// The answers so far, by reference id; none for an operation that failed.
pub(super) type Known = BTreeMap<String, Option<Value>>;

/// Replaces the references in a text. A text that is one reference becomes its value.
pub(super) fn fill_text(text: &str, known: &Known) -> Outcome<Value> {
    if let Some(only) = text
        .strip_prefix("@{")
        .and_then(|rest| rest.strip_suffix('}'))
        && !only.contains("@{")
    {
        return look(only, known);
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((path, tail)) = after.split_once('}') else {
            break;
        };
        filled.push_str(before);
        match look(path, known)? {
            Value::String(value) => filled.push_str(&value),
            other => filled.push_str(&other.to_string()),
        }
        rest = tail;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

/// Replaces the references anywhere in a body.
pub(super) fn fill(value: &Value, known: &Known) -> Outcome<Value> {
    Ok(match value {
        Value::String(text) => fill_text(text, known)?,
        Value::Array(list) => Value::Array(
            list.iter()
                .map(|item| fill(item, known))
                .collect::<Outcome<_>>()?,
        ),
        Value::Object(map) => {
            let filled = map
                .iter()
                .map(|(key, value)| Ok((key.clone(), fill(value, known)?)));
            Value::Object(filled.collect::<Outcome<_>>()?)
        }
        plain => plain.clone(),
    })
}

/// The reference ids a value mentions.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let parts = text.split("@{").skip(1);
    parts
        .filter_map(|part| Some(part.split(['.', '[', '}']).next()?.to_owned()))
        .collect()
}

fn look(path: &str, known: &Known) -> Outcome<Value> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    // A list as the whole answer: `refQuery[0].id`.
    let (name, rest) = match name.split_once('[') {
        Some((name, index)) => (name, format!("[{index}.{rest}")),
        None => (name, rest.to_owned()),
    };
    let missing = || {
        Refusal::halted(format!(
            "Invalid reference specified. No value for {path} found in {name}"
        ))
    };
    let mut here = known
        .get(name)
        .and_then(Option::as_ref)
        .ok_or_else(missing)?;
    for step in rest.split('.').filter(|step| !step.is_empty()) {
        let (field, indexes) = step.split_once('[').unwrap_or((step, ""));
        if !field.is_empty() {
            here = here.get(field).ok_or_else(missing)?;
        }
        for index in indexes.split('[').filter(|index| !index.is_empty()) {
            let index: usize = index.trim_end_matches(']').parse().map_err(|_| missing())?;
            here = here.get(index).ok_or_else(missing)?;
        }
    }
    if here.is_null() || here.is_object() || here.is_array() {
        Err(missing())
    } else {
        Ok(here.clone())
    }
}
