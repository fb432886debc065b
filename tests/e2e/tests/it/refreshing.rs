//! Tokens that have to be refreshed: by one worker of many, whatever dies or fails on the way.

mod clocks;
mod dying;
mod together;

use std::time::Duration;

use futures_util::future::join_all;
use hub_connectors::{Manifest, Rotation};
use hub_domain::{Connection, ConnectionState, Method, mapping::RecordKind};
use hub_e2e::{Machine, ORG};
use hub_engine::{
    Hub,
    deliveries::read_back,
    lifecycle::{self, Tested},
};
use hub_world::World;
use serde_json::{Value, json};

/// The CRMs whose access tokens have to be refreshed.
const REFRESHED: [&str; 6] = [
    "salesforce",
    "hubspot",
    "dynamics365",
    "pipedrive",
    "zoho",
    "monday",
];

fn manifest(crm: &str) -> Manifest {
    hub_connectors::manifest(crm).unwrap().unwrap()
}

/// A connection in use by a method.
async fn active(crm: &'static str, method: Method) -> (Machine, String) {
    let machine = Machine::at(crm, 1).await;
    let created = machine.create_by(ORG, machine.new_by(method)).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    if method == Method::AuthorizationCode {
        machine.authorize(ORG, &id).await;
    }
    let approve = format!("/api/integrations/crm/{id}/approve");
    let approved = machine.api(ORG, http::Method::POST, &approve, None).await;
    assert_eq!(approved.status, 200, "{crm}: {}", approved.text);
    (machine, id)
}

/// A connection in use whose access token has expired.
async fn spent(crm: &'static str) -> (Machine, String) {
    let (machine, id) = active(crm, Method::AuthorizationCode).await;
    tokio::time::sleep(Duration::from_hours(3)).await;
    (machine, id)
}

/// A worker uses the connection.
async fn used(hub: &Hub, id: &str) -> Tested {
    let caller = World::admin(ORG);
    lifecycle::test(hub, &caller, &id.parse().unwrap())
        .await
        .unwrap()
}

/// The same by a worker that has just begun.
async fn works(machine: &Machine, id: &str) -> bool {
    used(&machine.hub("deliver"), id).await.works
}

async fn stored(machine: &Machine, id: &str) -> Connection {
    let hub = machine.hub("operator");
    let org = ORG.parse().unwrap();
    let found = hub.store().connection(&org, &id.parse().unwrap()).await;
    found.unwrap().unwrap()
}

/// The requests to the token endpoint so far.
fn token_calls(machine: &Machine) -> usize {
    let sent = machine.wire.sent();
    sent.iter()
        .filter(|sent| sent.body.contains("grant_type"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_workers_with_one_expired_token_make_one_refresh_call() {
    for crm in ["salesforce", "hubspot", "dynamics365", "monday"] {
        let (machine, id) = spent(crm).await;
        let before = token_calls(&machine);
        // The CRM takes its time, and each worker knows nothing of the others.
        machine.fault(json!({ "fault": "delay", "ms": 3_000, "times": 1 }));
        let workers = (0..100).map(async |_| {
            let hub = machine.hub("deliver");
            for waited in 0..10 {
                if used(&hub, &id).await.works {
                    return waited;
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            panic!("{crm}: a worker got no token");
        });
        let waited: Vec<i32> = join_all(workers).await;
        assert_eq!(token_calls(&machine) - before, 1, "{crm}");
        assert_eq!(waited.iter().filter(|waits| **waits == 0).count(), 1);
        println!(
            "{crm}: 100 workers, 1 refresh, {} waits at most",
            waited.iter().max().unwrap()
        );
    }
}

/// What becomes of a connection: its token is spent, and then this happens at the CRM.
async fn after(crm: &'static str, fault: Value) -> (Machine, String, Tested) {
    let (machine, id) = spent(crm).await;
    machine.fault(fault);
    let tested = used(&machine.hub("deliver"), &id).await;
    (machine, id, tested)
}

fn refusal(error: &str, description: &str) -> Value {
    json!({ "fault": "status", "status": 400, "times": 1,
        "body": { "error": error, "error_description": description } })
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_state_its_cause_and_its_words() {
    let parked = [
        (
            "salesforce",
            json!({ "fault": "revoke_refresh_token" }),
            "revoked",
            "withdrawn",
        ),
        (
            "salesforce",
            refusal("invalid_client_id", "client identifier invalid"),
            "client_refused",
            "client identifier",
        ),
        (
            "salesforce",
            refusal("invalid_client", "invalid client credentials"),
            "client_refused",
            "enter the current ones",
        ),
        (
            "salesforce",
            refusal("invalid_scope", "not allowed"),
            "missing_scope",
            "a permission is missing",
        ),
        (
            "hubspot",
            json!({ "fault": "missing_scopes" , "where": { "method": "GET" } }),
            "missing_scope",
            "a permission is missing",
        ),
        (
            "dynamics365",
            refusal("invalid_grant", "AADSTS700082: expired due to inactivity"),
            "expired",
            "has lapsed",
        ),
        (
            "dynamics365",
            refusal("unauthorized_client", "AADSTS700016: not found"),
            "uninstalled",
            "was removed",
        ),
        (
            "zoho",
            json!({ "fault": "revoke_refresh_token" }),
            "revoked",
            "withdrawn",
        ),
    ];
    for (crm, fault, cause, words) in parked {
        let what = format!("{crm}, {fault}");
        let (machine, id, tested) = after(crm, fault).await;
        let said = &tested.checks.last().unwrap().reason;
        assert!(said.contains(words), "{what}: {said}");
        let found = stored(&machine, &id).await;
        assert_eq!(found.state, ConnectionState::ReconnectNeeded, "{what}");
        assert_eq!(json!(found.cause), json!(cause), "{what}");
        assert!(!found.reason.is_empty(), "{what}");
    }
    let outage = json!({ "fault": "outage", "seconds": 600 });
    let alive = [
        ("hubspot", outage.clone(), "retry", "does not answer"),
        ("monday", outage, "retry", "does not answer"),
        (
            "hubspot",
            json!({ "fault": "server_error" }),
            "retry",
            "500",
        ),
        (
            "hubspot",
            json!({ "fault": "status", "status": 503, "body": "<html>down</html>" }),
            "retry",
            "503",
        ),
        (
            "pipedrive",
            json!({ "fault": "status", "status": 404, "body": "<html>moved</html>" }),
            "retry",
            "cannot be read",
        ),
        (
            "zoho",
            json!({ "fault": "rate_limit" }),
            "throttle",
            "it waits until",
        ),
        (
            "dynamics365",
            refusal("invalid_client", "AADSTS700024: not within its valid time"),
            "retry",
            "the clocks differ",
        ),
    ];
    for (crm, fault, verdict, words) in alive {
        let what = format!("{crm}, {fault}");
        let (machine, id, tested) = after(crm, fault).await;
        let said = tested.checks.last().unwrap();
        assert_eq!(said.verdict, verdict, "{what}: {said:?}");
        assert!(said.reason.contains(words), "{what}: {said:?}");
        let found = stored(&machine, &id).await;
        assert_eq!(found.state, ConnectionState::Active, "{what}");
        tokio::time::sleep(Duration::from_mins(16)).await;
        assert!(works(&machine, &id).await, "{what}");
    }
}

/// A CRM that does not answer, or has had enough, is asked by all workers together as seldom as by one.
#[tokio::test(start_paused = true)]
async fn nobody_knocks_in_turn() {
    let enough = json!({ "fault": "status", "status": 429, "headers": { "retry-after": "600" }, "times": 3,
        "where": { "path_prefix": "/oauth" } });
    let revoked = json!({ "fault": "revoke_refresh_token" });
    for (crm, fault, most) in [
        (
            "hubspot",
            json!({ "fault": "outage", "seconds": 3_600 }),
            40,
        ),
        ("hubspot", enough, 5),
        ("salesforce", revoked, 8),
    ] {
        let (machine, id) = spent(crm).await;
        machine.fault(fault);
        let before = token_calls(&machine);
        let (caller, id) = (World::admin(ORG), id.parse().unwrap());
        // Workers that read by the connection every half minute.
        let workers = (0..10).map(async |_| {
            let hub = machine.hub("deliver");
            let kind = RecordKind::Task;
            let mut refused = 0;
            for _ in 0..120 {
                let found = read_back(&hub, &caller, &id, kind, "Task", vec!["a".to_owned()]).await;
                refused += usize::from(found.is_err());
                let parked = stored(&machine, id.as_str()).await.state;
                if parked == ConnectionState::ReconnectNeeded {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            refused
        });
        let refused: usize = join_all(workers).await.iter().sum();
        let calls = token_calls(&machine) - before;
        println!("{crm}: {calls} token calls of 10 workers, who were refused {refused} times");
        assert!(calls >= 1 && calls <= most, "{crm}: {calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    for crm in REFRESHED {
        let (machine, id) = spent(crm).await;
        if crm == "salesforce" {
            let still = json!({ "refresh_rotation": false });
            machine.sandbox.set(&still).unwrap();
        }
        // monday's would be lost with its answer: nothing to keep.
        if crm == "monday" {
            continue;
        }
        machine.wire.edit_tokens(|reply| {
            reply.as_object_mut().unwrap().remove("refresh_token");
        });
        for round in 0..3 {
            let before = token_calls(&machine);
            assert!(works(&machine, &id).await, "{crm}, round {round}");
            assert_eq!(token_calls(&machine) - before, 1, "{crm}");
            tokio::time::sleep(Duration::from_hours(3)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_for_seconds_is_not_refreshed_before_each_call() {
    for lifetime in [json!(0), json!(30), json!("60"), json!(-1)] {
        let (machine, id) = spent("hubspot").await;
        let given = lifetime.clone();
        machine
            .wire
            .edit_tokens(move |reply| reply["expires_in"] = given.clone());
        let before = token_calls(&machine);
        for _ in 0..10 {
            assert!(works(&machine, &id).await, "{lifetime}");
        }
        assert!(token_calls(&machine) - before <= 1, "{lifetime}");
    }
}

/// A worker that knows an old refresh token does not present it: it may be another account's.
#[tokio::test(start_paused = true)]
async fn a_refresh_presents_what_is_current() {
    let (machine, id) = active("hubspot", Method::AuthorizationCode).await;
    let warm = machine.hub("deliver");
    assert!(used(&warm, &id).await.works);
    let hub = machine.hub("operator");
    let kept = async || {
        use secrecy::ExposeSecret;
        hub.vault().forget(ORG);
        let all = hub.vault().credentials(ORG).await.unwrap();
        all.refresh_tokens[&id].expose_secret().to_owned()
    };
    let old = kept().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    machine.authorize(ORG, &id).await;
    let new = kept().await;
    assert_ne!(old, new);
    machine.fault(json!({ "fault": "expire_access_token" }));
    assert!(used(&warm, &id).await.works);
    let sent = machine.wire.sent();
    let last = sent.iter().rfind(|sent| sent.body.contains("grant_type"));
    let body = &last.unwrap().body;
    assert!(body.contains(&new) && !body.contains(&old));
}

/// Whether a refresh ends the refresh token it was made with.
fn burns(crm: &str) -> bool {
    // Dynamics says it rotates: each refresh brings another, and the old one lives on.
    manifest(crm).oauth.unwrap().rotation == Rotation::Rotates && crm != "dynamics365"
}
