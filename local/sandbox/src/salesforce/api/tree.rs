//! `/composite/tree/{Type}`: parents with their children, all or none.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::schema::CHILDREN;
use super::collections::typed;
use super::{Api, Call};

const RECORDS_MAX: usize = 200;

/// One record of the tree, flattened: its reference, type, fields, and the parent's place with the
/// field to fill.
struct Node {
    reference: String,
    object: String,
    fields: Map<String, Value>,
    parent: Option<(usize, &'static str)>,
}

impl Api {
    pub(super) fn tree(&mut self, call: &Call, name: &str) -> Outcome<Answer> {
        let records = call
            .object()?
            .get("records")
            .and_then(Value::as_array)
            .cloned();
        let records = records.ok_or_else(|| Refusal::json("records is missing"))?;
        let mut nodes = Vec::new();
        for record in &records {
            flatten(record, None, &mut nodes)?;
        }
        if nodes.len() > RECORDS_MAX {
            let message =
                "record limit reached. cannot submit more than 200 records into this call";
            return Err(Refusal::new(400, "EXCEEDED_ID_LIMIT", message));
        }
        if nodes
            .iter()
            .any(|node| node.parent.is_none() && !node.object.eq_ignore_ascii_case(name))
        {
            return Err(Refusal::new(
                400,
                "INVALID_INPUT",
                format!("All top level records must be of type {name}"),
            ));
        }
        let mark = self.org.store.mark();
        let (mut ids, mut results, mut errors) = (Vec::<String>::new(), Vec::new(), Vec::new());
        for node in &nodes {
            let mut fields = node.fields.clone();
            if let Some((parent, field)) = node.parent {
                fields.insert(field.to_owned(), json!(ids.get(parent)));
            }
            match self.org.create(&node.object, &fields) {
                Ok(id) => {
                    results.push(json!({ "referenceId": node.reference, "id": id }));
                    ids.push(id);
                }
                Err(refusal) => {
                    errors.push(
                        json!({ "referenceId": node.reference, "errors": [refusal.entry()] }),
                    );
                    break;
                }
            }
        }
        if errors.is_empty() {
            return Ok(Answer::json(
                201,
                json!({ "hasErrors": false, "results": results }),
            ));
        }
        self.org.store.roll_back(&self.org.schema, mark);
        Ok(Answer::json(
            400,
            json!({ "hasErrors": true, "results": errors }),
        ))
    }
}

fn flatten(
    record: &Value,
    parent: Option<(usize, &'static str)>,
    nodes: &mut Vec<Node>,
) -> Outcome<()> {
    let record = record
        .as_object()
        .ok_or_else(|| Refusal::json("a record must be an object"))?;
    let (object, mut fields) = typed(record)?;
    let attributes = record.get("attributes");
    let reference = attributes
        .and_then(|a| a.get("referenceId"))
        .and_then(Value::as_str);
    let reference = reference
        .ok_or_else(|| Refusal::json("attributes.referenceId is missing"))?
        .to_owned();
    let place = nodes.len();
    let nested: Vec<(String, Vec<Value>)> = fields
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.get("records")?.as_array()?.clone())))
        .collect();
    for (key, _) in &nested {
        fields.remove(key);
    }
    nodes.push(Node {
        reference,
        object: object.clone(),
        fields,
        parent,
    });
    for (name, children) in nested {
        let relation = CHILDREN.iter().find(|(of, relation, ..)| {
            of.eq_ignore_ascii_case(&object) && relation.eq_ignore_ascii_case(&name)
        });
        let (_, _, _, field) = relation.ok_or_else(|| Refusal::no_such_column(&name, &object))?;
        for child in &children {
            flatten(child, Some((place, field)), nodes)?;
        }
    }
    Ok(())
}
