//! From the events queue to the queues of the connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod plans;

use std::time::Duration;

use hub_dispatch::{Config, handler};
use hub_engine::ingest;
use hub_lambda::{Deadline, Env, queue};
use hub_world::{Fails, INGEST, World, payload};
use serde_json::{Value, json};

async fn world() -> (World, String) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let reply = json!({ "access_token": "a", "refresh_token": "r", "token_type": "Bearer", "instance_url": "https://acme.my.salesforce.com" });
    let connection = world.connection("org_demo", "salesforce", reply).await;
    (world, connection.to_string())
}

/// Runs the function on an event as Lambda does; the ids of the messages that stay.
async fn dispatch(world: &World, event: &Value) -> Vec<String> {
    let handler = handler(
        world.hub("dispatch", World::no_crm()),
        World::event_senders(),
    );
    let answer = queue::handle(
        event.clone(),
        Deadline::after(Duration::from_mins(1)),
        &handler,
    )
    .await
    .unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}

/// The deliveries that are asked for: connection and session.
fn asked(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let read = |body: &String| {
        let value: Value = serde_json::from_str(body).unwrap();
        (text(&value, "connection"), text(&value, "session"))
    };
    world.messages("salesforce-live").iter().map(read).collect()
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
            "HUB_INGEST_SENDER",
            "HUB_BATCH_SENDER"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reference_of_ingest_becomes_one_message_per_connection() {
    let (world, connection) = world().await;
    assert!(
        dispatch(
            &world,
            &world.event("DispatchFunction.references.json", &[])
        )
        .await
        .is_empty()
    );
    let expected = ["ses_demo_meeting", "ses_demo_call"]
        .map(|session| (connection.clone(), session.to_owned()));
    assert_eq!(asked(&world), expected);
}

#[tokio::test(start_paused = true)]
async fn a_signed_event_is_taken_in_and_goes_on() {
    let (world, connection) = world().await;
    assert!(
        dispatch(
            &world,
            &world.event("DispatchFunction.signed-event.json", &[])
        )
        .await
        .is_empty()
    );
    assert_eq!(asked(&world), [(connection, "ses_demo_meeting".to_owned())]);
    let hub = world.hub("deliver", World::no_crm());
    let stored = hub
        .store()
        .session(
            &"org_demo".parse().unwrap(),
            &"ses_demo_meeting".parse().unwrap(),
        )
        .await;
    assert_eq!(stored.unwrap().unwrap().revision, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_event_goes_to_the_dead_letter_queue() {
    let (world, _) = world().await;
    let reference = world.event("DispatchFunction.references.json", &[]);
    let signed = world.event("DispatchFunction.signed-event.json", &[]);
    let changed = |event: &Value, pointer: &str, value: Value| {
        let mut event = event.clone();
        event["Records"].as_array_mut().unwrap().truncate(1);
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let unsigned = changed(&signed, "/Records/0/messageAttributes", json!({}));
    let foreign = changed(
        &reference,
        "/Records/0/attributes/SenderId",
        json!("AIDAEVE"),
    );
    let words = changed(&reference, "/Records/0/body", json!("words"));
    let tampered = changed(&signed, "/Records/0/body", json!("{}"));
    for (n, event) in [unsigned, foreign, words, tampered].into_iter().enumerate() {
        assert!(
            dispatch(&world, &event).await.is_empty(),
            "it leaves the queue"
        );
        let body = event["Records"][0]["body"].as_str().unwrap();
        assert_eq!(world.messages("events-dlq").len(), n + 1);
        assert_eq!(world.messages("events-dlq")[n], body, "as it came");
    }
    assert!(asked(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_valid_of_a_signed_list_goes_on_and_the_rest_is_kept() {
    let (world, connection) = world().await;
    let mut invalid = payload("session.completed.call.json");
    invalid["payload"]["session"]["title"] = json!(7);
    let body = json!([payload("session.completed.meeting.json"), invalid]).to_string();
    let mut event = world.event("DispatchFunction.signed-event.json", &[]);
    for (name, value) in world.sign(body.as_bytes()) {
        event["Records"][0]["messageAttributes"][name]["stringValue"] = json!(value);
    }
    event["Records"][0]["body"] = json!(body);
    assert!(dispatch(&world, &event).await.is_empty());
    assert_eq!(asked(&world), [(connection, "ses_demo_meeting".to_owned())]);
    let kept = world
        .aws
        .dump()
        .unwrap()
        .queues
        .remove("hub-events-dlq")
        .unwrap();
    let reason = kept[0].message_attributes["hub-reason"]["StringValue"]
        .as_str()
        .unwrap();
    assert!(reason.contains("/payload/session/title"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_signature_is_judged_by_when_the_message_was_sent() {
    let (world, _) = world().await;
    let event = world.event("DispatchFunction.signed-event.json", &[]);
    tokio::time::advance(Duration::from_hours(3 * 24)).await;
    assert!(dispatch(&world, &event).await.is_empty());
    assert_eq!(
        asked(&world).len(),
        1,
        "three days in the queue do not matter"
    );
}

#[tokio::test(start_paused = true)]
async fn with_aws_down_every_message_stays_and_comes_again() {
    for service in ["DynamoDB", "AmazonSQS"] {
        let (world, _) = world().await;
        let event = world.event("DispatchFunction.references.json", &[]);
        world.outage.begin(service, Fails::Before);
        assert_eq!(dispatch(&world, &event).await.len(), 2, "{service}");
        world.outage.end();
        assert!(dispatch(&world, &event).await.is_empty(), "{service}");
        assert_eq!(asked(&world).len(), 2, "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_its_session_waits_for_it() {
    let (world, _) = world().await;
    let hub = world.hub(INGEST, World::no_crm());
    let accepted = ingest::accept(&hub, &[payload("summary.generated.json")]).await;
    assert!(accepted[0].outcome.is_ok());
    let mut event = world.event("DispatchFunction.references.json", &[]);
    event["Records"].as_array_mut().unwrap().truncate(1);
    event["Records"][0]["body"] = json!(world.messages("events")[0]);
    assert!(dispatch(&world, &event).await.is_empty());
    let due = world.aws.next_due("hub-salesforce-live").unwrap();
    assert_eq!(due.to_string(), "2026-11-20T12:15:00Z");
}
