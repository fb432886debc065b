//! The environment of these tests and of `cargo run -- surroundings` is the template's.

use std::collections::{BTreeMap, BTreeSet};

use hub_engine::{CRMS, WEBHOOKS};
use hub_local::{
    addresses::Addresses,
    addresses::Function,
    ports::{Place, Ports},
};
use hub_tidy::{Tree, yaml::Node};

/// What Lambda sets, and what only a machine without a way out needs.
const NOT_OF_THE_TEMPLATE: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "HUB_BASE_URLS",
    "HUB_EGRESS_ALLOW",
];

fn variables(function: &Node, above: &[&str]) -> BTreeSet<String> {
    let path = [above, &["Environment", "Variables"]].concat();
    let entries = function.at(&path).into_iter().flat_map(Node::entries);
    entries
        .filter_map(|(name, _)| Some(name.text()?.to_owned()))
        .collect()
}

/// The functions of the template and the variables each is given, the loop over the CRMs written out.
fn of_the_template() -> BTreeMap<String, BTreeSet<String>> {
    let text = Tree::repository().get("template.yaml").unwrap();
    let root = Node::parse(text).unwrap();
    let global = variables(&root, &["Globals", "Function"]);
    let mut found = BTreeMap::new();
    for (id, resource) in root.get("Resources").unwrap().entries() {
        let id = id.text().unwrap();
        let resources: Vec<(String, &Node)> = if id == "Fn::ForEach::Crms" {
            let body = resource.items()[2].entries();
            let written = CRMS.iter().chain([&WEBHOOKS]).flat_map(|crm| {
                body.iter()
                    .map(move |(id, node)| (id.text().unwrap().replace("${Crm}", crm), node))
            });
            written.collect()
        } else {
            vec![(id.to_owned(), resource)]
        };
        for (id, node) in resources {
            if node.get("Type").and_then(Node::text) == Some("AWS::Serverless::Function") {
                let own = variables(node, &["Properties"]);
                found.insert(id, global.union(&own).cloned().collect());
            }
        }
    }
    found
}

#[test]
fn a_function_is_told_what_the_template_tells_it() {
    let addresses = Addresses::of(Place::local(Ports::Moved(0))).unwrap();
    let mut told = BTreeMap::new();
    for function in Function::all() {
        let environment = addresses.environment(&function);
        let mut names: BTreeSet<String> = environment.into_keys().map(str::to_owned).collect();
        for name in NOT_OF_THE_TEMPLATE {
            assert!(names.remove(name), "{name}");
        }
        told.insert(function.id, names);
    }
    assert_eq!(told, of_the_template());
}
