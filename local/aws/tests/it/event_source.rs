//! The poller behaves as Lambda's event source mapping with `ReportBatchItemFailures`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;
use futures_util::FutureExt;
use hub_local_aws::{EventSource, Handler};
use serde_json::{Value, json};

use crate::world::{World, pass};

fn source(handler: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static) -> EventSource {
    let handler: Handler = Arc::new(move |event| std::future::ready(handler(event)).boxed());
    EventSource {
        queue: "q".into(),
        batch_size: 10,
        max_concurrency: 2,
        handler,
    }
}

async fn filled(bodies: &[&str]) -> (World, String) {
    let world = World::new();
    let url = world.queue("q", &[("VisibilityTimeout", "30")]).await;
    for body in bodies {
        world.send(&url, body).await;
    }
    (world, url)
}

#[tokio::test(start_paused = true)]
async fn the_event_is_lambdas() {
    let (world, url) = filled(&[]).await;
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("evt_1")
        .build()
        .unwrap();
    let send = world
        .sqs
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_group_id("org_1");
    let id = send
        .message_attributes("webhook-id", attribute)
        .send()
        .await
        .unwrap()
        .message_id
        .unwrap();
    let seen = Arc::new(Mutex::new(Value::Null));
    let source = source({
        let seen = seen.clone();
        move |event| {
            *seen.lock().unwrap() = event;
            Ok(Value::Null)
        }
    });
    assert_eq!(world.aws.poll_once(&source).await, 1);
    assert_eq!(world.aws.poll_once(&source).await, 0);
    let mut event = seen.lock().unwrap().clone();
    assert!(
        event["Records"][0]["receiptHandle"]
            .take()
            .as_str()
            .is_some_and(|handle| !handle.is_empty())
    );
    let expected = json!({ "Records": [{
        "messageId": id,
        "receiptHandle": null,
        "body": "hello",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1768478400000",
            "SenderId": "AKIDTEST",
            "ApproximateFirstReceiveTimestamp": "1768478400000",
            "MessageGroupId": "org_1",
        },
        "messageAttributes": {
            "webhook-id": { "stringValue": "evt_1", "dataType": "String", "stringListValues": [], "binaryListValues": [] },
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "awsRegion": "us-east-1",
    }] });
    assert_eq!(event, expected);
    let counts = world.aws.counts();
    assert_eq!(counts.calls_of("poller.Invoke"), 1);
    assert_eq!(
        counts.poller_calls, 3,
        "receive, invoke, delete; an empty receive is not counted"
    );
}

/// What a batch of three leaves behind, when the second record's id is put into the answer for `ID`.
async fn left_by(answer: Result<&'static str, &'static str>) -> usize {
    let (world, _) = filled(&["1", "2", "3"]).await;
    let source = source(move |event| {
        let id = event["Records"][1]["messageId"]
            .as_str()
            .unwrap()
            .to_owned();
        let answer = answer.map_err(str::to_owned)?;
        Ok(serde_json::from_str(&answer.replace("ID", &id)).unwrap())
    });
    assert_eq!(world.aws.poll_once(&source).await, 3);
    world.aws.queue("q").unwrap().total()
}

#[tokio::test(start_paused = true)]
async fn the_answer_decides_what_stays() {
    for success in [
        "null",
        "{}",
        r#"{"batchItemFailures":[]}"#,
        r#"{"batchItemFailures":null}"#,
    ] {
        assert_eq!(left_by(Ok(success)).await, 0, "{success}");
    }
    assert_eq!(
        left_by(Ok(r#"{"batchItemFailures":[{"itemIdentifier":"ID"}]}"#)).await,
        1
    );
    for failure in [
        r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"ID"},{"itemIdentifier":"unknown"}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"itemId":"ID"}]}"#,
        r#"{"batchItemFailures":"ID"}"#,
        r#""ok""#,
    ] {
        assert_eq!(left_by(Ok(failure)).await, 3, "{failure}");
    }
    assert_eq!(left_by(Err("boom")).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_batch_and_not_the_poller() {
    let (world, _) = filled(&["1", "2"]).await;
    let at_once: Handler = Arc::new(|_| panic!("at once"));
    let later: Handler = Arc::new(|_| async { panic!("later") }.boxed());
    for handler in [at_once, later] {
        let source = EventSource {
            handler,
            ..source(|_| Ok(Value::Null))
        };
        assert_eq!(world.aws.poll_once(&source).await, 2);
        assert_eq!(world.aws.queue("q").unwrap().in_flight, 2);
        pass(30).await;
    }
    assert_eq!(world.aws.queue("q").unwrap().visible, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_returns_when_the_handler_said() {
    let (world, url) = filled(&["1"]).await;
    let sqs = world.sqs.clone();
    let handler: Handler = Arc::new(move |event| {
        let (sqs, url) = (sqs.clone(), url.clone());
        async move {
            let record = &event["Records"][0];
            let change = sqs
                .change_message_visibility()
                .queue_url(url)
                .visibility_timeout(600);
            change
                .receipt_handle(record["receiptHandle"].as_str().unwrap())
                .send()
                .await
                .unwrap();
            Ok(json!({ "batchItemFailures": [{ "itemIdentifier": record["messageId"] }] }))
        }
        .boxed()
    });
    let source = EventSource {
        handler,
        ..source(|_| Ok(Value::Null))
    };
    assert_eq!(world.aws.poll_once(&source).await, 1);
    assert_eq!(
        world.aws.next_due("q").unwrap().to_string(),
        "2026-01-15T12:10:00Z"
    );
    pass(599).await;
    assert_eq!(world.aws.poll_once(&source).await, 0);
    pass(1).await;
    assert_eq!(world.aws.poll_once(&source).await, 1);
}

#[tokio::test(start_paused = true)]
async fn running_keeps_to_its_concurrency_wakes_up_and_finishes_what_it_began() {
    let (world, url) = filled(&["1", "2", "3", "4", "5"]).await;
    let (running, most, done) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let handler: Handler = Arc::new({
        let (running, most, done) = (running.clone(), most.clone(), done.clone());
        move |_| {
            let (running, most, done) = (running.clone(), most.clone(), done.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(10)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
                Ok(Value::Null)
            }
            .boxed()
        }
    });
    let source = EventSource {
        handler,
        batch_size: 1,
        ..source(|_| Ok(Value::Null))
    };
    let script = async {
        pass(25).await;
        assert_eq!(done.load(Ordering::SeqCst), 4);
        pass(10).await;
        assert_eq!(done.load(Ordering::SeqCst), 5);
        world.send(&url, "arrives while idle").await;
        pass(15).await;
        assert_eq!(done.load(Ordering::SeqCst), 6);
        let send = world
            .sqs
            .send_message()
            .queue_url(&url)
            .message_body("delayed")
            .delay_seconds(60);
        send.send().await.unwrap();
        pass(65).await;
        assert_eq!(
            running.load(Ordering::SeqCst),
            1,
            "woken by the end of the delay; now the shutdown comes"
        );
    };
    world.aws.run_source(&source, script).await;
    assert_eq!(done.load(Ordering::SeqCst), 7);
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn running_waits_for_a_queue_that_is_not_there_yet() {
    let world = World::new();
    let source = source(|_| Ok(Value::Null));
    let script = async {
        pass(5).await;
        let url = world.queue("q", &[]).await;
        world.send(&url, "x").await;
        pass(5).await;
        assert_eq!(world.aws.queue("q").unwrap().total(), 0);
    };
    world.aws.run_source(&source, script).await;
}

#[tokio::test(start_paused = true)]
async fn poison_ends_in_the_dead_letter_queue_while_the_poller_runs() {
    let world = World::new();
    world.queue("dlq", &[]).await;
    let redrive =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq","maxReceiveCount":3}"#;
    let url = world
        .queue(
            "q",
            &[("VisibilityTimeout", "30"), ("RedrivePolicy", redrive)],
        )
        .await;
    world.send(&url, "poison").await;
    let source = source(|_| Err("no".into()));
    world.aws.run_source(&source, pass(91)).await;
    assert_eq!(world.aws.counts().calls_of("poller.Invoke"), 3);
    assert_eq!(world.aws.queue("dlq").unwrap().visible, 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_batch_takes_several_receives() {
    let bodies: Vec<String> = (0..25).map(|body| body.to_string()).collect();
    let (world, _) = filled(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let source = EventSource {
        batch_size: 20,
        ..source(|_| Ok(Value::Null))
    };
    assert_eq!(world.aws.poll_once(&source).await, 20);
    assert_eq!(world.aws.poll_once(&source).await, 5);
    assert_eq!(world.aws.queue("q").unwrap().total(), 0);
}
