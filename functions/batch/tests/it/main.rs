//! The samples of `events/`, through the shell that Lambda calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

use std::time::Duration;

use hub_batch::{Config, handler};
use hub_engine::audit;
use hub_lambda::{Deadline, Env, job};
use hub_world::{Fails, World};
use serde_json::{Value, json};

/// Runs the function on an event as Lambda does.
async fn batch(world: &World, event: &Value) -> Value {
    let handler = handler(
        world.hub("batch", World::no_crm()),
        World::dead_letter_senders(),
    );
    let deadline = Deadline::after(Duration::from_mins(1));
    job::handle(event.clone(), deadline, &handler)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_function_without_its_configuration_names_every_missing_variable() {
    let error = Config::from_env(Env::of::<&str, &str>([])).unwrap_err();
    assert_eq!(
        error.names(),
        [
            "HUB_TABLE",
            "HUB_QUEUE_URL_PREFIX",
            "HUB_SECRET_PREFIX",
            "HUB_DISPATCH_SENDER",
            "HUB_BATCH_SENDER"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_samples_are_done() {
    let world = World::new(1).await;
    let hub = world.hub("operator", World::no_crm());
    let stream = world.event("BatchFunction.stream.json", &[]);
    assert_eq!(
        batch(&world, &stream).await,
        json!({ "batchItemFailures": [] })
    );
    let log = hub.store().audit_head(&"org_demo".parse().unwrap()).await;
    assert_eq!(log.unwrap().tree.size(), 2, "an approval and an outcome");
    let tick = world.event("BatchFunction.tick.json", &[]);
    assert_eq!(batch(&world, &tick).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn changes_come_again_from_the_first_that_could_not_be_derived_from() {
    let world = World::new(1).await;
    let stream = world.event("BatchFunction.stream.json", &[]);
    let numbers = ["100000000000000000001", "100000000000000000002"];
    let from = |number| json!({ "batchItemFailures": [{ "itemIdentifier": number }] });
    world.outage.begin("TransactWriteItems", Fails::Before);
    assert_eq!(batch(&world, &stream).await, from(numbers[0]));
    // From the first nothing is derived, so it is done.
    let mut two = stream.clone();
    two["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = json!("org_2#session#0");
    assert_eq!(batch(&world, &two).await, from(numbers[1]));
    world.outage.end();
    assert_eq!(
        batch(&world, &stream).await,
        json!({ "batchItemFailures": [] })
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_read_is_an_entry_that_says_so() {
    let world = World::new(1).await;
    let mut stream = world.event("BatchFunction.stream.json", &[]);
    stream["Records"][0]["dynamodb"]["NewImage"]["d"]["S"] = json!("{");
    assert_eq!(
        batch(&world, &stream).await,
        json!({ "batchItemFailures": [] })
    );
    let hub = world.hub("operator", World::no_crm());
    let export = audit::export(&hub, &World::admin("org_demo"), 0, 10)
        .await
        .unwrap();
    let kinds: Vec<&str> = export
        .page
        .entries
        .iter()
        .map(|entry| &*entry.leaf.kind)
        .collect();
    assert_eq!(kinds, ["unreadable", "delivery_outcome"]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_fails_while_a_checkpoint_cannot_be_made() {
    let world = World::new(1).await;
    let stream = world.event("BatchFunction.stream.json", &[]);
    batch(&world, &stream).await;
    let tick = json!({ "tick": "minute", "time": "2026-11-20T12:10:00Z" });
    let handler = handler(
        world.hub("batch", World::no_crm()),
        World::dead_letter_senders(),
    );
    let deadline = Deadline::after(Duration::from_mins(1));
    let answer = async || job::handle(tick.clone(), deadline, &handler).await;
    world.outage.begin("secretsmanager", Fails::Before);
    assert_eq!(answer().await, Err(job::JobError::Failed));
    world.outage.end();
    assert_eq!(answer().await, Ok(Value::Null));
    let hub = world.hub("operator", World::no_crm());
    let export = audit::export(&hub, &World::admin("org_demo"), 0, 10)
        .await
        .unwrap();
    assert_eq!(export.page.checkpoints.len(), 1);
    assert_eq!(export.checkpoint.as_ref(), export.page.checkpoints.first());
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_told_how_many_dead_letters_went_back() {
    let world = World::new(1).await;
    let asked = |queue: &str| json!({ "redrive": { "queue": queue, "most": 10 } });
    let nothing = json!({ "moved": 0, "left": 0 });
    assert_eq!(batch(&world, &asked("events")).await, nothing);
    assert_eq!(batch(&world, &asked("salesforce")).await, nothing);
    let told = batch(&world, &asked("batch")).await;
    assert!(
        told["error"].as_str().unwrap().contains("one of events"),
        "{told}"
    );
    let handler = handler(
        world.hub("batch", World::no_crm()),
        World::dead_letter_senders(),
    );
    let deadline = Deadline::after(Duration::from_mins(1));
    for wrong in [
        json!({ "redrive": "events" }),
        json!({ "redrive": { "most": 1 } }),
        json!({ "redrive": { "queue": "events" }, "x": 1 }),
    ] {
        let refused = job::handle(wrong.clone(), deadline, &handler).await;
        assert!(refused.is_err(), "{wrong}");
    }
}
