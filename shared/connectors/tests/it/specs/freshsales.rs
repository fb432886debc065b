//! Freshsales: the unofficial OpenAPI file, which knows paths and no bodies; and how its lists are walked.

use std::{collections::BTreeSet, path::Path};

use hub_connectors::{Connector, Operation, Reply};
use hub_domain::{
    mapping::RecordKind,
    matching::{Candidate, Match},
    plan,
};
use serde_json::{Value, json};

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector, reply};

const CRM: &str = "freshsales";

/// What the file leaves out: other descriptions have it.
const LEFT_OUT: [&str; 2] = ["GET /lookup", "GET /settings/{id}/fields"];

/// Every method and path of the file, by its lines: two spaces before a path, four before a method.
fn known(folder: &Path) -> BTreeSet<String> {
    let file = folder.join("freshsales-openapi-unofficial.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let (mut path, mut found) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        let name = line.trim().trim_end_matches(':');
        match line.len() - line.trim_start().len() {
            2 if name.starts_with('/') => name.clone_into(&mut path),
            4 if ["get", "post", "put", "delete"].contains(&name) => {
                found.insert(format!("{} {path}", name.to_uppercase()));
            }
            _ => {}
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found.extend(LEFT_OUT.map(str::to_owned));
    found
}

/// A request as the file writes it, with its body.
fn told(connector: &dyn Connector, operation: &Operation) -> (String, Value) {
    let request = connector.request(operation, &connection(CRM)).unwrap();
    let path = request.uri().path().strip_prefix("/crm/sales/api").unwrap();
    let steps = path.split('/').map(|step| {
        let is_id = !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
        if is_id
            || Fixture::all(CRM)
                .iter()
                .any(|f| f.json["operation"]["describe"] == step)
        {
            "{id}"
        } else {
            step
        }
    });
    let path = steps.collect::<Vec<_>>().join("/");
    let body = serde_json::from_slice(request.body()).unwrap_or_default();
    (format!("{} {path}", request.method()), body)
}

#[test]
fn every_request_is_one_that_the_file_knows() {
    let Some(folder) = folder("freshsales") else {
        return;
    };
    let known = known(&folder);
    let connector = connector(CRM);
    for fixture in Fixture::all(CRM) {
        if fixture.json.get("request").is_some() && fixture.json.get("settings").is_none() {
            let (request, _) = told(connector.as_ref(), &fixture.operation());
            assert!(known.contains(&request), "{}: {request}", fixture.name);
        }
    }
}

#[test]
fn the_default_mapping_gives_what_appointments_and_tasks_hold() {
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let link = connection(CRM);
    let ada = Candidate {
        object: "contacts".to_owned(),
        rank: 0,
        id: "70100000001".to_owned(),
        email: "ada@acme.example".to_owned(),
        company: None,
        modified_at: None,
    };
    for (kind, long) in [("meeting", false), ("meeting", true), ("call", false)] {
        let matches = [Match {
            email: ada.email.clone(),
            chosen: Some(ada.clone()),
            rejected: Vec::new(),
        }];
        let plan = plan::make(&session(kind, long), &link, &mapping, &matches).unwrap();
        let keys: Vec<String> = plan.writes.iter().map(|write| write.key.clone()).collect();
        let operations = connector.writes(vec![plan]);
        assert_eq!(operations.len(), keys.len(), "one call for each record");
        for (operation, key) in operations.iter().zip(keys) {
            let (request, body) = told(connector.as_ref(), operation);
            let (wrapper, names): (&str, &[&str]) = match request.as_str() {
                "POST /appointments" => (
                    "appointment",
                    &[
                        "description",
                        "end_date",
                        "from_date",
                        "targetable_id",
                        "targetable_type",
                        "title",
                    ],
                ),
                "POST /tasks" => (
                    "task",
                    &[
                        "description",
                        "due_date",
                        "owner_id",
                        "status",
                        "targetable_id",
                        "targetable_type",
                        "title",
                    ],
                ),
                other => panic!("{other}"),
            };
            let record = body[wrapper].as_object().unwrap();
            assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
            for name in record.keys() {
                assert!(names.contains(&name.as_str()), "{name}");
            }
            for name in names.iter().filter(|name| **name != "status") {
                assert!(record.contains_key(*name), "{request}: {name}");
            }
            assert!(record["title"].as_str().unwrap().chars().count() <= 255);
            let description = record["description"].as_str().unwrap();
            assert!(description.chars().count() < 65_535);
            assert!(description.ends_with(&format!("[liveprompt {key}]")));
            assert_eq!(record["targetable_id"], 70_100_000_001_u64);
        }
    }
}

fn page(ids: &[(u64, &str)], meta: &Value) -> Reply {
    let rows: Vec<Value> = ids
        .iter()
        .map(|(id, key)| json!({ "id": id, "description": format!("Words\n\n[liveprompt {key}]") }))
        .collect();
    let body = json!({ "tasks": rows, "meta": meta });
    reply(200, body.to_string())
}

/// Every list is walked to its end, and nothing is asked for that was found.
#[test]
fn lists_are_walked_until_every_key_is_found() {
    let connector = connector(CRM);
    let asked = |keys: &[&str], cursor: Option<&str>| Operation::ReadBack {
        kind: RecordKind::Task,
        object: "tasks".to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        writes: Vec::new(),
        since: None,
        cursor: cursor.map(str::to_owned),
    };
    let (two, none) = (json!({ "total_pages": 2 }), json!({ "total_pages": 0 }));
    for (from, answer, to) in [
        (
            asked(&["a", "b"], None),
            page(&[(1, "a"), (2, "x")], &two),
            Some(asked(&["b"], Some("filter=open&page=2"))),
        ),
        (asked(&["a"], None), page(&[(1, "a")], &two), None),
        (
            asked(&["b"], Some("filter=open&page=2")),
            page(&[(3, "y")], &two),
            Some(asked(&["b"], Some("filter=overdue&page=1"))),
        ),
        // Without a word on pages only an empty one is the last.
        (
            asked(&["b"], Some("filter=overdue&page=1")),
            page(&[(4, "z")], &Value::Null),
            Some(asked(&["b"], Some("filter=overdue&page=2"))),
        ),
        (
            asked(&["b"], Some("filter=overdue&page=2")),
            page(&[], &Value::Null),
            Some(asked(&["b"], Some("filter=completed&page=1"))),
        ),
        (
            asked(&["b"], Some("filter=completed&page=1")),
            page(&[], &none),
            None,
        ),
        (asked(&["b"], None), reply(200, "[]"), None),
    ] {
        assert_eq!(connector.next(&from, &answer), to, "{from:?}");
    }
}

#[test]
fn people_are_asked_for_one_by_one() {
    let connector = connector(CRM);
    let people = |emails: &[&str]| Operation::FindPeople {
        emails: emails.iter().map(|email| (*email).to_owned()).collect(),
    };
    let found = reply(200, "{}");
    let next = connector.next(&people(&["a@x.example", "b@x.example"]), &found);
    assert_eq!(next, Some(people(&["b@x.example"])));
    assert_eq!(connector.next(&people(&["b@x.example"]), &found), None);
}
