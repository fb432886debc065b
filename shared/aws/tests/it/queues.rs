//! The queues. What only one machine can show (faults, counts, senders) is in process only.

use std::{collections::BTreeSet, time::Duration};

use hub_aws::{
    AwsError, Outgoing, Queues,
    queues::{REASON, SOURCE_QUEUE},
};
use hub_domain::QueueMessage;

use crate::{
    harness::{CALLER, Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_queues:
    a_message_arrives_as_it_was_sent,
    a_large_batch_arrives_whole,
    a_bad_message_does_not_take_its_neighbours_along,
    a_delayed_message_waits,
    a_hidden_message_comes_back,
    each_receipt_has_its_own_result,
    a_deleted_message_does_not_come_back,
    a_dead_letter_can_be_driven_back,
    a_missing_queue_is_not_found,
}

const LONG: Duration = Duration::from_mins(1);

fn text(body: impl Into<String>) -> Outgoing {
    Outgoing {
        body: body.into(),
        ..Outgoing::default()
    }
}

/// Receives until nothing comes. Messages stay hidden for a minute.
async fn receive_all(queues: &Queues, queue: &str) -> Vec<QueueMessage> {
    let mut all = Vec::new();
    loop {
        let messages = queues.receive(queue, LONG).await.unwrap();
        if messages.is_empty() {
            return all;
        }
        all.extend(messages);
    }
}

async fn receive_one(queues: &Queues, queue: &str) -> QueueMessage {
    let mut messages = receive_all(queues, queue).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

fn kinds(results: &[Result<(), AwsError>]) -> Vec<&'static str> {
    let kind = |result: &Result<(), AwsError>| match result {
        Ok(()) => "ok",
        Err(AwsError::Unavailable { .. }) => "unavailable",
        Err(AwsError::Throttled { .. }) => "throttled",
        Err(AwsError::Conflict { .. }) => "conflict",
        Err(AwsError::NotFound { .. }) => "not found",
        Err(AwsError::Refused { .. }) => "refused",
        Err(AwsError::Corrupt { .. }) => "corrupt",
    };
    results.iter().map(kind).collect()
}

async fn a_message_arrives_as_it_was_sent(on: Harness) {
    let queues = on.queues(&["events"]).await;
    let attributes = [
        ("webhook-id", "msg_1"),
        ("webhook-signature", "v1,c2ln v1,c2ln"),
    ];
    let sent = Outgoing {
        body: r#"{"id":"evt_1","title":"Gruß 👋"}"#.into(),
        group: Some("org_1".into()),
        delay_s: 0,
        attributes: attributes
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    queues.send("events", sent.clone()).await.unwrap();
    let got = receive_one(&queues, "events").await;
    assert_eq!(
        (got.body, got.attributes, got.receives),
        (sent.body, sent.attributes, 1)
    );
    assert!(!got.id.is_empty() && !got.receipt.is_empty());
    assert_eq!(got.source, format!("{}events", on.unique));
    let age_ms = on.clock.now().as_millisecond() - got.sent_at_ms.unwrap();
    assert!((0..60_000).contains(&age_ms), "sent {age_ms} ms ago");
}

async fn a_large_batch_arrives_whole(on: Harness) {
    let queues = on.queues(&["hubspot-live"]).await;
    let bodies: BTreeSet<_> = (0..23).map(|n| format!("message {n}")).collect();
    let results = queues
        .send_batch("hubspot-live", bodies.iter().map(text).collect())
        .await;
    assert_eq!(kinds(&results), ["ok"; 23]);
    let got = receive_all(&queues, "hubspot-live").await;
    assert_eq!(got.len(), 23);
    assert_eq!(
        got.into_iter()
            .map(|message| message.body)
            .collect::<BTreeSet<_>>(),
        bodies
    );
    assert!(queues.send_batch("hubspot-live", vec![]).await.is_empty());
}

async fn a_bad_message_does_not_take_its_neighbours_along(on: Harness) {
    let queues = on.queues(&["events"]).await;
    let results = queues
        .send_batch(
            "events",
            vec![text("a"), text(""), text("\u{0}"), text("b")],
        )
        .await;
    assert_eq!(kinds(&results), ["ok", "refused", "refused", "ok"]);
    let got: BTreeSet<_> = receive_all(&queues, "events")
        .await
        .into_iter()
        .map(|message| message.body)
        .collect();
    assert_eq!(got, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
}

async fn a_delayed_message_waits(on: Harness) {
    let queues = on.queues(&["events"]).await;
    queues
        .send(
            "events",
            Outgoing {
                delay_s: 4,
                ..text("later")
            },
        )
        .await
        .unwrap();
    assert!(queues.receive("events", LONG).await.unwrap().is_empty());
    on.wait_s(4).await;
    assert_eq!(receive_one(&queues, "events").await.body, "later");
}

async fn a_hidden_message_comes_back(on: Harness) {
    let queues = on.queues(&["events"]).await;
    queues.send("events", text("again")).await.unwrap();
    let first = receive_one(&queues, "events").await;
    assert_eq!(
        kinds(
            &queues
                .hide_batch(
                    "events",
                    vec![(first.receipt, Duration::from_millis(3_001))]
                )
                .await
        ),
        ["ok"]
    );
    on.wait_s(2).await;
    assert!(
        queues.receive("events", LONG).await.unwrap().is_empty(),
        "hidden for four seconds"
    );
    on.wait_s(2).await;
    let second = receive_one(&queues, "events").await;
    assert_eq!((second.body.as_str(), second.receives), ("again", 2));
    assert_eq!(
        kinds(
            &queues
                .hide_batch("events", vec![(second.receipt, Duration::ZERO)])
                .await
        ),
        ["ok"]
    );
    assert_eq!(receive_one(&queues, "events").await.receives, 3);
}

async fn each_receipt_has_its_own_result(on: Harness) {
    let queues = on.queues(&["events"]).await;
    assert_eq!(
        kinds(
            &queues
                .send_batch("events", (0..12).map(|n| text(n.to_string())).collect())
                .await
        ),
        ["ok"; 12]
    );
    let mut receipts: Vec<_> = receive_all(&queues, "events")
        .await
        .into_iter()
        .map(|message| (message.receipt, LONG))
        .collect();
    receipts.insert(11, ("no receipt".into(), LONG));
    let mut expected = vec!["ok"; 13];
    expected[11] = "refused";
    assert_eq!(
        kinds(&queues.hide_batch("events", receipts).await),
        expected
    );
}

async fn a_deleted_message_does_not_come_back(on: Harness) {
    let queues = on.queues(&["events"]).await;
    queues.send("events", text("once")).await.unwrap();
    let got = queues
        .receive("events", Duration::from_secs(2))
        .await
        .unwrap();
    assert_eq!(
        kinds(
            &queues
                .delete_batch("events", vec![got[0].receipt.clone()])
                .await
        ),
        ["ok"]
    );
    on.wait_s(3).await;
    assert!(receive_all(&queues, "events").await.is_empty());
}

async fn a_dead_letter_can_be_driven_back(on: Harness) {
    let queues = on.queues(&["hubspot-bulk", "hubspot-dlq"]).await;
    let sent = Outgoing {
        attributes: [("webhook-id".to_owned(), "msg_1".to_owned())].into(),
        ..text("reference")
    };
    queues.send("hubspot-bulk", sent).await.unwrap();
    let failed = receive_one(&queues, "hubspot-bulk").await;
    queues
        .dead_letter("hubspot-bulk", "hubspot-dlq", &failed, "no mapping")
        .await
        .unwrap();
    queues
        .delete_batch("hubspot-bulk", vec![failed.receipt])
        .await
        .remove(0)
        .unwrap();

    let dead = receive_one(&queues, "hubspot-dlq").await;
    assert_eq!(dead.body, "reference");
    assert_eq!(dead.attributes[REASON], "no mapping");
    assert_eq!(dead.attributes["webhook-id"], "msg_1");

    let back = Outgoing {
        attributes: dead.attributes.clone(),
        ..text(dead.body)
    };
    queues
        .send(&dead.attributes[SOURCE_QUEUE], back)
        .await
        .unwrap();
    queues
        .delete_batch("hubspot-dlq", vec![dead.receipt])
        .await
        .remove(0)
        .unwrap();
    let again = receive_one(&queues, "hubspot-bulk").await;
    assert_eq!((again.body.as_str(), again.receives), ("reference", 1));
    assert!(receive_all(&queues, "hubspot-dlq").await.is_empty());
}

async fn a_missing_queue_is_not_found(on: Harness) {
    let queues = on.queues(&["events"]).await;
    assert_eq!(
        kinds(
            &queues
                .send_batch("nowhere", vec![text("a"), text("b")])
                .await
        ),
        ["not found", "not found"]
    );
    assert!(matches!(
        queues.receive("nowhere", LONG).await,
        Err(AwsError::NotFound { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn the_sender_is_the_caller() {
    let on = Harness::in_process();
    let queues = on.queues(&["events"]).await;
    queues.send("events", text("a")).await.unwrap();
    assert_eq!(
        receive_one(&queues, "events").await.sender.as_deref(),
        Some(CALLER)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_fails_its_entries_only() {
    let on = Harness::in_process();
    let queues = on.queues(&["events"]).await;
    let batch = || (0..25).map(|n| text(n.to_string())).collect::<Vec<_>>();
    for (fate, kind) in [
        (Fate::LostRequest, "unavailable"),
        (Fate::LostAnswer, "unavailable"),
        (Fate::Answered(200, "no json"), "unavailable"),
        (Fate::Answered(503, ""), "unavailable"),
        (Fate::Answered(200, "{}"), "unavailable"),
        (
            Fate::Answered(
                400,
                r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow"}"#,
            ),
            "throttled",
        ),
        (
            Fate::Answered(400, r#"{"__type":"AccessDeniedException","message":"no"}"#),
            "refused",
        ),
    ] {
        on.wire
            .next("SendMessageBatch", [Fate::Passes, fate.clone()]);
        let before = on.wire.calls("SendMessageBatch");
        let results = queues.send_batch("events", batch()).await;
        assert_eq!(
            kinds(&results),
            [vec!["ok"; 10], vec![kind; 10], vec!["ok"; 5]].concat(),
            "{fate:?}"
        );
        assert_eq!(
            on.wire.calls("SendMessageBatch") - before,
            3,
            "{fate:?}: the SDK does not retry"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_after_ten_seconds() {
    let on = Harness::in_process();
    let queues = on.queues(&["events"]).await;
    on.wire.next("SendMessageBatch", [Fate::Silence]);
    let asked_at = on.clock.now();
    let error = queues.send("events", text("a")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(on.clock.now().duration_since(asked_at).as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn large_messages_go_in_calls_of_one_mebibyte() {
    let on = Harness::in_process();
    let queues = on.queues(&["events"]).await;
    let results = queues
        .send_batch("events", vec![text("x".repeat(500_000)); 5])
        .await;
    assert_eq!(kinds(&results), ["ok"; 5]);
    assert_eq!(on.wire.calls("SendMessageBatch"), 3);
    let local = on.local.unwrap();
    assert_eq!(
        local
            .dump()
            .unwrap()
            .queues
            .values()
            .map(Vec::len)
            .sum::<usize>(),
        5
    );
}
