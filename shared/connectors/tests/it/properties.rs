//! What holds for every CRM whatever it is given: plans of any size, and replies of any shape.

use std::collections::{BTreeMap, BTreeSet};

use hub_connectors::{CRMS, Operation};
use hub_domain::{
    Mapping, Plan, Verdict, Write,
    mapping::{Overwrite, RecordKind, Source},
    plan::PlannedField,
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    sample::Index,
    test_runner::{TestCaseError, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::fixture::{Fixture, connection, connector, reply, verdicts};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// A plan as large as wanted: an activity, and tasks of which every other was written before.
fn plan(number: usize, writes: usize, mapping: &Mapping) -> Plan {
    let field = PlannedField {
        value: json!("Title"),
        from: Source::SessionTitle,
        evidence: Vec::new(),
        overwrite: Overwrite::Always,
    };
    let kind = |index| match index {
        0 => RecordKind::Meeting,
        _ => RecordKind::Task,
    };
    // What a field may be called is the CRM's matter.
    let named = |index| {
        let rule = mapping.record(kind(index)).unwrap();
        rule.fields[0].to.clone()
    };
    let write = |index: usize| Write {
        id: (index % 2 == 1).then(|| format!("{number}{index}")),
        key: format!("ses_{number}-task-{index}"),
        kind: kind(index),
        object: mapping.record(kind(index)).unwrap().object.clone(),
        fields: BTreeMap::from([(named(index), field.clone())]),
        people: Vec::new(),
        company: None,
        step: None,
        after: BTreeMap::new(),
        optional: false,
        token: String::new(),
    };
    Plan {
        delivery: format!("dlv_1.{number}").parse().unwrap(),
        connection: "conn_1".parse().unwrap(),
        session: format!("ses_{number}").parse().unwrap(),
        revision: 1,
        mapping_version: 0,
        writes: (0..writes).map(write).collect(),
    }
}

#[test]
fn writes_keep_to_what_one_call_takes_and_lose_nothing() {
    for crm in CRMS {
        let connector = connector(crm);
        let batch = connector.manifest().batch;
        let mapping = connector.manifest().default_mapping();
        let sizes = proptest::collection::vec(0..=batch.writes + 1, 0..=6)
            .prop_union(proptest::collection::vec(1..=3_usize, 0..=3 * batch.plans));
        runner(48)
            .run(&sizes, |sizes| {
                let plans: Vec<Plan> = sizes
                    .iter()
                    .enumerate()
                    .map(|(number, size)| plan(number, *size, &mapping))
                    .collect();
                let writes_of = |plan: &Plan| -> Vec<(Plan, Write)> {
                    let head = Plan {
                        writes: Vec::new(),
                        ..plan.clone()
                    };
                    let writes = plan.writes.iter().cloned();
                    writes.map(|write| (head.clone(), write)).collect()
                };
                let mut back = Vec::new();
                for operation in connector.writes(plans.clone()) {
                    let wanted = verdicts(&operation);
                    let request = connector.request(&operation, &connection(crm));
                    let Operation::Write { plans } = operation else {
                        return Err(TestCaseError::fail("not a write"));
                    };
                    // What is too large for any call stands alone and is refused.
                    let fits = plans.len() <= batch.plans && wanted <= batch.writes;
                    assert!(
                        fits || plans.len() == 1,
                        "{} plans with {wanted} writes",
                        plans.len()
                    );
                    assert_eq!(fits, request.is_ok());
                    let objects: BTreeSet<&str> = plans
                        .iter()
                        .flat_map(|plan| &plan.writes)
                        .map(|write| write.object.as_str())
                        .collect();
                    let writes = || plans.iter().flat_map(|plan| &plan.writes);
                    let is_one_kind = writes().all(Write::creates)
                        || !writes().any(Write::creates);
                    for plan in &plans {
                        let whole = sizes.iter().enumerate().any(|(number, size)| {
                            plan.session.to_string() == format!("ses_{number}")
                                && plan.writes.len() == *size
                        });
                        assert!(
                            whole || objects.len() == 1 || is_one_kind,
                            "a plan is split only where a call takes one object, or makes records or changes them"
                        );
                    }
                    back.extend(plans.iter().flat_map(writes_of));
                }
                let mut sent: Vec<_> = plans.iter().flat_map(writes_of).collect();
                for writes in [&mut back, &mut sent] {
                    writes.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
                }
                assert_eq!(back, sent, "each write once, under its own plan");
                Ok(())
            })
            .unwrap();
    }
}

/// Any JSON, its names and texts taken from what the CRM really sends.
fn some_json(words: Vec<String>) -> impl Strategy<Value = Value> {
    let word = proptest::sample::select(words);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(200_i64), Just(400), Just(300), any::<i64>()].prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((word.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

fn words(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.push(name.clone());
                words(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| pointers(item, &format!("{here}/{i}"), found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(
                    value,
                    &format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn any_reply_has_exactly_one_verdict_per_record() {
    for crm in CRMS {
        let connector = connector(crm);
        let fixtures = Fixture::all(crm);
        let bodies: Vec<(Operation, Value)> = fixtures
            .iter()
            .flat_map(|f| {
                f.replies()
                    .iter()
                    .map(|r| (f.operation(), r.get("body").cloned().unwrap_or_default()))
            })
            .collect();
        let mut known = Vec::new();
        for (_, body) in &bodies {
            words(body, &mut known);
        }
        known.sort();
        known.dedup();
        let status = prop_oneof![Just(200_u16), 200_u16..600];
        let case = (
            any::<Index>(),
            any::<Index>(),
            status,
            some_json(known),
            any::<bool>(),
        );
        runner(2_000)
            .run(&case, |(which, place, status, junk, whole)| {
                // Either junk as the body, or a real body with junk somewhere in it.
                let (operation, mut body) = which.get(&bodies).clone();
                let mut places = Vec::new();
                pointers(&body, "", &mut places);
                if whole {
                    body = junk;
                } else if let Some(spot) = body.pointer_mut(place.get(places.as_slice()).as_str()) {
                    *spot = junk;
                }
                let reply = reply(status, body.to_string());
                let found = connector.interpret(&operation, &reply);
                assert_eq!(found.len(), verdicts(&operation), "{body}");
                if !matches!(operation, Operation::Write { .. }) {
                    assert_eq!(
                        connector.read(&operation, &reply).is_ok(),
                        matches!(found[0], Verdict::Done { .. }),
                        "{body}"
                    );
                }
                Ok(())
            })
            .unwrap();
    }
}
