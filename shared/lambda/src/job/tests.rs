//! Events as Lambda sends them, and the answers it gets.

use std::{cell::RefCell, time::Duration};

use super::*;
use hub_domain::{Attribute, Image};

const DEADLINE: Deadline = Deadline::after(Duration::from_secs(30));

fn record(number: &str) -> Value {
    json!({
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_763_650_800.0,
            "Keys": { "pk": { "S": "org_1#conn#0" }, "sk": { "S": "conn_1" } },
            "OldImage": { "v": { "N": "1" }, "b": { "B": "AQI=" } },
            "NewImage": { "v": { "N": "2" }, "d": { "S": "{}" } },
            "SequenceNumber": number,
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES"
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/hub/stream/2026-11-20T00:00:00.000"
    })
}

fn event(numbers: &[&str]) -> Value {
    json!({ "Records": numbers.iter().map(|number| record(number)).collect::<Vec<_>>() })
}

fn from(number: &str) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": number }] })
}

async fn answered(event: Value, answer: JobAnswer) -> (Result<Value, JobError>, Vec<Job>) {
    let seen = RefCell::new(Vec::new());
    let handler = |job, deadline| {
        assert_eq!(deadline, DEADLINE);
        seen.borrow_mut().push(job);
        std::future::ready(answer.clone())
    };
    let answer = handle(event, DEADLINE, &handler).await;
    (answer, seen.into_inner())
}

#[tokio::test]
async fn a_change_is_read_whole() {
    let (answer, seen) = answered(event(&["100"]), JobAnswer::Done).await;
    assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    let text = |name: &str, value| (name.to_owned(), value);
    let expected = TableChange {
        sequence: "100".to_owned(),
        at: "2025-11-20T15:00:00Z".parse().unwrap(),
        pk: "org_1#conn#0".to_owned(),
        sk: "conn_1".to_owned(),
        old: Some(Image::from([
            text("v", Attribute::Number("1".to_owned())),
            text("b", Attribute::Bytes(vec![1, 2])),
        ])),
        new: Some(Image::from([
            text("v", Attribute::Number("2".to_owned())),
            text("d", Attribute::Text("{}".to_owned())),
        ])),
    };
    assert_eq!(expected.place(), Some(("org_1", "conn")));
    assert_eq!(seen, [Job::Changes(vec![expected])]);
}

#[tokio::test]
async fn the_first_failure_is_named_alone() {
    let three = event(&["100", "200", "300"]);
    let (answer, _) = answered(three.clone(), JobAnswer::From("200".to_owned())).await;
    assert_eq!(answer, Ok(from("200")));
    let (answer, _) = answered(three.clone(), JobAnswer::Failed).await;
    assert_eq!(answer, Ok(from("100")));
    let (answer, _) = answered(three, JobAnswer::From("999".to_owned())).await;
    assert_eq!(answer, Ok(from("100")), "a number that is not of the batch");
}

#[tokio::test]
async fn nothing_overtakes_a_record_that_cannot_be_read() {
    for wrong in [
        ("/dynamodb/Keys", json!({ "pk": { "S": "x" } })),
        ("/dynamodb/NewImage", json!({ "x": { "BOOL": true } })),
        ("/dynamodb/OldImage", json!({ "x": { "B": "not base64" } })),
        ("/dynamodb/ApproximateCreationDateTime", json!("soon")),
    ] {
        let mut three = event(&["100", "200", "300"]);
        *three["Records"][1].pointer_mut(wrong.0).unwrap() = wrong.1;
        let (answer, seen) = answered(three, JobAnswer::Done).await;
        assert_eq!(answer, Ok(from("200")), "{}", wrong.0);
        assert!(matches!(&seen[..], [Job::Changes(changes)] if changes.len() == 1));
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_answered_fails_whole() {
    let mut two = event(&["100", "200"]);
    two["Records"][1]["dynamodb"]["SequenceNumber"] = Value::Null;
    let (answer, seen) = answered(two, JobAnswer::Done).await;
    assert_eq!(answer, Err(JobError::Unnumbered { index: 1 }));
    assert_eq!(seen, []);
    for other in [
        json!({}),
        json!({ "Records": 1 }),
        json!({ "tick": "hour", "time": "2026-11-20T15:46:00Z" }),
        json!({ "tick": "minute" }),
    ] {
        assert_eq!(
            answered(other, JobAnswer::Done).await,
            (Err(JobError::Unknown), vec![])
        );
    }
}

#[tokio::test]
async fn a_tick_is_done_or_fails() {
    let tick = json!({ "tick": "minute", "time": "2026-11-20T15:46:00Z" });
    let (answer, seen) = answered(tick.clone(), JobAnswer::Done).await;
    assert_eq!(answer, Ok(Value::Null));
    assert_eq!(seen, [Job::Tick("2026-11-20T15:46:00Z".parse().unwrap())]);
    let (answer, _) = answered(tick, JobAnswer::Failed).await;
    assert_eq!(answer, Err(JobError::Failed));
}

#[tokio::test]
async fn a_panic_does_nothing() {
    let handler = |job, _| async move {
        assert_eq!(job, Job::Changes(vec![]), "a bug");
        JobAnswer::Done
    };
    let answer = handle(event(&["100", "200"]), DEADLINE, &handler).await;
    assert_eq!(answer, Ok(from("100")));
}
