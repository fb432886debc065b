//! monday.com: the schema of its GraphQL API. A document asks for nothing that is not there, gives each
//! argument what it takes, and its variables have values of their types.

use std::{collections::BTreeMap, path::Path};

use graphql_parser::{
    query::{self, Definition, OperationDefinition, Selection, SelectionSet},
    schema::{self, InputValue, Type, TypeDefinition, Value as Given},
};
use hub_connectors::{Connector, Operation};
use hub_domain::{
    Connection, Plan,
    mapping::RecordKind,
    matching::{Candidate, Match},
    plan,
};
use serde_json::{Value, json};

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector};

const CRM: &str = "monday";
const FILE: &str = "monday-schema-2026-10.graphql";

type Text<'a> = &'a str;

struct Schema<'a>(BTreeMap<&'a str, TypeDefinition<'a, Text<'a>>>);

impl<'a> Schema<'a> {
    fn read(text: &'a str) -> Self {
        let document = schema::parse_schema::<Text<'a>>(text).unwrap();
        let types = document.definitions.into_iter().filter_map(|one| {
            let schema::Definition::TypeDefinition(one) = one else {
                return None;
            };
            let name = match &one {
                TypeDefinition::Scalar(one) => one.name,
                TypeDefinition::Object(one) => one.name,
                TypeDefinition::Interface(one) => one.name,
                TypeDefinition::Union(one) => one.name,
                TypeDefinition::Enum(one) => one.name,
                TypeDefinition::InputObject(one) => one.name,
            };
            Some((name, one))
        });
        Self(types.collect())
    }

    fn fields(&self, of: &str) -> &[schema::Field<'a, Text<'a>>] {
        match &self.0[of] {
            TypeDefinition::Object(one) => &one.fields,
            TypeDefinition::Interface(one) => &one.fields,
            _ => &[],
        }
    }

    /// Fails where a selection asks for what is not there.
    fn check<'q>(
        &self,
        selected: &SelectionSet<'q, Text<'q>>,
        of: &str,
        declared: &BTreeMap<&'q str, String>,
    ) {
        for one in &selected.items {
            match one {
                Selection::Field(field) => {
                    let known = self
                        .fields(of)
                        .iter()
                        .find(|known| known.name == field.name);
                    let known = known.unwrap_or_else(|| panic!("{of} has no {}", field.name));
                    for (name, given) in &field.arguments {
                        let arg = known.arguments.iter().find(|arg| arg.name == *name);
                        let arg = arg.unwrap_or_else(|| panic!("{} takes no {name}", field.name));
                        self.takes(&arg.value_type, given, declared);
                    }
                    for arg in &known.arguments {
                        let given = field.arguments.iter().any(|(name, _)| *name == arg.name);
                        assert!(
                            given || !is_needed(arg),
                            "{} wants {}",
                            field.name,
                            arg.name
                        );
                    }
                    let inner = named(&known.field_type);
                    let has_fields = !self.fields(inner).is_empty();
                    assert_eq!(
                        has_fields,
                        !field.selection_set.items.is_empty(),
                        "{}",
                        field.name
                    );
                    self.check(&field.selection_set, inner, declared);
                }
                Selection::InlineFragment(fragment) => {
                    let Some(query::TypeCondition::On(on)) = &fragment.type_condition else {
                        panic!("a fragment on nothing");
                    };
                    let TypeDefinition::Object(object) = &self.0[on] else {
                        panic!("{on} is no object");
                    };
                    assert!(
                        object.implements_interfaces.contains(&of),
                        "{on} is no {of}"
                    );
                    self.check(&fragment.selection_set, on, declared);
                }
                Selection::FragmentSpread(_) => panic!("a fragment by name"),
            }
        }
    }

    /// Fails where an argument does not take what it is given.
    fn takes<'q>(
        &self,
        wanted: &Type<'a, Text<'a>>,
        given: &Given<'q, Text<'q>>,
        declared: &BTreeMap<&'q str, String>,
    ) {
        match (wanted, given) {
            (wanted, Given::Variable(name)) => {
                let of = &declared[name];
                let loose = of.trim_end_matches('!');
                let wanted = wanted.to_string();
                assert!(
                    *of == wanted || loose == wanted,
                    "{name} is {of}, not {wanted}"
                );
            }
            (Type::NonNullType(inner), given) => self.takes(inner, given, declared),
            (Type::ListType(inner), Given::List(list)) => {
                for one in list {
                    self.takes(inner, one, declared);
                }
            }
            (Type::NamedType("Int"), Given::Int(_)) => {}
            (Type::NamedType(name), Given::Object(members)) => {
                let TypeDefinition::InputObject(input) = &self.0[name] else {
                    panic!("{name} is no input");
                };
                for field in &input.fields {
                    match members.get(field.name) {
                        Some(value) => self.takes(&field.value_type, value, declared),
                        None => assert!(!is_needed(field), "{name} wants {}", field.name),
                    }
                }
                let known = |name: &str| input.fields.iter().any(|field| field.name == name);
                assert!(members.keys().all(|name| known(name)), "{members:?}");
            }
            (wanted, given) => panic!("{given} is no {wanted}"),
        }
    }

    /// Fails where the body of a request is no document of this schema.
    fn accepts(&self, body: &Value) {
        let text = body["query"].as_str().unwrap();
        let document = query::parse_query::<Text<'_>>(text).unwrap();
        let [Definition::Operation(operation)] = document.definitions.as_slice() else {
            panic!("not one operation: {text}");
        };
        let (root, variables, selected) = match operation {
            OperationDefinition::Query(one) => {
                ("Query", &one.variable_definitions, &one.selection_set)
            }
            OperationDefinition::Mutation(one) => {
                ("Mutation", &one.variable_definitions, &one.selection_set)
            }
            _ => panic!("{text}"),
        };
        for variable in variables {
            fits(&variable.var_type, &body["variables"][variable.name]);
        }
        assert_eq!(
            body["variables"].as_object().unwrap().len(),
            variables.len()
        );
        let declared = variables.iter();
        let declared = declared.map(|one| (one.name, one.var_type.to_string()));
        self.check(selected, root, &declared.collect());
    }
}

fn named<'b, 'a>(of: &'b Type<'a, Text<'a>>) -> &'b str {
    match of {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => named(inner),
    }
}

fn is_needed<'a>(arg: &InputValue<'a, Text<'a>>) -> bool {
    matches!(arg.value_type, Type::NonNullType(_)) && arg.default_value.is_none()
}

/// Fails where a variable's value is not of its type. A value counts as a list of it.
fn fits<'a>(of: &Type<'a, Text<'a>>, value: &Value) {
    match of {
        Type::NonNullType(inner) => {
            assert!(!value.is_null());
            fits(inner, value);
        }
        Type::ListType(inner) => match value {
            Value::Array(list) => {
                for one in list {
                    fits(inner, one);
                }
            }
            one => fits(inner, one),
        },
        Type::NamedType("JSON") => {
            let text = value.as_str().expect("JSON within a text");
            assert!(serde_json::from_str::<Value>(text).unwrap().is_object());
        }
        Type::NamedType("ISO8601DateTime") => {
            value
                .as_str()
                .unwrap()
                .parse::<hub_domain::Timestamp>()
                .unwrap();
        }
        Type::NamedType(_) => assert!(value.is_string(), "{value} is no {of}"),
    }
}

fn read(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(FILE)).unwrap()
}

fn body(connector: &dyn Connector, operation: &Operation, link: &Connection) -> Value {
    let request = connector.request(operation, link).unwrap();
    assert_eq!(request.headers()["api-version"], "2026-10");
    serde_json::from_slice(request.body()).unwrap()
}

#[test]
fn every_document_of_the_fixtures_is_one_of_the_schema() {
    let Some(folder) = folder("monday") else {
        return;
    };
    let text = read(&folder);
    let schema = Schema::read(&text);
    let connector = connector(CRM);
    let fixtures = Fixture::all(CRM);
    let asked = fixtures
        .iter()
        .filter(|one| one.json.get("request").is_some());
    let mut count = 0;
    for fixture in asked {
        let link = fixture.connection(CRM);
        schema.accepts(&body(connector.as_ref(), &fixture.operation(), &link));
        count += 1;
    }
    assert!(count > 12, "{count}");
    for check in &connector.manifest().checks {
        let body: Value = serde_json::from_str(check.body.as_deref().unwrap()).unwrap();
        let body = json!({ "query": body["query"], "variables": {} });
        schema.accepts(&body);
    }
}

#[test]
fn what_the_default_mapping_makes_of_any_session_is_a_document_of_the_schema() {
    let Some(folder) = folder("monday") else {
        return;
    };
    let text = read(&folder);
    let schema = Schema::read(&text);
    let connector = connector(CRM);
    let mut link = connection(CRM);
    link.settings
        .insert("timeline_activity".to_owned(), "meeting_summary".to_owned());
    let chosen = Candidate {
        object: "contacts".to_owned(),
        rank: 0,
        id: "2800000004".to_owned(),
        email: "ada@acme.example".to_owned(),
        company: Some("2800000001".to_owned()),
        modified_at: None,
    };
    let matches = [Match {
        email: "ada@acme.example".to_owned(),
        chosen: Some(chosen),
        rejected: Vec::new(),
    }];
    let mapping = connector.manifest().default_mapping();
    let mut objects = Vec::new();
    for (kind, long) in [
        ("meeting", false),
        ("meeting", true),
        ("call", false),
        ("call", true),
    ] {
        let made = plan::make(&session(kind, long), &link, &mapping, &matches);
        let mut plan: Plan = made.unwrap();
        connector.steps(&mut plan, &link);
        assert_eq!(
            plan.writes.len(),
            9,
            "an activity, three tasks, their updates, the timeline"
        );
        for known in [false, true] {
            for (number, write) in plan.writes.iter_mut().enumerate() {
                write.id = known.then(|| number.to_string());
                for id in write.after.values_mut() {
                    *id = Some("2800000009".to_owned());
                }
            }
            for operation in connector.writes(vec![plan.clone()]) {
                schema.accepts(&body(connector.as_ref(), &operation, &link));
            }
        }
        for write in &plan.writes {
            objects.push(write.object.clone());
            let operation = Operation::ReadBack {
                kind: if write.object == "tasks" {
                    RecordKind::Task
                } else {
                    write.kind
                },
                object: write.object.clone(),
                keys: vec![write.key.clone()],
                writes: vec![write.clone()],
                since: None,
                cursor: None,
            };
            schema.accepts(&body(connector.as_ref(), &operation, &link));
        }
    }
    for object in ["activities", "tasks", "updates", "timeline"] {
        assert!(objects.iter().any(|one| one == object), "{object}");
    }
}

#[test]
fn a_document_that_makes_records_has_a_key_and_one_that_changes_them_has_none() {
    let connector = connector(CRM);
    let link = connection(CRM);
    let mapping = connector.manifest().default_mapping();
    let made = plan::make(&session("meeting", false), &link, &mapping, &[]);
    let mut plan = made.unwrap();
    connector.steps(&mut plan, &link);
    plan.writes.retain(|write| write.step.is_none());
    for write in &mut plan.writes {
        write.token = plan::client_id(&write.key);
    }
    let key = |writes: &[hub_domain::Write]| {
        let part = Plan {
            writes: writes.to_vec(),
            ..plan.clone()
        };
        let operations = connector.writes(vec![part]);
        let [operation] = operations.as_slice() else {
            panic!("{operations:?}")
        };
        let request = connector.request(operation, &link).unwrap();
        let key = request.headers().get("idempotency-key");
        key.map(|key| key.to_str().unwrap().to_owned())
    };
    let alone = key(&plan.writes[..1]).unwrap();
    assert_eq!(alone, plan.writes[0].token, "its own");
    let all = key(&plan.writes).unwrap();
    assert_eq!(all, key(&plan.writes).unwrap());
    assert_ne!(all, key(&plan.writes[..2]).unwrap());
    let mut known = plan.writes.clone();
    for write in &mut known {
        write.id = Some("1".to_owned());
    }
    assert_eq!(key(&known), None);
    // Nobody has counted on a repeat: a request that is asked for beforehand.
    let mut bare = plan.writes[..1].to_vec();
    bare[0].token.clear();
    assert_eq!(key(&bare), None);
}
