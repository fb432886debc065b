//! Dead letters that an operator moves back.

use std::{collections::BTreeMap, time::Duration};

use hub_e2e::{CRM, Machine, ORG};
use hub_engine::redrive::{Redriven, redrive};
use hub_world::World;
use serde_json::json;

use crate::sample::meeting;

async fn moved(machine: &Machine, queue: &str) -> Redriven {
    let hub = machine.hub("batch");
    let time = Duration::from_mins(1);
    redrive(&hub, &World::dead_letter_senders(), queue, 100, time)
        .await
        .unwrap()
}

/// Answers that are failures, so many of them.
fn failing(times: u64) -> serde_json::Value {
    json!({ "fault": "server_error", "times": times, "where": { "path_prefix": "/services/data" } })
}

fn all(moved: usize) -> Redriven {
    Redriven { moved, left: 0 }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_was_given_up_has_its_attempts_again() {
    let (machine, _) = Machine::connected(1).await;
    machine.fault(failing(30));
    machine.accept(&meeting("evt_1", "ses_1", "Hopeless")).await;
    machine.work().await;
    assert_eq!(
        machine.deliveries(ORG).await["ses_1"]["status"],
        "dead_lettered"
    );
    // One failure more would have been the last.
    machine.fault(failing(3));
    assert_eq!(moved(&machine, CRM).await, all(1));
    machine.work().await;
    machine.each_once(ORG).await;
    assert!(machine.world.messages(&format!("{CRM}-dlq")).is_empty());
    assert_eq!(moved(&machine, CRM).await, all(0));
}

#[tokio::test(start_paused = true)]
async fn a_worker_may_die_at_any_point_of_a_redrive() {
    for point in 1.. {
        let (machine, connection) = Machine::connected(2).await;
        machine.accept(&meeting("evt_1", "ses_1", "Back")).await;
        machine.dispatch().await;
        machine.work().await;
        // A replay of what is delivered does nothing; so a letter of it lies there.
        let body = json!({ "v": 1, "organization": ORG, "connection": connection, "session": "ses_1", "event": "evt_1", "revision": 1 });
        let dead = format!("{CRM}-dlq");
        machine
            .put("deliver", &dead, body.to_string(), BTreeMap::new())
            .await;
        let done = machine
            .world
            .outage
            .until(point, Box::pin(moved(&machine, CRM)))
            .await;
        tokio::time::sleep(Duration::from_mins(6)).await;
        let calls = machine.sandbox.calls();
        moved(&machine, CRM).await;
        machine.work().await;
        assert!(machine.world.messages(&dead).is_empty(), "{point}");
        assert_eq!(
            machine.sandbox.calls(),
            calls,
            "{point}: it was delivered already"
        );
        machine.each_once(ORG).await;
        if done.is_some() {
            assert!(point > 8, "{point}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_event_is_judged_by_when_it_was_sent_first() {
    let (machine, _) = Machine::connected(3).await;
    // Valid but for one event beside it, so that the whole message lies in the dead-letter queue.
    let good = meeting("evt_1", "ses_1", "Signed");
    machine.enqueue(&json!([good, { "id": "evt_2" }])).await;
    machine.work().await;
    assert_eq!(machine.world.messages("events-dlq").len(), 1);
    // Days later its signature would be too old.
    tokio::time::sleep(Duration::from_hours(72)).await;
    assert_eq!(moved(&machine, "events").await, all(1));
    machine.work().await;
    let dump = machine.world.aws.dump().unwrap();
    let dead = dump.queues["hub-events-dlq"][0]
        .message_attributes
        .to_string();
    assert!(!dead.contains("signature is not valid"), "{dead}");
    assert!(
        dead.contains("is missing") || dead.contains("/organizationId") || dead.contains("type"),
        "{dead}"
    );
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_cannot_backdate_a_signature_nor_bring_a_reference() {
    let (machine, _) = Machine::connected(4).await;
    let event = meeting("evt_1", "ses_1", "Replayed");
    let body = json!([event]).to_string();
    let then = machine.world.clock.now();
    let mut attributes: BTreeMap<String, String> = machine
        .world
        .sign_at(body.as_bytes(), then)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    attributes.insert("hub-sent-at".to_owned(), then.as_millisecond().to_string());
    attributes.insert("hub-sent-by".to_owned(), "ingest".to_owned());
    tokio::time::sleep(Duration::from_hours(72)).await;
    machine
        .put("liveprompt", "events", body, attributes.clone())
        .await;
    let reference =
        json!({ "v": 1, "organization": ORG, "session": "ses_1", "event": "evt_1", "revision": 1 });
    attributes.remove("webhook-signature");
    machine
        .put("liveprompt", "events", reference.to_string(), attributes)
        .await;
    machine.work().await;
    assert_eq!(machine.world.messages("events-dlq").len(), 2);
    // Nor are they believed because an operator moved them back, however often.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(moved(&machine, "events").await, all(2));
        machine.work().await;
        assert_eq!(machine.world.messages("events-dlq").len(), 2);
    }
    assert!(machine.deliveries(ORG).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reference_of_ingest_is_believed_again() {
    let (machine, _) = Machine::connected(5).await;
    machine.accept(&meeting("evt_1", "ses_1", "Ours")).await;
    // As if it had been received too often: SQS moves it with its sender, and nothing of ours on it.
    let body = machine.world.messages("events").pop().unwrap();
    machine.work().await;
    machine
        .put("ingest", "events-dlq", body, BTreeMap::new())
        .await;
    assert_eq!(moved(&machine, "events").await, all(1));
    machine.work().await;
    assert!(machine.world.messages("events-dlq").is_empty());
    machine.each_once(ORG).await;
    let hub = machine.hub("batch");
    let unknown = redrive(
        &hub,
        &World::dead_letter_senders(),
        "batch",
        1,
        Duration::from_mins(1),
    )
    .await;
    assert!(unknown.is_err(), "batch-dlq has nothing that could go back");
}
