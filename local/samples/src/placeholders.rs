//! `{{name}}` in the texts of a JSON value.

use std::collections::BTreeSet;

use serde_json::Value;

/// The names that stand in a value.
pub(crate) fn names(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(
            text.split("{{")
                .skip(1)
                .filter_map(|part| part.split_once("}}"))
                .map(|(name, _)| name.to_owned()),
        ),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Puts values into all texts; a name without a value stays.
pub(crate) fn fill(value: &mut Value, of: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => *text = filled(text, of),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, of)),
        Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, of: &impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split("{{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let found = part
            .split_once("}}")
            .and_then(|(name, rest)| Some((of(name)?, rest)));
        match found {
            Some((value, rest)) => whole.extend([value.as_str(), rest]),
            None => whole.extend(["{{", part]),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_names_are_filled_and_the_others_stay() {
        let mut value = json!({ "a": ["{{x}}/{{y}}", 7, "}} {{z"], "b": { "c": "{{x}}{{x}}" } });
        assert_eq!(
            names(&value),
            BTreeSet::from(["x".to_owned(), "y".to_owned()])
        );
        fill(&mut value, &|name| (name == "x").then(|| "1".to_owned()));
        assert_eq!(
            value,
            json!({ "a": ["1/{{y}}", 7, "}} {{z"], "b": { "c": "11" } })
        );
        assert_eq!(names(&value), BTreeSet::from(["y".to_owned()]));
    }
}
