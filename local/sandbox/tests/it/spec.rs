//! A small checker of values by the vendor's own specifications.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

/// The folder of the specifications; `None` (with a note) where it is allowed to be absent.
pub fn specs(test: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("CRM_SPECS")
        .map_or_else(|| root.join("../shared/crm/specs"), PathBuf::from);
    let folder = if folder.is_absolute() {
        folder
    } else {
        root.join(folder)
    };
    if folder.is_dir() {
        return Some(folder);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "CRM_SPECS not found"
    );
    // The macros would be captured with a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: CRM_SPECS not found");
    None
}

/// One schema that says what all parts of `allOf` say.
fn merged(spec: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return merged(spec, &spec["components"]["schemas"][name]);
    }
    let Some(all) = schema["allOf"].as_array() else {
        return schema.clone();
    };
    let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
    for part in all.iter().map(|part| merged(spec, part)) {
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    serde_json::json!({ "type": "object", "properties": properties, "required": required })
}

/// What is wrong with a value by a schema; unknown members are wrong too.
fn faults(spec: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return faults(spec, &spec["components"]["schemas"][name], value, at, found);
    }
    if schema["allOf"].is_array() {
        return faults(spec, &merged(spec, schema), value, at, found);
    }
    if let Some(all) = schema["oneOf"].as_array() {
        let fits = |one: &&Value| {
            let mut found = Vec::new();
            faults(spec, one, value, at, &mut found);
            found.is_empty()
        };
        if !all.iter().any(|one| fits(&one)) {
            found.push(format!("{at}: fits none of oneOf"));
        }
        return;
    }
    if value.is_null() {
        // Both are null in the vendor's own examples: v3 does not say so, 2026-09 does of values.
        let known = at.contains(".properties.") || at.rsplit('.').next() == Some("label");
        if schema["nullable"] != true && !known {
            found.push(format!("{at}: null"));
        }
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is not in {allowed:?}"));
    }
    let right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !right {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
        return;
    }
    if schema["format"] == "date-time"
        && value.as_str().unwrap().parse::<jiff::Timestamp>().is_err()
    {
        found.push(format!("{at}: {value} is no date-time"));
    }
    if schema["format"] == "int32" && value.as_i64().is_none_or(|n| i32::try_from(n).is_err()) {
        found.push(format!("{at}: {value} is no int32"));
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        faults(
            spec,
            &schema["items"],
            item,
            &format!("{at}[{number}]"),
            found,
        );
    }
    let Some(members) = value.as_object() else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}.{name}");
        match (
            schema["properties"].get(name),
            &schema["additionalProperties"],
        ) {
            (Some(schema), _) => faults(spec, schema, member, &at, found),
            (None, more) if more.is_object() => faults(spec, more, member, &at, found),
            (None, _) if schema["properties"].is_object() => found.push(format!("{at}: unknown")),
            (None, _) => {}
        }
    }
}

/// Checks a body against what the specification has for the status.
pub fn check(spec: &Value, responses: &Value, status: u16, body: &Value, path: &str) {
    let status = status.to_string();
    let response = match responses.get(&status) {
        Some(response) => response,
        None if status.starts_with('2') => panic!("{path}: the vendor never answers {status}"),
        None => &spec["components"]["responses"]["Error"],
    };
    let content = response["content"].as_object();
    let Some(schema) = content.and_then(|content| content.values().next()) else {
        assert!(body.is_null(), "{path}: a body where none belongs");
        return;
    };
    // Errors have members that the schema lacks (`status`, `policyName`); the rest is checked.
    let error = !status.starts_with('2');
    let mut found = Vec::new();
    faults(spec, &schema["schema"], body, path, &mut found);
    found.retain(|fault| !(error && fault.ends_with(": unknown")));
    found.retain(|fault| !(error && fault.ends_with("\"category\" is missing")));
    assert!(found.is_empty(), "{found:#?}\n{body:#}");
}
