//! The document of the API: the one that is served is the one the code makes, and it has the
//! template's routes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::roles::deployed;

/// The document that is checked in and served.
pub(crate) fn served() -> Value {
    serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap()
}

#[test]
fn the_document_is_the_code_s() {
    assert!(
        served() == hub_local::openapi::document().unwrap(),
        "docs/openapi.json is not what the code says; renew it: cargo run -- openapi >docs/openapi.json"
    );
}

#[test]
fn the_document_and_the_template_have_the_same_routes() {
    let document = served();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needed = operation["security"].as_array().into_iter().flatten();
            let bearer = needed
                .filter_map(Value::as_object)
                .any(|needed| needed.contains_key("bearer"));
            described.insert((method.to_uppercase(), path.clone(), bearer));
        }
    }
    let deployed = deployed().into_iter();
    let deployed: BTreeSet<_> = deployed
        .map(|(_, method, path, bearer)| (method, path, bearer))
        .collect();
    assert_eq!(described, deployed);
}
