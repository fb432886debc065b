//! The environment against the vendor's own metadata: every column is there, of its type, and every answer has
//! only what a table has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};
use crate::spec::specs;

/// Attributes of the vendor's tables, by table and column; and the navigation properties of each.
struct Metadata {
    columns: BTreeMap<String, BTreeMap<String, Value>>,
    navigations: BTreeMap<String, Vec<String>>,
}

fn metadata(test: &str) -> Option<Metadata> {
    let file = std::fs::read(specs(test)?.join("dynamics365-entitydefinitions.json")).unwrap();
    let all: Value = serde_json::from_slice(&file).unwrap();
    let (mut columns, mut navigations) = (BTreeMap::new(), BTreeMap::new());
    for table in all["value"].as_array().unwrap() {
        let name = table["LogicalName"].as_str().unwrap().to_owned();
        let rows = table["Attributes"].as_array().unwrap().iter();
        let rows = rows.map(|row| (row["LogicalName"].as_str().unwrap().to_owned(), row.clone()));
        columns.insert(name.clone(), rows.collect());
        let mut names = Vec::new();
        for (list, member) in [
            (
                "ManyToOneRelationships",
                "ReferencingEntityNavigationPropertyName",
            ),
            (
                "OneToManyRelationships",
                "ReferencedEntityNavigationPropertyName",
            ),
        ] {
            let rows = table[list].as_array().unwrap().iter();
            names.extend(rows.filter_map(|row| row[member].as_str().map(str::to_owned)));
        }
        navigations.insert(name, names);
    }
    Some(Metadata {
        columns,
        navigations,
    })
}

#[tokio::test]
async fn every_column_is_the_vendors() {
    let Some(metadata) = metadata("every_column_is_the_vendors") else {
        return;
    };
    let vendor = Vendor::new();
    let mut compared = 0;
    for (table, known) in &metadata.columns {
        let path = format!("EntityDefinitions(LogicalName='{table}')/Attributes");
        if table == "activitypointer" {
            continue;
        }
        for own in vendor.rows(&path).await {
            let name = own["LogicalName"].as_str().unwrap();
            let Some(wanted) = known.get(name) else {
                panic!("{table} has no {name}");
            };
            let at = format!("{table}.{name}");
            for member in [
                "SchemaName",
                "AttributeType",
                "IsValidForCreate",
                "IsValidForUpdate",
                "MaxLength",
            ] {
                assert_eq!(own.get(member), wanted.get(member), "{at}: {member}");
            }
            assert_eq!(
                own["RequiredLevel"]["Value"], wanted["RequiredLevel"],
                "{at}"
            );
            assert_eq!(own["@odata.type"], wanted["@odata.type"], "{at}");
            if let Some(options) = wanted["OptionSet"]["Options"]
                .as_array()
                .filter(|_| own["AttributeType"] != "EntityName")
            {
                let one = vendor
                    .get(&format!("{path}(LogicalName='{name}')"))
                    .await
                    .body;
                for option in one["OptionSet"]["Options"].as_array().into_iter().flatten() {
                    let same = |known: &&Value| known["Value"] == option["Value"];
                    let known = options
                        .iter()
                        .find(same)
                        .unwrap_or_else(|| panic!("{at}: {option}"));
                    assert_eq!(
                        option["Label"]["UserLocalizedLabel"]["Label"], known["Label"],
                        "{at}"
                    );
                    assert_eq!(option.get("State"), known.get("State"), "{at}");
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared} columns compared");
}

/// Whether every member of a row is a column, a navigation property or an annotation of its table.
fn belongs(metadata: &Metadata, table: &str, row: &Value) {
    for (name, value) in row.as_object().unwrap() {
        if name.contains('@') {
            continue;
        }
        let column = name
            .strip_prefix('_')
            .and_then(|name| name.strip_suffix("_value"))
            .unwrap_or(name);
        if metadata.navigations[table].contains(name) {
            continue;
        }
        let known = metadata.columns[table].get(column);
        let known = known.unwrap_or_else(|| panic!("{table} has no {name}"));
        let right = value.is_null()
            || match known["AttributeType"].as_str().unwrap() {
                "Integer" | "BigInt" | "Picklist" | "State" | "Status" => {
                    value.is_i64() || value.is_u64()
                }
                "Money" | "Decimal" | "Double" => value.is_number(),
                "Boolean" => value.is_boolean(),
                _ => value.is_string(),
            };
        assert!(right, "{table}.{name}: {value}");
        if known["AttributeType"] == "DateTime" && value.is_string() {
            let text = value.as_str().unwrap();
            let day = text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10;
            assert!(
                day || text.parse::<jiff::Timestamp>().is_ok(),
                "{table}.{name}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_has_what_its_table_has() {
    let Some(metadata) = metadata("every_answer_has_what_its_table_has") else {
        return;
    };
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let party = json!({ "participationtypemask": 5, "partyid_contact@odata.bind": format!("/contacts({ada})") });
    vendor
        .make(
            "appointments",
            with(
                meeting("Discovery"),
                json!({ "appointment_activity_parties": [party] }),
            ),
        )
        .await;
    vendor
        .make(
            "phonecalls",
            json!({ "subject": "Call", "phonenumber": "+1 555", "actualdurationminutes": 30 }),
        )
        .await;
    vendor
        .make("tasks", json!({ "subject": "Task", "percentcomplete": 10 }))
        .await;
    vendor
        .make(
            "annotations",
            json!({ "subject": "Note", "notetext": "Text" }),
        )
        .await;
    let mut rows_seen = 0;
    for (set, table) in [
        ("accounts", "account"),
        ("activityparties", "activityparty"),
        ("annotations", "annotation"),
        ("appointments", "appointment"),
        ("contacts", "contact"),
        ("incidents", "incident"),
        ("leads", "lead"),
        ("opportunities", "opportunity"),
        ("phonecalls", "phonecall"),
        ("tasks", "task"),
    ] {
        let all = ["Prefer: odata.include-annotations=\"*\""];
        let reply = vendor.call("GET", set, &all, Value::Null).await;
        let rows = reply.body["value"].as_array().unwrap();
        assert!(!rows.is_empty(), "{set}");
        for row in rows {
            belongs(&metadata, table, row);
            rows_seen += 1;
            for (name, value) in row.as_object().unwrap() {
                // The navigation property that an annotation names is one of the table's.
                if name.ends_with("@Microsoft.Dynamics.CRM.associatednavigationproperty") {
                    let navigation = value.as_str().unwrap().to_owned();
                    let known = metadata.navigations[table].contains(&navigation);
                    // Users, teams and business units are not in the export.
                    let own = name.contains("_owner")
                        || name.contains("by_value")
                        || name.contains("_owning");
                    assert!(
                        known || own || table == "activityparty",
                        "{table}: {navigation}"
                    );
                }
            }
        }
    }
    assert!(rows_seen > 15);
}
