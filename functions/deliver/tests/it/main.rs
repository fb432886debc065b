//! From a CRM's queue to the CRM: what stays in the queue, what leaves it, what lies apart.
//! What the CRM then holds is asserted end to end, against the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod acme;
mod kinds;
mod lost_answer;
mod steps;

use std::time::Duration;

use hub_deliver::{Config, handler};
use hub_domain::ledger::DeliveryStatus;
use hub_engine::{Transport, TransportError, deliveries, destinations, ingest};
use hub_lambda::{Deadline, Env, queue};
use hub_world::{Fails, INGEST, World, payload};
use serde_json::{Value, json};

const DEADLINE: Deadline = Deadline::after(Duration::from_mins(2));

/// A world with a connection and three sessions: a meeting, a call, an internal one.
async fn world() -> (World, Value) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let reply = json!({ "access_token": "a", "refresh_token": "r", "token_type": "Bearer", "instance_url": "https://acme.my.salesforce.com" });
    let connection = world.connection("org_demo", "salesforce", reply).await;
    let events = ["meeting", "call", "internal"]
        .map(|kind| payload(&format!("session.completed.{kind}.json")));
    let accepted = ingest::accept(&world.hub(INGEST, World::no_crm()), &events).await;
    assert!(
        accepted.iter().all(|result| result.outcome.is_ok()),
        "{accepted:?}"
    );
    let event = world.event(
        "DeliversalesforceFunction.live.json",
        &[("connection-id", connection.as_str())],
    );
    (world, event)
}

/// Runs the function on an event as Lambda does; the ids of the messages that stay.
async fn deliver(
    world: &World,
    transport: Transport,
    event: &Value,
    deadline: Deadline,
) -> Vec<String> {
    deliver_to(world, "salesforce", transport, event, deadline).await
}

async fn deliver_to(
    world: &World,
    crm: &str,
    transport: Transport,
    event: &Value,
    deadline: Deadline,
) -> Vec<String> {
    let handler = handler(world.hub("deliver", transport), crm.parse().unwrap());
    let answer = queue::handle(event.clone(), deadline, &handler)
        .await
        .unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}

fn ids(event: &Value, places: &[usize]) -> Vec<String> {
    places
        .iter()
        .map(|place| {
            event["Records"][place]["messageId"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Where each delivery stands, by session.
async fn statuses(world: &World) -> Vec<(String, DeliveryStatus)> {
    let hub = world.hub("api", World::no_crm());
    let filter = deliveries::DeliveryFilter::default();
    let page = deliveries::list(&hub, &World::admin("org_demo"), &filter, None, 100)
        .await
        .unwrap();
    let mut found: Vec<_> = page
        .deliveries
        .into_iter()
        .map(|entry| (entry.subject.matter().to_owned(), entry.status))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
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
            "CRM"
        ]
    );

    let given = |crm| {
        Config::from_env(Env::of([
            ("HUB_TABLE", "hub"),
            ("HUB_QUEUE_URL_PREFIX", "https://sqs.example/1/hub-"),
            ("HUB_SECRET_PREFIX", "hub"),
            ("CRM", crm),
        ]))
    };
    for known in destinations() {
        assert_eq!(given(known).unwrap().crm.as_str(), known);
    }
    let error = given("abacus").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("CRM names no CRM that this hub knows (expected: one of "),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_crm_down_what_would_be_written_stays_and_is_shown_as_retrying() {
    let (world, event) = world().await;
    let down = World::crm(|_| Err(TransportError::NotSent("refused".to_owned())));
    // The internal session is nothing to write.
    assert_eq!(
        deliver(&world, down, &event, DEADLINE).await,
        ids(&event, &[0, 1])
    );
    let retrying = |session: &str| (session.to_owned(), DeliveryStatus::Retrying);
    let found: Vec<_> = statuses(&world)
        .await
        .into_iter()
        .filter(|(session, _)| session != "ses_demo_internal")
        .collect();
    assert_eq!(
        found,
        [retrying("ses_demo_call"), retrying("ses_demo_meeting")]
    );
    assert!(world.messages("salesforce-dlq").is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_too_little_time_left_nothing_is_begun() {
    let (world, event) = world().await;
    let crm = World::crm(|request| panic!("nothing is sent: {}", request.uri()));
    let stay = deliver(
        &world,
        crm,
        &event,
        Deadline::after(Duration::from_secs(59)),
    )
    .await;
    assert_eq!(stay, ids(&event, &[0, 1, 2]));
    assert!(statuses(&world).await.is_empty(), "nothing was claimed");
}

#[tokio::test(start_paused = true)]
async fn with_the_store_down_every_message_stays() {
    let (world, event) = world().await;
    world.outage.begin("DynamoDB", Fails::Before);
    let crm = World::crm(|request| panic!("nothing is sent: {}", request.uri()));
    assert_eq!(
        deliver(&world, crm, &event, DEADLINE).await,
        ids(&event, &[0, 1, 2])
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_reference_goes_to_the_dead_letter_queue() {
    let (world, mut event) = world().await;
    event["Records"].as_array_mut().unwrap().truncate(1);
    event["Records"][0]["body"] = json!("words");
    assert!(
        deliver(&world, World::no_crm(), &event, DEADLINE)
            .await
            .is_empty()
    );
    assert_eq!(world.messages("salesforce-dlq"), ["words"]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_the_crm_revoked_holds_the_delivery_and_asks_to_reconnect() {
    let (world, mut event) = world().await;
    event["Records"].as_array_mut().unwrap().truncate(1);
    let crm = World::crm(|request| {
        if request.uri().path() == "/services/oauth2/token" {
            return World::json(
                400,
                &json!({ "error": "invalid_grant", "error_description": "expired access/refresh token" }),
            );
        }
        World::json(
            401,
            &json!([{ "errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid" }]),
        )
    });
    deliver(&world, crm, &event, DEADLINE).await;
    let found = statuses(&world).await;
    assert!(
        matches!(found.as_slice(), [(_, DeliveryStatus::Held)]),
        "{found:?}"
    );
    let hub = world.hub("api", World::no_crm());
    let connections = hub_engine::connections::list(&hub, &World::admin("org_demo"))
        .await
        .unwrap();
    assert_eq!(
        connections[0].state,
        hub_domain::ConnectionState::ReconnectNeeded
    );
}
