//! `template.yaml`: what reads it, and the rules of its environment and its queues.

use std::collections::BTreeSet;

use hub_tidy::{
    Offender, Tree, assert_none, lines_with,
    yaml::{Node, Value},
};

pub(crate) const TEMPLATE: &str = "template.yaml";
/// A resource in the loop over the CRMs has this in its logical id.
const LOOP: &str = "${Crm}";
/// Receives are no failures: the engine counts those.
const RECEIVES: &str = "1000";
/// Only for a machine without a way out; production has no exceptions to its egress rules.
const LOCAL_ONLY: &[&str] = &["HUB_EGRESS_ALLOW", "HUB_BASE_URLS"];

/// The template as read.
pub(crate) struct Template {
    root: Node,
}

impl Template {
    pub(crate) fn of(tree: &Tree) -> Self {
        let text = tree.get(TEMPLATE).unwrap_or_default();
        let root = Node::parse(text).unwrap_or_else(|error| panic!("{TEMPLATE}: {error}"));
        Self { root }
    }

    /// Every resource, with those of the loop once, under their ids as written.
    pub(crate) fn resources(&self) -> Vec<(&str, &Node)> {
        let entries = self
            .root
            .get("Resources")
            .into_iter()
            .flat_map(Node::entries);
        let mut found = Vec::new();
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            if name.starts_with("Fn::ForEach::") {
                let inner = value.items().get(2).into_iter().flat_map(Node::entries);
                found.extend(inner.map(|(key, value)| (key.text().unwrap_or_default(), value)));
            } else {
                found.push((name, value));
            }
        }
        found
    }

    pub(crate) fn resource(&self, id: &str) -> Option<&Node> {
        self.resources()
            .into_iter()
            .find(|(name, _)| *name == id)
            .map(|(_, node)| node)
    }

    /// The functions, by the name of their folder.
    pub(crate) fn functions(&self) -> Vec<(String, &Node)> {
        self.resources()
            .into_iter()
            .filter(|(_, node)| {
                node.get("Type").and_then(Node::text) == Some("AWS::Serverless::Function")
            })
            .map(|(id, node)| {
                (
                    id.replace(LOOP, "")
                        .trim_end_matches("Function")
                        .to_ascii_lowercase(),
                    node,
                )
            })
            .collect()
    }
}

/// The event sources of a function.
pub(crate) fn events(function: &Node) -> impl Iterator<Item = &Node> {
    function
        .at(&["Properties", "Events"])
        .into_iter()
        .flat_map(Node::entries)
        .map(|(_, event)| event)
}

/// The id of the resource that a reference is to: `!Ref X`, `!GetAtt X.Y`, `!GetAtt [!Sub X, Y]`, and
/// their long forms.
pub(crate) fn referred(node: &Node) -> &str {
    match &node.value {
        Value::Text(text) => text.split('.').next().unwrap_or_default(),
        Value::List(list) => list.first().map(referred).unwrap_or_default(),
        Value::Map(entries) => entries
            .first()
            .map(|(_, value)| referred(value))
            .unwrap_or_default(),
    }
}

/// The CRMs of the list that the template loops over, with their lines.
pub(crate) fn crm_list(root: &Node) -> Vec<(String, usize)> {
    let list = root
        .at(&["Resources", "Fn::ForEach::Crms"])
        .and_then(|crms| crms.items().get(1));
    let names = list.into_iter().flat_map(Node::items);
    names
        .filter_map(|name| Some((name.text()?.to_owned(), name.line)))
        .collect()
}

fn local_only(tree: &Tree) -> Vec<Offender> {
    let text = tree.get(TEMPLATE).unwrap_or_default();
    let lines = lines_with(text, |line| {
        LOCAL_ONLY.iter().any(|name| line.contains(name))
    });
    lines
        .map(|(line, text)| {
            Offender::new(
                TEMPLATE,
                line,
                format!("opens the egress rules: {}", text.trim()),
            )
        })
        .collect()
}

fn functions_and_folders(tree: &Tree) -> Vec<Offender> {
    let template = Template::of(tree);
    let functions: BTreeSet<String> = template
        .functions()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let folders = tree.names_in("functions/");
    let alone = functions.symmetric_difference(&folders);
    alone
        .map(|name| {
            Offender::new(
                TEMPLATE,
                0,
                format!("{name} is not both a function here and a folder under functions/"),
            )
        })
        .collect()
}

/// Polled sources answer per record, and their queues leave the counting of failures to the engine.
fn sources(tree: &Tree) -> Vec<Offender> {
    let template = Template::of(tree);
    let mut found = Vec::new();
    for (name, function) in template.functions() {
        for event in events(function) {
            let kind = event.get("Type").and_then(Node::text).unwrap_or_default();
            if ![
                "SQS",
                "DynamoDB",
                "Kinesis",
                "MSK",
                "SelfManagedKafka",
                "MQ",
                "DocumentDB",
            ]
            .contains(&kind)
            {
                continue;
            }
            let types = event
                .at(&["Properties", "FunctionResponseTypes"])
                .map(Node::texts)
                .unwrap_or_default();
            if !types.contains(&"ReportBatchItemFailures") {
                found.push(Offender::new(TEMPLATE, event.line, format!("a source of {name} without ReportBatchItemFailures: one failure repeats the batch")));
            }
            let Some(queue) = event.at(&["Properties", "Queue"]) else {
                continue;
            };
            let id = referred(queue);
            let receives = template
                .resource(id)
                .and_then(|queue| queue.at(&["Properties", "RedrivePolicy", "maxReceiveCount"]));
            if receives.and_then(Node::text) != Some(RECEIVES) {
                let line = receives.map_or(queue.line, |receives| receives.line);
                found.push(Offender::new(TEMPLATE, line, format!("{id} feeds {name} and has not maxReceiveCount {RECEIVES}: waiting would be a failure")));
            }
        }
    }
    found
}

#[test]
fn the_egress_rules_have_no_exceptions_in_production() {
    assert_none(
        "HUB_EGRESS_ALLOW and HUB_BASE_URLS are not in template.yaml",
        &local_only(Tree::repository()),
    );
}

#[test]
fn every_function_is_in_the_template() {
    assert_none(
        "template.yaml and functions/ have the same functions",
        &functions_and_folders(Tree::repository()),
    );
}

#[test]
fn batches_answer_per_record_and_waiting_is_no_failure() {
    assert_none(
        "event sources report per record, and their queues receive 1,000 times",
        &sources(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let template = "\
Globals: { Function: { Environment: { Variables: { HUB_BASE_URLS: x } } } }
Resources:
  AFunction:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Http: { Type: HttpApi, Properties: { Path: /x, Method: GET } }
        Good: { Type: SQS, Properties: { Queue: !GetAtt GoodQueue.Arn, FunctionResponseTypes: [ReportBatchItemFailures] } }
        Bad: { Type: SQS, Properties: { Queue: !GetAtt BadQueue.Arn } }
  GoodQueue: { Type: AWS::SQS::Queue, Properties: { RedrivePolicy: { maxReceiveCount: 1000 } } }
  BadQueue: { Type: AWS::SQS::Queue, Properties: { RedrivePolicy: { maxReceiveCount: 5 } } }
  Fn::ForEach::Crms:
    - Crm
    - [acme]
    - B${Crm}Function:
        Type: AWS::Serverless::Function
        Properties:
          Events:
            Live:
              Type: SQS
              Properties:
                Queue: !GetAtt [!Sub \"B${Crm}Live\", Arn]
                FunctionResponseTypes: [ReportBatchItemFailures]
      B${Crm}Live: { Type: AWS::SQS::Queue }
";
    let tree = Tree::of(&[
        (TEMPLATE, template),
        ("functions/a/Cargo.toml", ""),
        ("functions/c/Cargo.toml", ""),
    ]);
    let lines = |found: Vec<Offender>| -> Vec<usize> {
        found.iter().map(|offender| offender.line).collect()
    };
    assert_eq!(lines(local_only(&tree)), [1]);
    assert_eq!(functions_and_folders(&tree).len(), 2, "b and c");
    assert_eq!(lines(sources(&tree)), [9, 11, 22]);
}
