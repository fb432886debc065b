//! The samples of `events/` are those of the template's functions.

use std::collections::BTreeSet;

use hub_tidy::{Offender, Tree, assert_none, yaml::Node};

use crate::template::{TEMPLATE, Template, crm_list, events, referred};

const SAMPLES: &str = "events/";

/// The logical ids of the functions, the loop over the CRMs written out, and for each the queues that
/// feed it, by the end of their names.
fn functions(tree: &Tree) -> Vec<(String, Vec<String>)> {
    let template = Template::of(tree);
    let root = Node::parse(tree.get(TEMPLATE).unwrap_or_default()).unwrap_or_default();
    let crms: Vec<String> = crm_list(&root).into_iter().map(|(crm, _)| crm).collect();
    let mut found = Vec::new();
    for (id, function) in template.resources() {
        if function.get("Type").and_then(Node::text) != Some("AWS::Serverless::Function") {
            continue;
        }
        let queues = events(function)
            .filter_map(|event| event.at(&["Properties", "Queue"]))
            .filter_map(|queue| template.resource(referred(queue)))
            .filter_map(|queue| queue.at(&["Properties", "QueueName"])?.text())
            .map(|name| name.replace("${AWS::StackName}", ""));
        let queues: Vec<String> = queues.collect();
        if id.contains("${Crm}") {
            found.extend(crms.iter().map(|crm| {
                let of = |text: &String| text.replace("${Crm}", crm);
                (of(&id.to_owned()), queues.iter().map(of).collect())
            }));
        } else {
            found.push((id.to_owned(), queues));
        }
    }
    found
}

/// The samples: file and text.
fn samples(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.below(SAMPLES).filter(|(file, _)| !file.contains('/'))
}

/// The logical id in a file's name.
fn function_of(file: &str) -> &str {
    file.split('.').next().unwrap_or_default()
}

fn strangers(tree: &Tree) -> Vec<Offender> {
    let known: BTreeSet<String> = functions(tree).into_iter().map(|(id, _)| id).collect();
    samples(tree)
        .filter(|(file, _)| !known.contains(function_of(file)))
        .map(|(file, _)| {
            let path = format!("{SAMPLES}{file}");
            Offender::new(path, 0, "does not begin with the logical id of a function")
        })
        .collect()
}

fn without_a_sample(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    for (id, queues) in functions(tree) {
        let texts: Vec<&str> = samples(tree)
            .filter(|(file, _)| function_of(file) == id)
            .map(|(_, text)| text)
            .collect();
        if texts.is_empty() {
            found.push(Offender::new(SAMPLES, 0, format!("no sample for {id}")));
            continue;
        }
        // `arn:aws:sqs:{region}:{account}:{name}`
        let is_of = |text: &str, queue: &str| {
            text.lines()
                .any(|line| line.contains("eventSourceARN") && line.contains(&format!("{queue}\"")))
        };
        for queue in queues {
            if !texts.iter().any(|text| is_of(text, &queue)) {
                let why = format!("no sample for {id} comes from the queue …{queue}");
                found.push(Offender::new(SAMPLES, 0, why));
            }
        }
    }
    found
}

#[test]
fn every_sample_is_for_a_function() {
    assert_none(
        "a file of events/ is named after the logical id of the function it is for",
        &strangers(Tree::repository()),
    );
}

#[test]
fn every_function_and_queue_has_a_sample() {
    assert_none(
        "every function of template.yaml has a sample, from each queue that feeds it",
        &without_a_sample(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let template = "\
Resources:
  AFunction: { Type: AWS::Serverless::Function }
  BFunction: { Type: AWS::Serverless::Function }
  Fn::ForEach::Crms:
    - Crm
    - [acme, zeta]
    - C${Crm}Function:
        Type: AWS::Serverless::Function
        Properties: { Events: { Live: { Type: SQS, Properties: { Queue: !GetAtt [!Sub \"C${Crm}Live\", Arn] } } } }
      C${Crm}Live: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub \"${AWS::StackName}-${Crm}-live\" } }
";
    let arn = |queue: &str| format!("\"eventSourceARN\": \"arn:aws:sqs:r:0:hub-{queue}\"");
    let (live, other) = (arn("acme-live"), arn("zeta-lively"));
    let tree = Tree::of(&[
        (TEMPLATE, template),
        ("events/AFunction.x.json", ""),
        ("events/CacmeFunction.live.json", &live),
        ("events/CzetaFunction.live.json", &other),
        ("events/DFunction.json", ""),
        ("events/payloads/x.json", ""),
    ]);
    let shown = |found: Vec<Offender>| -> Vec<String> {
        found
            .into_iter()
            .map(|offender| format!("{} {}", offender.path, offender.what))
            .collect()
    };
    assert_eq!(
        shown(strangers(&tree)),
        ["events/DFunction.json does not begin with the logical id of a function"]
    );
    assert_eq!(
        shown(without_a_sample(&tree)),
        [
            "events/ no sample for BFunction",
            "events/ no sample for CzetaFunction comes from the queue …-zeta-live"
        ]
    );
}
