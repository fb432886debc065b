//! Receiving: visibility, delay, retention, long polls, fairness, the cap, dead letters.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName as System,
};
use tokio::time::Instant;

use crate::world::{World, pass};

#[tokio::test(start_paused = true)]
async fn a_received_message_is_hidden_until_its_timeout() {
    let world = World::new();
    let url = world.queue("q", &[("VisibilityTimeout", "30")]).await;
    world.send(&url, "x").await;
    assert_eq!(world.bodies(&url, 10).await, ["x"]);
    pass(29).await;
    assert!(world.bodies(&url, 10).await.is_empty());
    assert_eq!(
        world.aws.next_due("q").unwrap().to_string(),
        "2026-01-15T12:00:30Z"
    );
    pass(1).await;
    assert_eq!(world.bodies(&url, 10).await, ["x"]);
    let receive = world
        .sqs
        .receive_message()
        .queue_url(&url)
        .visibility_timeout(5);
    pass(30).await;
    assert_eq!(receive.send().await.unwrap().messages.unwrap().len(), 1);
    pass(5).await;
    assert_eq!(world.aws.queue("q").unwrap().visible, 1);
}

#[tokio::test(start_paused = true)]
async fn visibility_is_changed_within_twelve_hours_and_only_in_flight() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    world.send(&url, "x").await;
    let handle = world.receive(&url, 1).await[0]
        .receipt_handle
        .clone()
        .unwrap();
    let change = |seconds| {
        let change = world
            .sqs
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(&handle);
        change.visibility_timeout(seconds).send()
    };
    change(600).await.unwrap();
    pass(599).await;
    assert!(world.bodies(&url, 1).await.is_empty());
    change(43_200)
        .await
        .expect_err("12 hours count from the receive");
    change(43_201).await.unwrap_err();
    change(43_200 - 599).await.unwrap();
    change(0).await.unwrap();
    let error = change(10).await.unwrap_err().into_service_error();
    assert!(error.is_message_not_inflight(), "{error:?}");
    assert_eq!(world.bodies(&url, 1).await, ["x"]);
    let stale = change(10).await.unwrap_err().into_service_error();
    assert_eq!(stale.meta().code(), Some("InvalidParameterValue"));
}

#[tokio::test(start_paused = true)]
async fn visibility_is_changed_in_batches() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    world.send(&url, "x").await;
    let handle = world.receive(&url, 1).await[0]
        .receipt_handle
        .clone()
        .unwrap();
    let entry = |id: &str, handle: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle);
        entry.visibility_timeout(90).build().unwrap()
    };
    let batch = world.sqs.change_message_visibility_batch().queue_url(&url);
    let answer = batch
        .entries(entry("a", &handle))
        .entries(entry("b", "garbage"))
        .send()
        .await
        .unwrap();
    assert_eq!((answer.successful.len(), answer.failed.len()), (1, 1));
    assert_eq!(
        world.aws.next_due("q").unwrap().to_string(),
        "2026-01-15T12:01:30Z"
    );
}

#[tokio::test(start_paused = true)]
async fn delays_are_the_queues_or_the_messages() {
    let world = World::new();
    let url = world.queue("q", &[("DelaySeconds", "10")]).await;
    world.send(&url, "queue").await;
    let send = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("message")
        .delay_seconds(900);
    send.send().await.unwrap();
    let send = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("at once")
        .delay_seconds(0);
    send.send().await.unwrap();
    assert_eq!(world.bodies(&url, 10).await, ["at once"]);
    assert_eq!(world.aws.queue("q").unwrap().delayed, 2);
    pass(10).await;
    assert_eq!(world.bodies(&url, 10).await, ["queue"]);
    pass(889).await;
    assert_eq!(world.aws.queue("q").unwrap().delayed, 1);
    pass(1).await;
    assert_eq!(world.aws.queue("q").unwrap().delayed, 0);
}

#[tokio::test(start_paused = true)]
async fn old_messages_expire() {
    let world = World::new();
    let url = world.queue("q", &[("MessageRetentionPeriod", "60")]).await;
    world.send(&url, "x").await;
    world.send(&url, "y").await;
    world.receive(&url, 1).await;
    pass(59).await;
    assert_eq!(world.aws.queue("q").unwrap().total(), 2);
    pass(1).await;
    assert_eq!(world.aws.queue("q").unwrap().total(), 0, "in flight or not");
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_wakes_on_arrival_on_visibility_and_at_its_end() {
    let world = World::new();
    let url = world.queue("q", &[("VisibilityTimeout", "7")]).await;
    let poll = || {
        world
            .sqs
            .receive_message()
            .queue_url(&url)
            .wait_time_seconds(20)
            .send()
    };
    let start = Instant::now();
    assert!(poll().await.unwrap().messages.is_none());
    assert_eq!(start.elapsed(), Duration::from_secs(20));

    let start = Instant::now();
    let (polled, ()) = tokio::join!(poll(), async {
        pass(3).await;
        world.send(&url, "x").await;
    });
    assert_eq!(polled.unwrap().messages.unwrap().len(), 1);
    assert_eq!(start.elapsed(), Duration::from_secs(3));

    let again = poll().await.unwrap().messages.unwrap();
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(10),
        "when the timeout of 7 s ended"
    );

    let (polled, ()) = tokio::join!(poll(), async {
        pass(1).await;
        let change = world
            .sqs
            .change_message_visibility()
            .queue_url(&url)
            .visibility_timeout(0);
        change
            .receipt_handle(again[0].receipt_handle.as_ref().unwrap())
            .send()
            .await
            .unwrap();
    });
    assert_eq!(polled.unwrap().messages.unwrap().len(), 1);
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(11),
        "when the message was given back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_may_poll_long_by_itself() {
    let world = World::new();
    let url = world
        .queue("q", &[("ReceiveMessageWaitTimeSeconds", "5")])
        .await;
    let start = Instant::now();
    world.receive(&url, 1).await;
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn messages_without_a_group_come_in_order() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    for body in ["1", "2", "3", "4"] {
        world.send(&url, body).await;
    }
    assert_eq!(world.bodies(&url, 3).await, ["1", "2", "3"]);
    assert_eq!(world.bodies(&url, 3).await, ["4"]);
}

#[tokio::test]
async fn a_backlog_of_one_group_does_not_delay_another() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    for i in 0..50 {
        world.send_in_group(&url, "noisy", &format!("n{i}")).await;
    }
    for i in 0..3 {
        world.send_in_group(&url, "quiet", &format!("q{i}")).await;
    }
    assert_eq!(world.bodies(&url, 4).await, ["n0", "q0", "n1", "q1"]);
    world.send_in_group(&url, "new", "x0").await;
    assert_eq!(
        world.bodies(&url, 3).await,
        ["x0", "n2", "q2"],
        "the group with the fewest in flight goes first"
    );
    assert_eq!(world.bodies(&url, 2).await, ["n3", "n4"]);
}

#[tokio::test]
async fn too_many_in_flight_is_over_the_limit() {
    let world = World::new();
    world.aws.set_in_flight_cap(3);
    let url = world.queue("q", &[]).await;
    for body in ["1", "2", "3", "4"] {
        world.send(&url, body).await;
    }
    let held = world.receive(&url, 10).await;
    assert_eq!(held.len(), 3);
    let over = world
        .sqs
        .receive_message()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(over.is_over_limit());
    let delete = world.sqs.delete_message().queue_url(&url);
    delete
        .receipt_handle(held[0].receipt_handle.as_ref().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(world.bodies(&url, 10).await, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_received_too_often_becomes_a_dead_letter() {
    let world = World::new();
    let dlq = world.queue("dlq", &[]).await;
    let redrive =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq","maxReceiveCount":2}"#;
    let url = world
        .queue(
            "q",
            &[("VisibilityTimeout", "1"), ("RedrivePolicy", redrive)],
        )
        .await;
    let id = world.send(&url, "poison").await;
    for _ in 0..2 {
        assert_eq!(world.bodies(&url, 1).await, ["poison"]);
        pass(1).await;
    }
    assert_eq!(
        world.aws.queue("dlq").unwrap().total(),
        0,
        "it moves when it would be received again"
    );
    assert!(world.bodies(&url, 1).await.is_empty());
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);
    let receive = world
        .sqs
        .receive_message()
        .queue_url(&dlq)
        .message_system_attribute_names(System::All);
    let dead = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(dead.message_id, Some(id));
    let all = dead.attributes.unwrap();
    assert_eq!(
        all[&System::DeadLetterQueueSourceArn],
        "arn:aws:sqs:us-east-1:000000000000:q"
    );
    assert_eq!(all[&System::SentTimestamp], "1768478400000");
}

#[tokio::test]
async fn parameters_have_limits() {
    let world = World::new();
    let url = world.queue("q", &[]).await;
    let receive = || world.sqs.receive_message().queue_url(&url);
    receive()
        .max_number_of_messages(11)
        .send()
        .await
        .unwrap_err();
    receive()
        .max_number_of_messages(0)
        .send()
        .await
        .unwrap_err();
    receive().wait_time_seconds(21).send().await.unwrap_err();
    receive()
        .visibility_timeout(43_201)
        .send()
        .await
        .unwrap_err();
}
