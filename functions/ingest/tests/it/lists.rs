//! A list of events: an answer for each of them.

use hub_world::Fails;
use serde_json::{Value, json};

use crate::{faults, ingest, queued, send, session};

fn statuses(answer: &Value) -> Vec<u64> {
    let events = answer["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_invalid_among_valid_is_a_207_and_the_valid_ones_are_stored_and_queued() {
    let (world, router) = ingest().await;
    let mut invalid = session("evt_2", "ses_2", "Second");
    invalid["payload"]["session"]["kind"] = json!("seance");
    let list = json!([
        session("evt_1", "ses_1", "First"),
        invalid,
        session("evt_3", "ses_3", "Third")
    ]);
    let reply = send(&world, &router, &list).await;
    assert_eq!(reply.status, 207);
    let answer = reply.json();
    assert_eq!(
        (&answer["receipt"], &answer["accepted"]),
        (&json!("msg_0"), &json!(2))
    );
    assert_eq!(statuses(&answer), [202, 422, 202]);
    assert_eq!(answer["events"][1]["index"], 1);
    assert_eq!(answer["events"][1]["id"], "evt_2");
    // Pointers count from the event.
    assert_eq!(faults(&answer["events"][1])[0].0, "/payload/session/kind");
    assert_eq!(queued(&world), ["evt_1", "evt_3"]);
}

#[tokio::test(start_paused = true)]
async fn all_accepted_is_a_202_and_none_is_a_422() {
    let (world, router) = ingest().await;
    let reply = send(
        &world,
        &router,
        &json!([session("evt_1", "ses_1", "First")]),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), statuses(&reply.json())),
        (202, vec![202])
    );

    let reply = send(&world, &router, &json!([{}, "words", { "id": "evt_2" }])).await;
    assert_eq!(
        (reply.status.as_u16(), statuses(&reply.json())),
        (422, vec![422, 422, 422])
    );
    assert_eq!(reply.json()["accepted"], 0);
    assert_eq!(reply.json()["events"][0]["id"], Value::Null);
    assert_eq!(reply.json()["events"][2]["id"], "evt_2");
    assert_eq!(queued(&world), ["evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_one_event_that_differs_is_answered_as_a_list() {
    let (world, router) = ingest().await;
    send(&world, &router, &session("evt_1", "ses_1", "First")).await;
    let reply = send(
        &world,
        &router,
        &json!([session("evt_1", "ses_1", "Other")]),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), statuses(&reply.json())),
        (422, vec![409])
    );
    assert_eq!(
        faults(&reply.json()["events"][0])[0].0,
        "/payload/session/title"
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_stored_is_marked_retryable() {
    let (world, router) = ingest().await;
    let list = json!([session("evt_1", "ses_1", "First"), {}]);
    world.outage.begin("AmazonSQS", Fails::Before);
    let reply = send(&world, &router, &list).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (503, "10")
    );
    let answer = reply.json();
    assert_eq!(statuses(&answer), [503, 422]);
    assert_eq!(answer["events"][0]["retryable"], true);
    assert_eq!(answer["events"][1].get("retryable"), None);

    world.outage.end();
    assert_eq!(send(&world, &router, &list).await.status, 207);
    assert_eq!(queued(&world), ["evt_1"]);
}
