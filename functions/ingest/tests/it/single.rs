//! One event: a status of its own.

use serde_json::json;

use crate::{faults, ingest, queued, send, session};

#[tokio::test(start_paused = true)]
async fn an_event_is_accepted_with_a_receipt_and_queued() {
    let (world, router) = ingest().await;
    let reply = send(&world, &router, &session("evt_1", "ses_1", "Kick-off")).await;
    assert_eq!(reply.status, 202);
    assert_eq!(
        reply.json(),
        json!({ "receipt": "msg_0", "accepted": 1, "events": [{ "index": 0, "id": "evt_1", "status": 202 }] })
    );
    assert_eq!(queued(&world), ["evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_the_same_body_is_accepted_again() {
    let (world, router) = ingest().await;
    let event = session("evt_1", "ses_1", "Kick-off");
    for _ in 0..2 {
        assert_eq!(send(&world, &router, &event).await.status, 202);
    }
    // The ledger makes the second nothing.
    assert_eq!(queued(&world), ["evt_1", "evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_body_is_a_409_that_names_the_fields() {
    let (world, router) = ingest().await;
    send(&world, &router, &session("evt_1", "ses_1", "Kick-off")).await;
    let mut other = session("evt_1", "ses_1", "Farewell");
    other["timestamp"] = json!("2026-11-20T11:00:01Z");
    let reply = send(&world, &router, &other).await;
    assert_eq!(reply.status, 409);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let places: Vec<_> = faults(&reply.json())
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(
        places,
        ["/payload/session/title", "/timestamp"],
        "{}",
        reply.text
    );
    assert_eq!(reply.json()["event_id"], "evt_1");
    assert!(
        !reply.text.contains("Kick-off"),
        "what was accepted before is not shown"
    );
    assert_eq!(queued(&world), ["evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn wrong_types_are_named_one_by_one() {
    let (world, router) = ingest().await;
    let mut event = session("evt_1", "ses_1", "Kick-off");
    event["timestamp"] = json!(1_795_189_561);
    event["payload"]["session"]["duration_seconds"] = json!("half an hour");
    event["payload"]["session"]["participants"] = json!({});
    let reply = send(&world, &router, &event).await;
    assert_eq!(reply.status, 422);
    let mut places: Vec<_> = faults(&reply.json())
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    places.sort();
    assert_eq!(
        places,
        [
            "/payload/session/duration_seconds",
            "/payload/session/participants",
            "/timestamp"
        ]
    );
    assert_eq!(queued(&world), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_organization_is_refused() {
    let (world, router) = ingest().await;
    let mut event = session("evt_1", "ses_1", "Kick-off");
    event["organizationId"] = json!("org_nobody");
    let reply = send(&world, &router, &event).await;
    assert_eq!(reply.status, 422);
    assert_eq!(
        faults(&reply.json()),
        [("/organizationId".to_owned(), "is unknown".to_owned())]
    );
    assert_eq!(queued(&world), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_title_of_300_emoji_is_accepted() {
    let (world, router) = ingest().await;
    let title = "🎉".repeat(300);
    assert_eq!(
        send(&world, &router, &session("evt_1", "ses_1", &title))
            .await
            .status,
        202
    );
    assert_eq!(queued(&world), ["evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_participants_is_accepted() {
    let (world, router) = ingest().await;
    let mut event = session("evt_1", "ses_1", "Alone");
    event["payload"]["session"]["participants"] = json!([]);
    assert_eq!(send(&world, &router, &event).await.status, 202);
    assert_eq!(queued(&world), ["evt_1"]);
}

#[tokio::test(start_paused = true)]
async fn what_ends_before_it_starts_is_refused() {
    let (world, router) = ingest().await;
    let mut event = session("evt_1", "ses_1", "Backwards");
    event["payload"]["session"]["segments"] = json!([{ "id": "seg_1", "speaker": "Ada", "start_ms": 2_000, "end_ms": 1_000, "text": "…" }]);
    let reply = send(&world, &router, &event).await;
    assert_eq!(reply.status, 422);
    assert_eq!(
        faults(&reply.json())[0].0,
        "/payload/session/segments/0/end_ms",
        "{}",
        reply.text
    );

    let meeting = json!({
        "id": "evt_2", "type": "meeting.scheduled", "organizationId": "org_demo", "timestamp": "2026-11-20T11:00:00Z",
        "payload": { "meeting": { "id": "mtg_1", "title": "Backwards", "starts_at": "2026-11-21T11:00:00Z",
            "ends_at": "2026-11-21T10:00:00Z", "host": { "name": "Hana", "email": "hana@seller.example" },
            "participants": [] } }
    });
    let reply = send(&world, &router, &meeting).await;
    assert_eq!(reply.status, 422);
    assert_eq!(
        faults(&reply.json())[0].0,
        "/payload/meeting/ends_at",
        "{}",
        reply.text
    );
}
