//! Zoho CRM: the OpenAPI files of v8.0. They say little of the fields of a module, so what is checked is what
//! stands around records: paths, methods, wrappers, rows and their codes.

use std::path::Path;

use hub_connectors::{Connector, Operation};
use hub_domain::{
    matching::{Candidate, Match},
    plan,
};
use serde_json::{Value, json};

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector, reply};

const CRM: &str = "zoho";

fn spec(folder: &Path, part: &str) -> Value {
    let file = folder.join(format!("zoho-v8-{part}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Whether a schema has all members of a value.
fn knows(schema: &Value, value: &Value, at: &str) {
    for name in value.as_object().unwrap().keys() {
        assert!(
            schema["properties"].get(name).is_some(),
            "{at}: nothing is known of {name}"
        );
    }
}

/// The request of an operation, checked against the file that it belongs to: path, method, parameters, wrapper.
fn known(folder: &Path, connector: &dyn Connector, operation: &Operation) -> Value {
    let request = connector.request(operation, &connection(CRM)).unwrap();
    let (path, method) = (
        request.uri().path(),
        request.method().as_str().to_lowercase(),
    );
    let (part, template) = match operation {
        Operation::FindPeople { .. } | Operation::ReadBack { .. } => ("coql", path),
        Operation::Describe { .. } => ("fields", path),
        Operation::Write { .. } => ("record", "/crm/v8/{module_api_name}"),
    };
    let spec = spec(folder, part);
    let found = &spec["paths"][template][&method];
    assert!(
        found.is_object(),
        "{method} {path} is not in the specification"
    );
    for pair in request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let name = pair.split('=').next().unwrap();
        let reference = json!({ "$ref": format!("#/components/parameters/{name}") });
        assert!(
            found["parameters"].as_array().unwrap().contains(&reference),
            "{path}: {name}"
        );
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if !body.is_null() {
        knows(&spec["components"]["schemas"]["Body_Wrapper"], &body, path);
    }
    body
}

#[test]
fn every_request_and_row_of_the_fixtures_is_one_the_specification_knows() {
    let Some(folder) = folder("zoho every_request_and_row") else {
        return;
    };
    let record = spec(&folder, "record");
    let schemas = &record["components"]["schemas"];
    let codes = schemas["API_Exception"]["properties"]["code"]["enum"]
        .as_array()
        .unwrap();
    let messages = schemas["Success_Response"]["properties"]["message"]["enum"]
        .as_array()
        .unwrap();
    let connector = connector(CRM);
    let mut rows = 0;
    for fixture in Fixture::all(CRM) {
        if fixture.json.get("request").is_none() {
            continue;
        }
        if fixture.json.get("settings").is_none() {
            known(&folder, connector.as_ref(), &fixture.operation());
        }
        let Operation::Write { .. } = fixture.operation() else {
            continue;
        };
        let replies = fixture.replies().iter();
        for row in replies
            .filter_map(|reply| reply["body"]["data"].as_array())
            .flatten()
        {
            let at = format!("{}: {row}", fixture.name);
            if row["status"] == "success" {
                knows(&schemas["Success_Response"], row, &at);
                knows(
                    &schemas["Success_Response"]["properties"]["details"],
                    &row["details"],
                    &at,
                );
                assert!(messages.contains(&row["message"]), "{at}");
            } else {
                assert!(codes.contains(&row["code"]), "{at}");
            }
            rows += 1;
        }
    }
    assert!(rows >= 20, "{rows}");
}

#[test]
fn every_field_of_a_description_is_one_the_specification_knows() {
    let Some(folder) = folder("zoho every_field_of_a_description") else {
        return;
    };
    let fields = spec(&folder, "fields");
    let schema = &fields["components"]["schemas"]["fields"];
    let fixtures = Fixture::all(CRM);
    let describe = fixtures
        .iter()
        .find(|fixture| fixture.name.ends_with("describe.json"))
        .unwrap();
    for field in describe.replies()[0]["body"]["fields"].as_array().unwrap() {
        knows(schema, field, &field["api_name"].to_string());
    }
}

fn person(object: &str, id: &str, company: Option<&str>) -> Match {
    let email = format!("{id}@acme.example");
    let candidate = Candidate {
        object: object.to_owned(),
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
    let Some(folder) = folder("zoho every_session_becomes_requests") else {
        return;
    };
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let mut made = 0;
    for kind in ["meeting", "call"] {
        for long in [false, true] {
            for matches in [
                vec![
                    person("Contacts", "101", Some("900")),
                    person("Leads", "102", None),
                ],
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
                    assert_eq!(operations.len(), 2, "the activity, and the tasks");
                    for operation in operations {
                        let body = known(&folder, connector.as_ref(), &operation);
                        for row in body["data"].as_array().unwrap() {
                            let length =
                                |name: &str| row[name].as_str().unwrap_or_default().chars().count();
                            assert!(length("Event_Title") <= 255 && length("Subject") <= 255);
                            assert!(length("Description") <= 32_000);
                            assert_eq!(row["id"].is_string(), written);
                            assert_eq!(row["Liveprompt_Key"].is_string(), !written);
                            assert_eq!(row["Who_Id"].is_object(), !written && !matches.is_empty());
                            assert_eq!(row["What_Id"].is_object(), row["$se_module"].is_string());
                            assert!(!row.to_string().contains("00Z"), "{row}");
                            made += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(made, 2 * 2 * 2 * 2 * 4);
}

/// Leads are asked only for whom no contact is, and only once.
#[test]
fn leads_are_asked_for_the_addresses_that_no_contact_has() {
    let connector = connector(CRM);
    let people = |emails: &[&str]| Operation::FindPeople {
        emails: emails.iter().map(|email| (*email).to_owned()).collect(),
    };
    let found = |rows: Value| reply(200, json!({ "data": rows }).to_string());
    let both = people(&["a@x.example", "b@x.example"]);
    let one = found(json!([{ "id": "1", "Email": "A@x.example", "Secondary_Email": null }]));
    assert_eq!(
        connector.next(&both, &one),
        Some(people(&["", "b@x.example"]))
    );
    assert_eq!(
        connector.next(&both, &reply(204, "")),
        Some(people(&["", "a@x.example", "b@x.example"]))
    );
    let all =
        found(json!([{ "id": "1", "Email": "a@x.example", "Secondary_Email": "b@x.example" }]));
    assert_eq!(connector.next(&both, &all), None);
    assert_eq!(
        connector.next(&people(&["", "b@x.example"]), &reply(204, "")),
        None
    );
}
