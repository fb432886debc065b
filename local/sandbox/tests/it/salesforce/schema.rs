//! Our tables against recorded describes. What we describe must be what the vendor describes, field
//! by field.

use serde_json::{Value, json};

use super::vendor::Vendor;
use crate::spec::specs;

const RECORDED: &[&str] = &[
    "Account",
    "Case",
    "Contact",
    "Event",
    "Lead",
    "Opportunity",
    "OpportunityContactRole",
    "Task",
];
const SAME: &[&str] = &[
    "type",
    "length",
    "precision",
    "scale",
    "digits",
    "nillable",
    "createable",
    "updateable",
    "filterable",
    "sortable",
    "defaultedOnCreate",
    "idLookup",
    "externalId",
    "unique",
    "restrictedPicklist",
    "referenceTo",
    "relationshipName",
    "label",
];

fn values(field: &Value) -> Vec<(Value, Value)> {
    let list = field["picklistValues"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    list.iter()
        .map(|value| (value["value"].clone(), value["defaultValue"].clone()))
        .collect()
}

#[tokio::test]
async fn our_fields_are_the_vendors() {
    let Some(folder) = specs("our_fields_are_the_vendors") else {
        return;
    };
    let vendor = Vendor::new();
    for object in RECORDED {
        let recorded =
            std::fs::read(folder.join(format!("salesforce-describe-{object}.json"))).unwrap();
        let recorded: Value = serde_json::from_slice(&recorded).unwrap();
        let ours = vendor
            .get(&format!("/sobjects/{object}/describe"))
            .await
            .body;
        for name in ["name", "label", "labelPlural", "keyPrefix"] {
            assert_eq!(ours[name], recorded[name], "{object}");
        }
        for field in ours["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            // Our own fields, and the two counts a recording without Shared Activities lacks.
            if field["custom"] == true || matches!(name, "WhoCount" | "WhatCount") {
                continue;
            }
            let theirs = recorded["fields"]
                .as_array()
                .unwrap()
                .iter()
                .find(|other| other["name"] == name);
            let theirs =
                theirs.unwrap_or_else(|| panic!("{object}.{name} is not in the recording"));
            for property in SAME {
                assert_eq!(
                    field[property], theirs[property],
                    "{object}.{name}.{property}"
                );
            }
            assert_eq!(values(field), values(theirs), "{object}.{name}");
        }
        // What a caller must send is known to us.
        for theirs in recorded["fields"].as_array().unwrap() {
            let needed = theirs["createable"] == true
                && theirs["nillable"] == false
                && theirs["defaultedOnCreate"] == false;
            let known = ours["fields"]
                .as_array()
                .unwrap()
                .iter()
                .any(|field| field["name"] == theirs["name"]);
            assert!(
                !needed || known,
                "{object}.{} is required and not in our table",
                theirs["name"]
            );
        }
    }
}

#[tokio::test]
async fn describe_can_be_cached() {
    let vendor = Vendor::new();
    let first = vendor.get("/sobjects/Contact/describe").await;
    let stamp = first.headers["last-modified"].clone();
    let again = async || {
        let mut request = vendor.request("GET", "/sobjects/Contact/describe", &Value::Null);
        request
            .headers_mut()
            .insert("if-modified-since", stamp.clone());
        vendor.caller.send(request).await.status
    };
    assert_eq!(again().await, 304);
    vendor.caller.wait(5);
    let field = json!({ "FullName": "Contact.Extra__c", "Metadata": { "type": "Text", "label": "Extra", "length": 10 } });
    assert_eq!(
        vendor
            .call("POST", "/tooling/sobjects/CustomField", field)
            .await
            .status,
        201
    );
    assert_eq!(again().await, 200);
}
