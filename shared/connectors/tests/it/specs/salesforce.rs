//! Salesforce: the recorded describes of the objects that are read and written.

use std::path::Path;

use hub_connectors::{Answer, FieldType, Operation};
use hub_domain::{
    matching::{Candidate, Match},
    plan,
};
use serde_json::Value;

use super::{folder, session};
use crate::fixture::{connection, connector, reply};

const CRM: &str = "salesforce";

fn describe(folder: &Path, object: &str) -> Value {
    let path = folder.join(format!("salesforce-describe-{object}.json"));
    serde_json::from_slice(
        &std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
    .unwrap()
}

fn field<'a>(describe: &'a Value, name: &str) -> &'a Value {
    let fields = describe["fields"].as_array().unwrap();
    fields
        .iter()
        .find(|f| f["name"] == name)
        .unwrap_or_else(|| panic!("{} has no field {name}", describe["name"]))
}

/// The object that an id of our samples belongs to.
fn object_of(id: &str) -> &'static str {
    match id.get(..3) {
        Some("001") => "Account",
        Some("003") => "Contact",
        Some("00Q") => "Lead",
        _ => panic!("an id of no object: {id}"),
    }
}

fn person(object: &str, rank: u8, id: &str, company: Option<&str>) -> Match {
    let email = format!("{id}@acme.example");
    let candidate = Candidate {
        object: object.to_owned(),
        rank,
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

fn check(describe: &Value, body: &serde_json::Map<String, Value>) {
    for (name, value) in body.iter().filter(|(name, _)| !name.ends_with("__c")) {
        let field = field(describe, name);
        let at = format!("{}.{name} = {value}", describe["name"].as_str().unwrap());
        assert_eq!(
            (&field["createable"], &field["updateable"]),
            (&true.into(), &true.into()),
            "{at}: an upsert creates and updates"
        );
        let text = value.as_str().unwrap_or_default();
        match field["type"].as_str().unwrap() {
            "string" | "textarea" | "combobox" => {
                assert!(
                    value.is_string()
                        && text.encode_utf16().count() as u64 <= field["length"].as_u64().unwrap(),
                    "{at}"
                );
            }
            "picklist" => {
                let mut values = field["picklistValues"].as_array().unwrap().iter();
                assert!(
                    field["restrictedPicklist"] == false
                        || values.any(|v| v["active"] == true && v["value"] == *value),
                    "{at}"
                );
            }
            "reference" => assert!(
                field["referenceTo"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|to| to == object_of(text)),
                "{at}"
            ),
            "datetime" => assert!(
                text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'),
                "{at}"
            ),
            "date" => assert!(text.parse::<jiff::civil::Date>().is_ok(), "{at}"),
            "int" => assert!(value.is_u64(), "{at}"),
            "boolean" => assert!(value.is_boolean(), "{at}"),
            other => panic!("{at}: nothing is known of the type {other}"),
        }
    }
    for field in describe["fields"].as_array().unwrap() {
        let required = field["createable"] == true
            && field["nillable"] == false
            && field["defaultedOnCreate"] == false;
        let name = field["name"].as_str().unwrap();
        assert!(
            !required || body.contains_key(name),
            "{} needs {name}",
            describe["name"]
        );
    }
}

#[test]
fn every_field_written_is_one_the_object_takes() {
    let Some(folder) = folder("salesforce every_field_written_is_one_the_object_takes") else {
        return;
    };
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let contact = || person("Contact", 0, "003A1", Some("001A1"));
    let lead = || person("Lead", 1, "00QL1", None);
    let mut checked = 0;
    for kind in ["meeting", "call"] {
        for long in [false, true] {
            for matches in [vec![contact(), lead()], vec![lead()], vec![]] {
                let link = connection(CRM);
                let plan = plan::make(&session(kind, long), &link, &mapping, &matches).unwrap();
                assert_eq!(plan.writes.len(), 4);
                let [operation] = &connector.writes(vec![plan])[..] else {
                    panic!("one call")
                };
                let request = connector.request(operation, &link).unwrap();
                let body: Value = serde_json::from_slice(request.body()).unwrap();
                for node in body["graphs"][0]["compositeRequest"].as_array().unwrap() {
                    let path: Vec<&str> = node["url"].as_str().unwrap().split('/').collect();
                    let [
                        "",
                        "services",
                        "data",
                        "v67.0",
                        "sobjects",
                        object,
                        "Liveprompt_Key__c",
                        _key,
                    ] = path[..]
                    else {
                        panic!("{path:?}")
                    };
                    let written = node["body"].as_object().unwrap();
                    check(&describe(&folder, object), written);
                    let who = written.get("WhoId").and_then(Value::as_str).map(object_of);
                    assert!(
                        who != Some("Lead") || !written.contains_key("WhatId"),
                        "a lead stands alone"
                    );
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 2 * 2 * 3 * 4);
}

/// The names a query selects, filters by and orders by.
fn parts(soql: &str) -> (Vec<&str>, &str, Vec<&str>, Option<&str>) {
    let (fields, rest) = soql
        .strip_prefix("SELECT ")
        .unwrap()
        .split_once(" FROM ")
        .unwrap();
    let (object, rest) = rest.split_once(" WHERE ").unwrap();
    let (filter, order) = rest
        .split_once(" ORDER BY ")
        .map_or((rest, None), |(f, o)| (f, o.split(' ').next()));
    let names = filter
        .split(" AND ")
        .map(|term| term.split([' ', '=']).next().unwrap())
        .collect();
    (fields.split(',').collect(), object, names, order)
}

#[test]
fn every_field_queried_can_be_read_filtered_and_sorted_by() {
    let Some(folder) = folder("salesforce every_field_queried_can_be_read_filtered_and_sorted_by")
    else {
        return;
    };
    let operations = [
        Operation::FindPeople {
            emails: vec!["ada@acme.example".to_owned()],
        },
        Operation::ReadBack {
            kind: hub_domain::mapping::RecordKind::Task,
            object: "Task".to_owned(),
            keys: vec!["ses_1".to_owned(); 1000],
            writes: Vec::new(),
            since: None,
            cursor: None,
        },
    ];
    let mut queries = 0;
    for operation in operations {
        let request = connector(CRM)
            .request(&operation, &connection(CRM))
            .unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let calls = body["compositeRequest"].as_array().unwrap();
        assert!(calls.len() <= 5, "a composite call takes five queries");
        for call in calls {
            let soql = call["url"]
                .as_str()
                .unwrap()
                .strip_prefix("/services/data/v67.0/query?q=")
                .unwrap();
            let soql = percent_encoding::percent_decode_str(soql)
                .decode_utf8()
                .unwrap();
            let (fields, object, filter, order) = parts(&soql);
            let describe = describe(&folder, object);
            let standard = |name: &&str| !name.ends_with("__c");
            for name in fields.into_iter().filter(standard) {
                field(&describe, name);
            }
            for name in filter.into_iter().filter(standard) {
                assert_eq!(
                    field(&describe, name)["filterable"],
                    true,
                    "{object}.{name}"
                );
            }
            if let Some(name) = order {
                assert_eq!(field(&describe, name)["sortable"], true, "{object}.{name}");
            }
            queries += 1;
        }
    }
    assert_eq!(queries, 2 + 5);
}

#[test]
fn the_vendor_s_own_describe_can_be_read() {
    let Some(folder) = folder("salesforce the_vendor_s_own_describe_can_be_read") else {
        return;
    };
    for object in [
        "Account",
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
        "Task",
    ] {
        let describe = describe(&folder, object);
        let operation = Operation::Describe {
            object: object.to_owned(),
        };
        let Ok(Answer::Fields(fields)) =
            connector(CRM).read(&operation, &reply(200, describe.to_string()))
        else {
            panic!("{object}")
        };
        assert_eq!(
            fields.len(),
            describe["fields"].as_array().unwrap().len(),
            "{object}"
        );
        let known = |name: &str| fields.iter().find(|field| field.name == name);
        if let Some(subject) = known("Subject").filter(|_| object != "Case") {
            assert_eq!(
                (
                    subject.kind,
                    subject.max,
                    subject.writable,
                    subject.required
                ),
                (FieldType::Text, Some(255), true, false),
                "{object}"
            );
        }
        let id = known("Id").unwrap();
        assert!(!id.writable && !id.required, "{object}");
    }
}
