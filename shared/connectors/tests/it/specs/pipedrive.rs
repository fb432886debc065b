//! Pipedrive: the OpenAPI file of v2. What it says of members without a type of null is of its examples.

use std::path::Path;

use hub_connectors::{Connector, Operation};
use hub_domain::{
    Timestamp,
    mapping::RecordKind,
    matching::{Candidate, Match},
    plan,
};
use serde_json::{Value, json};

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector, reply};

const CRM: &str = "pipedrive";

fn spec(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// Fails where a value is not as its schema says, or has what the schema does not know.
fn check(schema: &Value, value: &Value, at: &str) {
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = json!({ "type": "object", "properties": {} });
        for part in parts {
            let part = part["properties"].as_object().unwrap().clone();
            whole["properties"].as_object_mut().unwrap().extend(part);
        }
        return check(&whole, value, at);
    }
    if value.is_null() {
        return;
    }
    if let Some(options) = schema["enum"].as_array() {
        assert!(
            options.contains(value),
            "{at}: {value} is none of {options:?}"
        );
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => schema["oneOf"].is_array(),
    };
    assert!(right, "{at}: {value} is no {}", schema["type"]);
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{at}/{index}"));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        // The vendor's own examples have the description of a field and an organization's address.
        let known = schema["properties"].get(name);
        let in_example = ["description", "address"].contains(&name.as_str());
        match known {
            Some(schema) => check(schema, value, &format!("{at}/{name}")),
            None => assert!(in_example, "{at}: nothing is known of {name}"),
        }
    }
}

/// The operation that a request is, checked: path, parameters, body, and that our scopes allow it.
fn known<'a>(spec: &'a Value, connector: &dyn Connector, operation: &Operation) -> &'a Value {
    let request = connector.request(operation, &connection(CRM)).unwrap();
    let path = request.uri().path().strip_prefix("/api/v2").unwrap();
    let method = request.method().as_str().to_lowercase();
    let steps: Vec<&str> = path.split('/').collect();
    let paths = spec["paths"].as_object().unwrap();
    let fits = |known: &str| {
        let known: Vec<&str> = known.split('/').collect();
        known.len() == steps.len()
            && known
                .iter()
                .zip(&steps)
                .all(|(a, b)| a == b || (a.starts_with('{') && b.parse::<u64>().is_ok()))
    };
    let (_, found) = paths
        .iter()
        .find(|(known, _)| fits(known))
        .unwrap_or_else(|| panic!("{path} is not in the specification"));
    let found = &found[&method];
    let parameters = found["parameters"].as_array().cloned().unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        let parameter = parameters.iter().find(|known| known["name"] == name);
        let schema = &parameter.unwrap_or_else(|| panic!("{path}: no parameter {name}"))["schema"];
        if let Some(options) = schema["enum"].as_array() {
            assert!(options.contains(&json!(value)), "{name}: {value}");
        }
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let schema = &found["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema.is_object(), !body.is_null(), "{path}");
    if schema.is_object() {
        check(schema, &body, path);
    }
    let scopes = &connector.manifest().oauth.as_ref().unwrap().scopes;
    let allowed = found["security"].as_array().unwrap().iter().any(|needed| {
        let needed = needed["oauth2"].as_array();
        needed.is_some_and(|any| any.iter().any(|one| scopes.iter().any(|ours| one == ours)))
    });
    // The fields of activities alone ask for `admin`, which delivering does not need.
    assert_eq!(
        allowed,
        path != "/activityFields",
        "{path}: {:?}",
        found["security"]
    );
    found
}

#[test]
fn every_request_of_the_fixtures_is_one_the_specification_knows() {
    let Some(folder) = folder("pipedrive every_request_of_the_fixtures") else {
        return;
    };
    let spec = spec(&folder, "pipedrive-v2.json");
    let connector = connector(CRM);
    let mut replies = 0;
    for fixture in Fixture::all(CRM) {
        if fixture.json.get("request").is_none() {
            continue;
        }
        let found = known(&spec, connector.as_ref(), &fixture.operation());
        let schema = &found["responses"]["200"]["content"]["application/json"]["schema"];
        for reply in fixture.replies() {
            let is_understood = !reply["verdicts"].to_string().contains("bug:");
            if is_understood && reply["status"] == 200 {
                let at = format!("{}: {}", fixture.name, reply["about"]);
                check(schema, &reply["body"], &at);
                replies += 1;
            }
        }
    }
    assert!(replies >= 10, "{replies}");
}

fn person(id: &str, company: Option<&str>) -> Match {
    let email = format!("{id}@acme.example");
    let candidate = Candidate {
        object: "persons".to_owned(),
        rank: 0,
        id: id.to_owned(),
        email: email.clone(),
        company: company.map(str::to_owned),
        modified_at: None,
    };
    Match {
        email,
        chosen: Some(candidate),
        rejected: Vec::new(),
    }
}

#[test]
fn every_session_becomes_requests_the_specification_knows() {
    let Some(folder) = folder("pipedrive every_session_becomes_requests") else {
        return;
    };
    let spec = spec(&folder, "pipedrive-v2.json");
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let mut made = 0;
    for kind in ["meeting", "call"] {
        for long in [false, true] {
            for matches in [
                vec![person("101", Some("900")), person("102", None)],
                vec![],
            ] {
                for written in [false, true] {
                    let record = session(kind, long);
                    let mut plan =
                        plan::make(&record, &connection(CRM), &mapping, &matches).unwrap();
                    for write in &mut plan.writes {
                        write.id = written.then(|| "512".to_owned());
                    }
                    let operations = connector.writes(vec![plan]);
                    assert_eq!(operations.len(), 4, "the activity, and three tasks");
                    for operation in operations {
                        known(&spec, connector.as_ref(), &operation);
                        let request = connector.request(&operation, &connection(CRM)).unwrap();
                        let body: Value = serde_json::from_slice(request.body()).unwrap();
                        let length = |name: &str| body[name].as_str().unwrap().chars().count();
                        assert!(length("subject") <= 255 && length("note") < 65_000);
                        assert_eq!(body.get("type").is_some(), !written);
                        let linked = !written && !matches.is_empty();
                        assert_eq!(body.get("participants").is_some(), linked);
                        made += 1;
                    }
                }
            }
        }
    }
    assert_eq!(made, 2 * 2 * 2 * 2 * 4);
}

#[test]
fn the_token_endpoints_are_those_of_the_specification() {
    let Some(folder) = folder("pipedrive the_token_endpoints") else {
        return;
    };
    let spec = spec(&folder, "pipedrive-v1-trimmed.json");
    let connector = connector(CRM);
    let manifest = connector.manifest();
    let oauth = manifest.oauth.as_ref().unwrap();
    let path = oauth
        .token_url
        .strip_prefix("https://oauth.pipedrive.com")
        .unwrap();
    assert!(spec["paths"][path]["post"].is_object(), "{path}");
    for check in &manifest.checks {
        let path = check.path.split('?').next().unwrap();
        let v1 = path
            .strip_prefix("/v1")
            .map(|path| &spec["paths"][path]["get"]);
        assert!(v1.is_none_or(Value::is_object), "{path}");
    }
}

/// A list ends where its last page ends, whatever the pages hold.
#[test]
fn a_list_is_walked_by_time_and_people_are_asked_for_one_by_one() {
    let connector = connector(CRM);
    let since: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    let list = |since: Option<Timestamp>| Operation::ReadBack {
        kind: RecordKind::Meeting,
        object: "activities".to_owned(),
        keys: vec!["ses_1".to_owned()],
        writes: Vec::new(),
        since,
        cursor: None,
    };
    let page = |last: &str, cursor: Value| {
        let row = json!({ "id": 1, "update_time": last });
        let body = json!({ "data": [row], "additional_data": { "next_cursor": cursor } });
        reply(200, body.to_string())
    };
    for (from, last, cursor, to) in [
        (
            Some(since),
            "2026-11-20T15:00:09Z",
            json!("abc"),
            Some("2026-11-20T15:00:09Z"),
        ),
        (
            None,
            "2026-11-20T15:00:09Z",
            json!("abc"),
            Some("2026-11-20T15:00:09Z"),
        ),
        (
            Some(since),
            "2026-11-20T15:00:00Z",
            json!("abc"),
            Some("2026-11-20T15:00:01Z"),
        ),
        (Some(since), "2026-11-20T15:00:09Z", json!(null), None),
    ] {
        let next = connector.next(&list(from), &page(last, cursor));
        let to = to.map(|to| list(Some(to.parse().unwrap())));
        assert_eq!(next, to);
    }
    assert_eq!(connector.next(&list(None), &reply(200, "[]")), None);
    let people = |emails: &[&str]| Operation::FindPeople {
        emails: emails.iter().map(|email| (*email).to_owned()).collect(),
    };
    let found = reply(200, "{}");
    let next = connector.next(&people(&["a@x.example", "b@x.example"]), &found);
    assert_eq!(next, Some(people(&["b@x.example"])));
    assert_eq!(connector.next(&people(&["b@x.example"]), &found), None);
}
