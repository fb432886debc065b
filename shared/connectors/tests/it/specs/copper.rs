//! Copper: the unofficial OpenAPI file. It knows neither custom fields nor users nor bulk calls, so what it does not
//! have stands here, each with the page of the vendor that has it.

use std::path::Path;

use hub_connectors::{Operation, Reply};
use hub_domain::{
    mapping::RecordKind,
    matching::{Candidate, Match},
    plan,
};
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value, json};

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector, reply};

const CRM: &str = "copper";
/// Calls that the file lacks, by the vendor's pages (activities/bulk-create-activities, activities/list-activity-types,
/// custom-fields/general/list-custom-field-definitions, activities/update-an-activity).
const BEYOND: [(&str, &str); 5] = [
    ("POST", "/activities/bulk_create"),
    ("POST", "/activities/bulk_update"),
    ("GET", "/activity_types"),
    ("GET", "/custom_field_definitions"),
    ("PUT", "/activities/{id}"),
];

/// A YAML document as JSON. The file has no anchors, and no numbers that matter.
fn read(text: &str) -> Value {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut whole = Value::Null;
    for event in Parser::new_from_str(text) {
        let value = match event.unwrap().0 {
            Event::MappingStart(..) => {
                open.push((Value::Object(Map::new()), None));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((json!([]), None));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().unwrap().0,
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            _ => continue,
        };
        match open.last_mut() {
            None => whole = value,
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(members), name)) => match name.take() {
                None => *name = Some(value.as_str().unwrap().to_owned()),
                Some(name) => drop(members.insert(name, value)),
            },
            Some(_) => unreachable!("only mappings and sequences are opened"),
        }
    }
    whole
}

fn spec(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("copper-openapi-unofficial.yaml")).unwrap();
    let spec = read(&text);
    assert!(spec["paths"]["/tasks/search"]["post"].is_object());
    spec
}

/// Fails where a value is not as its schema says, or has what the schema does not know.
fn check(spec: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = schema["$ref"].as_str().map_or(schema, |name| {
        spec.pointer(name.trim_start_matches('#')).unwrap()
    });
    if value.is_null() || schema["oneOf"].is_array() {
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
        other => panic!("{at}: a type {other:?}"),
    };
    assert!(right, "{at}: {value} is no {}", schema["type"]);
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(spec, &schema["items"], item, &format!("{at}/{index}"));
    }
    // An object without properties may have any.
    let Some(known) = schema["properties"].as_object() else {
        return;
    };
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        let schema = known
            .get(name)
            .unwrap_or_else(|| panic!("nothing is known of {at}"));
        check(spec, schema, value, &at);
    }
}

/// Checks a request, and says whether the file knows it.
fn known(spec: &Value, request: &http::Request<bytes::Bytes>) -> bool {
    let path = request.uri().path();
    let path = path.strip_prefix("/developer_api/v1").unwrap();
    let method = request.method().as_str();
    let steps: Vec<&str> = path.split('/').collect();
    let fits = |known: &str| {
        let known: Vec<&str> = known.split('/').collect();
        known.len() == steps.len()
            && known
                .iter()
                .zip(&steps)
                .all(|(a, b)| a == b || (a.starts_with('{') && b.parse::<u64>().is_ok()))
    };
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if BEYOND
        .iter()
        .any(|(with, known)| *with == method && fits(known))
    {
        let activity = json!({ "$ref": "#/components/schemas/Activity" });
        let rows = body.get("activities").and_then(Value::as_array).cloned();
        let alone = method == "PUT";
        for row in rows.unwrap_or_else(|| if alone { vec![body] } else { Vec::new() }) {
            check(spec, &activity, &row, path);
        }
        return false;
    }
    let paths = spec["paths"].as_object().unwrap();
    let found = paths.iter().find(|(known, _)| fits(known));
    let (_, found) = found.unwrap_or_else(|| panic!("{path} is not in the specification"));
    let operation = &found[method.to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} takes no body");
    check(spec, schema, &body, path);
    true
}

#[test]
fn every_request_of_the_fixtures_is_one_the_specification_or_a_page_knows() {
    let Some(folder) = folder("copper every_request_of_the_fixtures") else {
        return;
    };
    let spec = spec(&folder);
    let connector = connector(CRM);
    let (mut inside, mut beyond) = (0, 0);
    for fixture in Fixture::all(CRM) {
        if fixture.json.get("request").is_none() {
            continue;
        }
        let request = connector.request(&fixture.operation(), &fixture.connection(CRM));
        let request = request.unwrap();
        // A due date as a day is of another page (introduction/best_practices) than the file's number.
        if fixture.name.contains("keyed") {
            continue;
        }
        if known(&spec, &request) {
            inside += 1;
        } else {
            beyond += 1;
        }
        for reply in fixture.replies() {
            let is_task = reply["body"]["related_resource"].is_object();
            if reply["status"] == 200 && is_task {
                let task = json!({ "$ref": "#/components/schemas/Task" });
                let mut body = reply["body"].clone();
                // The file has these of people and companies, and forgets them of tasks.
                for name in ["date_created", "date_modified"] {
                    body.as_object_mut().unwrap().remove(name);
                }
                check(&spec, &task, &body, &fixture.name);
            }
        }
    }
    assert!(inside >= 10 && beyond >= 5, "{inside} and {beyond}");
}

#[test]
fn every_session_becomes_requests_the_specification_or_a_page_knows() {
    let Some(folder) = folder("copper every_session_becomes_requests") else {
        return;
    };
    let spec = spec(&folder);
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let ada = Candidate {
        object: "people".to_owned(),
        rank: 0,
        id: "501".to_owned(),
        email: "ada@acme.example".to_owned(),
        company: Some("900".to_owned()),
        modified_at: None,
    };
    let matches = [Match {
        email: ada.email.clone(),
        chosen: Some(ada),
        rejected: Vec::new(),
    }];
    for kind in ["meeting", "call"] {
        for long in [false, true] {
            let record = session(kind, long);
            let made = plan::make(&record, &connection(CRM), &mapping, &matches).unwrap();
            let mut changed = made.clone();
            for (place, write) in changed.writes.iter_mut().enumerate() {
                write.id = Some(format!("{}", 100 + place));
            }
            for operation in connector.writes(vec![made, changed]) {
                known(
                    &spec,
                    &connector.request(&operation, &connection(CRM)).unwrap(),
                );
            }
        }
    }
}

#[test]
fn reading_goes_on_until_the_answer_is_whole() {
    let connector = connector(CRM);
    let people = |emails: &[&str]| Operation::FindPeople {
        emails: emails.iter().map(|email| (*email).to_owned()).collect(),
    };
    // People first; leads for whoever is left; then nothing.
    let found = json!([{ "id": 1, "emails": [{ "email": "A@acme.example" }] }]).to_string();
    let next = connector.next(
        &people(&["a@acme.example", "b@acme.example"]),
        &reply(200, found.clone()),
    );
    let leads = people(&["lead:b@acme.example"]);
    assert_eq!(next, Some(leads.clone()));
    assert_eq!(connector.next(&leads, &reply(200, "[]")), None);
    assert_eq!(
        connector.next(&people(&["a@acme.example"]), &reply(200, found)),
        None
    );

    let look = |object: &str, keys: &[&str], cursor: Option<&str>| Operation::ReadBack {
        kind: RecordKind::Task,
        object: object.to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        writes: Vec::new(),
        since: Some("2026-11-20T15:45:00Z".parse().unwrap()),
        cursor: cursor.map(str::to_owned),
    };
    let page = |count: usize, first: &str, modified: i64| {
        let row = |place: usize| {
            let details = if place == 0 {
                format!("[liveprompt {first}]")
            } else {
                String::new()
            };
            json!({ "id": place, "details": details, "date_modified": modified })
        };
        reply(
            200,
            Value::from((0..count).map(row).collect::<Vec<_>>()).to_string(),
        )
    };
    // A full page of tasks: on from where it ended, without what was found; at the same second, past it.
    let next = |asked: Operation, reply: Reply| connector.next(&asked, &reply);
    assert_eq!(
        next(
            look("tasks", &["a", "b"], None),
            page(200, "a", 1_795_190_000)
        ),
        Some(look("tasks", &["b"], Some("1795190000")))
    );
    assert_eq!(
        next(
            look("tasks", &["b"], Some("1795190000")),
            page(200, "x", 1_795_190_000)
        ),
        Some(look("tasks", &["b"], Some("1795190001")))
    );
    // The last page: the first key is decided, the others may have been asked for by none.
    assert_eq!(
        next(
            look("tasks", &["a", "b", "c"], None),
            page(3, "c", 1_795_190_000)
        ),
        Some(look("tasks", &["b"], None))
    );
    assert_eq!(next(look("tasks", &["b"], None), page(0, "", 0)), None);
    // Activities by pages that are numbered, and all at once where a person asks.
    assert_eq!(
        next(look("activities", &["a", "b"], None), page(200, "a", 0)),
        Some(look("activities", &["b"], Some("2")))
    );
    assert_eq!(
        next(look("activities", &["b"], Some("2")), page(200, "", 0)),
        Some(look("activities", &["b"], Some("3")))
    );
    assert_eq!(
        next(look("activities", &["b"], Some("3")), page(199, "", 0)),
        None
    );
    assert_eq!(
        next(look("activities", &["a"], None), page(200, "a", 0)),
        None
    );
}

#[test]
fn activities_of_other_times_are_asked_for_by_themselves() {
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let plan = plan::make(&session("meeting", false), &connection(CRM), &mapping, &[]).unwrap();
    let write = |key: &str, at: Option<&str>| {
        let mut write = plan.writes[0].clone();
        write.key = key.to_owned();
        match at {
            Some(at) => write.fields.get_mut("activity_date").unwrap().value = json!(at),
            None => drop(write.fields.remove("activity_date")),
        }
        write
    };
    let writes = [
        write("a", Some("2026-11-20T10:00:00Z")),
        write("b", Some("2026-11-20T10:00:00Z")),
        write("c", Some("2026-10-01T10:00:00Z")),
        write("d", None),
        write("e", None),
    ];
    let look = |keys: &[&str]| Operation::ReadBack {
        kind: RecordKind::Meeting,
        object: "activities".to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        writes: writes
            .iter()
            .filter(|write| keys.contains(&write.key.as_str()))
            .cloned()
            .collect(),
        since: None,
        cursor: None,
    };
    let mut asked = look(&["a", "b", "c", "d", "e"]);
    for rest in [&["c", "d", "e"][..], &["d", "e"]] {
        asked = connector.next(&asked, &reply(200, "[]")).unwrap();
        assert_eq!(asked, look(rest));
    }
    assert_eq!(connector.next(&asked, &reply(200, "[]")), None);
}
