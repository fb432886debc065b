//! The samples of `events/`, through the shell that Lambda calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

use std::time::Duration;

use hub_batch::{Config, handler};
use hub_lambda::{Deadline, Env, job};
use hub_world::World;
use serde_json::{Value, json};

/// Runs the function on an event as Lambda does.
async fn batch(world: &World, event: &Value) -> Value {
    let handler = handler(world.hub("batch", World::no_crm()));
    let deadline = Deadline::after(Duration::from_mins(1));
    job::handle(event.clone(), deadline, &handler)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_function_without_its_configuration_names_every_missing_variable() {
    let error = Config::from_env(Env::of::<&str, &str>([])).unwrap_err();
    let names: Vec<_> = error
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["HUB_TABLE", "HUB_QUEUE_URL_PREFIX", "HUB_SECRET_PREFIX"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_samples_are_done() {
    let world = World::new(1).await;
    let stream = world.event("BatchFunction.stream.json", &[]);
    assert_eq!(
        batch(&world, &stream).await,
        json!({ "batchItemFailures": [] })
    );
    let tick = world.event("BatchFunction.tick.json", &[]);
    assert_eq!(batch(&world, &tick).await, Value::Null);
}
