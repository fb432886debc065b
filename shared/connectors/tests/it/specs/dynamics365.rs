//! What the connector writes and reads, against the vendor's table metadata.

use hub_connectors::Operation;
use hub_domain::mapping::Transform;
use serde_json::Value;

use super::folder;
use crate::fixture::{Fixture, connection, connector};

const CRM: &str = "dynamics365";

fn tables(test: &str) -> Option<Value> {
    let file = std::fs::read(folder(test)?.join("dynamics365-entitydefinitions.json")).unwrap();
    Some(serde_json::from_slice(&file).unwrap())
}

fn table<'a>(all: &'a Value, set: &str) -> &'a Value {
    let mut tables = all["value"].as_array().unwrap().iter();
    tables
        .find(|table| table["EntitySetName"] == set)
        .unwrap_or_else(|| panic!("no set {set}"))
}

fn column<'a>(table: &'a Value, name: &str) -> &'a Value {
    let mut columns = table["Attributes"].as_array().unwrap().iter();
    columns
        .find(|column| column["LogicalName"] == name)
        .unwrap_or_else(|| panic!("{} has no {name}", table["LogicalName"]))
}

/// The options of a column.
fn options(column: &Value) -> Vec<i64> {
    let options = column["OptionSet"]["Options"].as_array().unwrap();
    options
        .iter()
        .map(|option| option["Value"].as_i64().unwrap())
        .collect()
}

#[test]
fn every_column_of_the_default_mapping_can_hold_what_it_is_given() {
    let Some(all) = tables("every_column_of_the_default_mapping_can_hold_what_it_is_given") else {
        return;
    };
    let mapping = connector(CRM).manifest().default_mapping();
    let mut compared = 0;
    for record in &mapping.records {
        let table = table(&all, &record.object);
        for field in &record.fields {
            let at = format!("{}.{}", record.object, field.to);
            let column = column(table, &field.to);
            assert_eq!(column["IsValidForUpdate"], true, "{at}");
            // The state is written when the record is there.
            assert!(
                column["IsValidForCreate"] == true || field.to == "statecode",
                "{at}"
            );
            match column["AttributeType"].as_str().unwrap() {
                "String" | "Memo" => {
                    assert_eq!(
                        field.max.map(Value::from).as_ref(),
                        column.get("MaxLength"),
                        "{at}"
                    );
                }
                "DateTime" => assert_eq!(field.transform, Transform::Datetime, "{at}"),
                "State" | "Status" => {
                    let values = field.values.values().map(|value| value.parse().unwrap());
                    let fixed = field.value.as_ref().map(|value| value.as_i64().unwrap());
                    for value in values.chain(fixed) {
                        assert!(options(column).contains(&value), "{at}: {value}");
                    }
                }
                "Integer" => {}
                other => panic!("{at} is a {other}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 15);
}

/// The members of every body that the fixtures' requests have, with the set they are for.
fn bodies() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for fixture in Fixture::all(CRM) {
        let lines = fixture.json["request"]["lines"].as_array().cloned();
        let mut set = String::new();
        for line in lines.into_iter().flatten() {
            match line {
                Value::String(text) => {
                    if let Some(rest) = text.strip_prefix("PATCH /api/data/v9.2/") {
                        rest.split('(').next().unwrap().clone_into(&mut set);
                    }
                }
                body => found.push((set.clone(), body)),
            }
        }
    }
    found
}

#[test]
fn every_member_written_is_a_column_or_a_navigation_property() {
    let Some(all) = tables("every_member_written_is_a_column_or_a_navigation_property") else {
        return;
    };
    let navigations = |set: &str| -> Vec<String> {
        let table = table(&all, set);
        let lists = [
            (
                "ManyToOneRelationships",
                "ReferencingEntityNavigationPropertyName",
            ),
            (
                "OneToManyRelationships",
                "ReferencedEntityNavigationPropertyName",
            ),
        ];
        let rows = lists.iter().flat_map(|(list, member)| {
            let rows = table[*list].as_array().unwrap().iter();
            rows.filter_map(move |row| row[*member].as_str().map(str::to_owned))
        });
        rows.collect()
    };
    let check = |set: &str, body: &Value| {
        for name in body.as_object().unwrap().keys() {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                // Users are not in the export.
                let known = navigations(set).iter().any(|known| known == navigation);
                assert!(
                    known || navigation == "partyid_systemuser",
                    "{set} has no {navigation}"
                );
            } else if !navigations(set).contains(name) {
                column(table(&all, set), name);
            }
        }
    };
    let bodies = bodies();
    assert!(bodies.len() > 8);
    let roles = options(column(
        table(&all, "activityparties"),
        "participationtypemask",
    ));
    for (set, body) in bodies {
        check(&set, &body);
        for (name, parties) in body.as_object().unwrap() {
            if name.ends_with("_activity_parties") {
                for party in parties.as_array().unwrap() {
                    check("activityparties", party);
                    assert!(roles.contains(&party["participationtypemask"].as_i64().unwrap()));
                }
            }
        }
    }
}

#[test]
fn every_column_read_is_there() {
    let Some(all) = tables("every_column_read_is_there") else {
        return;
    };
    let operation = Operation::FindPeople {
        emails: vec!["ada@acme.example".to_owned()],
    };
    let request = connector(CRM)
        .request(&operation, &connection(CRM))
        .unwrap();
    let text = String::from_utf8(request.body().to_vec()).unwrap();
    let mut read = 0;
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("GET /api/data/v9.2/"))
    {
        let (set, rest) = line.split_once("?$select=").unwrap();
        for name in rest.split('&').next().unwrap().split(',') {
            let column_name = name
                .strip_prefix('_')
                .and_then(|name| name.strip_suffix("_value"));
            let found = column(table(&all, set), column_name.unwrap_or(name));
            assert_eq!(found["IsValidForRead"], true, "{set}.{name}");
            read += 1;
        }
    }
    assert_eq!(read, 11);
}
