//! liveprompt's door: what is accepted is stored and queued, what is not says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod lists;
mod refusals;
mod single;

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::Request;
use hub_ingest::{Config, router};
use hub_lambda::Env;
use hub_world::{INGEST, Reply, World, ask};
use serde_json::{Value, json};

/// A world with one organization, and ingest in it.
async fn ingest() -> (World, Router) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let router = router(world.hub(INGEST, World::no_crm()));
    (world, router)
}

/// Sends a body as liveprompt does.
async fn send(world: &World, router: &Router, body: &Value) -> Reply {
    ask(router, signed(world, body.to_string().as_bytes())).await
}

fn signed(world: &World, body: &[u8]) -> Request<Bytes> {
    let mut request = Request::post("/api/events");
    for (name, value) in world.sign(body) {
        request = request.header(name, value);
    }
    request.body(Bytes::copy_from_slice(body)).unwrap()
}

/// A small valid session.
fn session(event: &str, session: &str, title: &str) -> Value {
    json!({
        "id": event, "type": "session.completed", "organizationId": "org_demo", "timestamp": "2026-11-20T11:00:00Z",
        "payload": { "sessionId": session, "session": {
            "id": session, "title": title, "kind": "meeting", "created_at": "2026-11-20T10:00:00Z",
            "duration_seconds": 1800, "host": { "name": "Hana", "email": "hana@seller.example" },
            "participants": [{ "name": "Ada", "email": "ada@acme.example" }] } }
    })
}

/// The events that are queued, in order.
fn queued(world: &World) -> Vec<String> {
    let read = |body: &String| {
        serde_json::from_str::<Value>(body).unwrap()["event"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    world.messages("events").iter().map(read).collect()
}

/// The places and problems of a problem document, or of one event of a list.
fn faults(of: &Value) -> Vec<(String, String)> {
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
    let list = of["faults"].as_array().into_iter().flatten();
    list.map(|fault| (text(fault, "pointer"), text(fault, "problem")))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_function_without_its_configuration_names_every_missing_variable() {
    let error = Config::from_env(Env::of::<&str, &str>([])).unwrap_err();
    assert_eq!(
        error.names(),
        ["HUB_TABLE", "HUB_QUEUE_URL_PREFIX", "HUB_SECRET_PREFIX"]
    );

    let config = Config::from_env(Env::of([
        ("HUB_TABLE", "hub"),
        ("HUB_QUEUE_URL_PREFIX", "https://sqs.example/1/hub-"),
        ("HUB_SECRET_PREFIX", "hub"),
        ("HUB_BASE_URLS", "salesforce=http://127.0.0.1:4101"),
        ("HUB_EGRESS_ALLOW", "127.0.0.1:4101"),
    ]))
    .unwrap();
    assert_eq!(
        config.settings.queue_url_prefix,
        "https://sqs.example/1/hub-"
    );
    assert_eq!(
        config.settings.base_urls["salesforce"],
        "http://127.0.0.1:4101"
    );
    assert_eq!(config.settings.egress_allow, ["127.0.0.1:4101"]);
}

#[tokio::test(start_paused = true)]
async fn every_sample_is_accepted() {
    let world = World::new(1).await;
    let router = router(world.hub(INGEST, World::no_crm()));
    for (file, accepted) in [
        ("IngestFunction.organization.changed.json", 1),
        ("IngestFunction.session.completed.meeting.json", 1),
        ("IngestFunction.session.completed.call.json", 1),
        ("IngestFunction.session.completed.internal.json", 1),
        ("IngestFunction.list.json", 3),
    ] {
        let reply = ask(&router, hub_world::request(&world.event(file, &[]))).await;
        assert_eq!(reply.status, 202, "{file}: {}", reply.text);
        assert_eq!(reply.json()["accepted"], accepted, "{file}");
    }
    let mut queued = queued(&world);
    queued.sort();
    assert_eq!(
        queued,
        [
            "evt_demo_action_item",
            "evt_demo_call",
            "evt_demo_insight",
            "evt_demo_internal",
            "evt_demo_meeting",
            "evt_demo_summary"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_store_down_a_503_is_answered_and_nothing_is_lost() {
    for service in ["DynamoDB", "AmazonSQS", ".UpdateItem", ".SendMessageBatch"] {
        for fails in [hub_world::Fails::Before, hub_world::Fails::After] {
            let (world, router) = ingest().await;
            let event = session("evt_1", "ses_1", "Kick-off");
            world.outage.begin(service, fails);
            let refused = send(&world, &router, &event).await;
            assert_eq!(
                (refused.status.as_u16(), refused.header("retry-after")),
                (503, "10"),
                "{service} {fails:?}"
            );
            assert_eq!(refused.json()["retryable"], true);
            assert_eq!(refused.header("content-type"), "application/problem+json");
            assert!(
                !refused.text.contains("ynamo"),
                "nothing of ours is told: {}",
                refused.text
            );

            world.outage.end();
            let accepted = send(&world, &router, &event).await;
            assert_eq!(
                accepted.status, 202,
                "{service} {fails:?}: {}",
                accepted.text
            );
            assert!(
                queued(&world).contains(&"evt_1".to_owned()),
                "{service} {fails:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_secrets_down_nothing_is_believed_and_the_sender_comes_again() {
    let world = World::new(1).await;
    let router = router(world.hub(INGEST, World::no_crm()));
    world
        .outage
        .begin("secretsmanager", hub_world::Fails::Before);
    let event = hub_world::payload("organization.changed.json");
    let refused = send(&world, &router, &event).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "10")
    );
    world.outage.end();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(send(&world, &router, &event).await.status, 202);
}
