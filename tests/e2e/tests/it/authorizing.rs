//! Every way to authorize a connection to every CRM that can be connected, each at its vendor's own
//! addresses and under the rules of production.

mod life;
mod reconnected;
mod refused;
mod regions;
mod scopes;
mod started;

use http::{Method as Verb, StatusCode};
use hub_connectors::Manifest;
use hub_domain::Method;
use hub_e2e::{Machine, ORG};
use hub_engine::connectable;
use serde_json::{Value, json};

/// Every CRM with every method it has.
fn ways() -> Vec<(&'static str, Method)> {
    let of = |crm: &'static str| manifest(crm).methods().into_iter().map(move |m| (crm, m));
    connectable().flat_map(of).collect()
}

fn manifest(crm: &str) -> Manifest {
    hub_connectors::manifest(crm).unwrap().unwrap()
}

/// A connection that waits for its approval.
async fn authorized(machine: &Machine, method: Method) -> String {
    let created = machine.create_by(ORG, machine.new_by(method)).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    if method == Method::AuthorizationCode {
        machine.authorize(ORG, &id).await;
    }
    id
}

/// A connection in use, on a machine of its own.
async fn active(crm: &'static str, method: Method) -> (Machine, String) {
    let machine = Machine::at(crm, 1).await;
    let id = authorized(&machine, method).await;
    post(&machine, &id, "/approve").await;
    (machine, id)
}

/// The connection as the API shows it.
async fn shown(machine: &Machine, id: &str) -> Value {
    let reply = machine.connection(Verb::GET, id, "").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    reply.json()
}

async fn post(machine: &Machine, id: &str, what: &str) -> Value {
    let reply = machine.connection(Verb::POST, id, what).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    reply.json()
}

/// Asserts that a connection has to be connected again, and why.
async fn is_parked(machine: &Machine, id: &str, cause: &str, what: &str) {
    let tested = post(machine, id, "/test").await;
    assert_eq!(tested["works"], false, "{what}: {tested}");
    let found = shown(machine, id).await;
    assert_eq!(
        (&found["state"], &found["cause"]),
        (&json!("reconnect_needed"), &json!(cause)),
        "{what}: {found}"
    );
    for words in ["reason", "advice"] {
        assert!(
            !found[words].as_str().unwrap().is_empty(),
            "{what}: {found}"
        );
    }
}

async fn works(machine: &Machine, id: &str, what: &str) {
    let tested = post(machine, id, "/test").await;
    assert_eq!(tested["works"], true, "{what}: {tested}");
    let checks = tested["checks"].as_array().unwrap();
    let proven = checks.iter().map(|check| check["proves"].as_str().unwrap());
    let manifest = manifest(machine.crm);
    let wanted = manifest.checks.iter().map(|check| check.proves.as_str());
    assert_eq!(proven.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

/// Whether anything is kept that opens the CRM.
async fn keeps(machine: &Machine, id: &str) -> bool {
    let hub = machine.hub("operator");
    let all = hub.vault().credentials(ORG).await.unwrap();
    machine.tokens(ORG, id).await.is_some()
        || all.clients.contains_key(id)
        || all.api_keys.contains_key(id)
        || all.refresh_tokens.contains_key(id)
}

/// The requests to the token endpoint so far.
fn token_calls(machine: &Machine) -> usize {
    let sent = machine.wire.sent();
    sent.iter()
        .filter(|sent| sent.body.contains("grant_type"))
        .count()
}
