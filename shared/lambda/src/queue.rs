//! The SQS batch shell: a Lambda event in, a partial batch response out.
//!
//! Whatever is unclear stays in the queue: a message that arrives twice is absorbed by the
//! ledger, one that is deleted by mistake is gone. The shell decides nothing about a message and
//! logs none of its content.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::SqsMessage;
use futures_util::FutureExt as _;
use hub_domain::QueueMessage;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tracing::{Instrument as _, error, field, info, info_span};

/// How much time an invocation had left when its batch was handed over. It is a duration and not
/// a point in time, so that whoever counts it down uses its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    remaining: Duration,
}

impl Deadline {
    /// A deadline this far from now.
    pub const fn after(remaining: Duration) -> Self {
        Self { remaining }
    }

    /// The time that was left at the hand-over; zero if there was none.
    pub const fn remaining(self) -> Duration {
        self.remaining
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "Lambda gives the deadline in wall-clock time"
    )]
    pub(crate) fn of(context: &Context) -> Self {
        Self::after(
            context
                .deadline()
                .duration_since(SystemTime::now())
                .unwrap_or_default(),
        )
    }
}

/// What became of a batch: what is not named here is dealt with, and Lambda deletes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchAnswer {
    /// The ids of the messages that stay in the queue.
    pub failed: Vec<String>,
}

/// A batch that cannot be answered message by message. Lambda then retries all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The event does not come from a queue.
    #[error("the event has no list `Records`; it does not come from a queue")]
    NotABatch,
    /// A record without an id: it could not be named in the answer, and an answer that leaves it
    /// out would delete it.
    #[error("record {index} of the batch has no `messageId`; the whole batch stays in the queue")]
    Unnamed {
        /// Its place in the event, counted from 0.
        index: usize,
    },
}

impl From<BatchError> for Diagnostic {
    fn from(error: BatchError) -> Self {
        let error_type = match error {
            BatchError::NotABatch => "NotABatch",
            BatchError::Unnamed { .. } => "UnnamedRecord",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Serves a queue until the process ends. The handler gets each batch whole and answers which of
/// its messages stay.
pub async fn run<H, F>(handler: H) -> Result<(), crate::Error>
where
    H: Fn(Vec<QueueMessage>, Deadline) -> F,
    F: Future<Output = BatchAnswer>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of(&event.context);
        // The runtime logs an error that it is given, so nothing is logged here.
        handle(event.payload, deadline, handler)
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}

/// Handles one SQS event as Lambda sends it, and answers as Lambda wants it:
/// `{"batchItemFailures":[{"itemIdentifier":"…"}]}`. [`run`] and the local hub both call this.
pub async fn handle<H, F>(
    event: Value,
    deadline: Deadline,
    handler: &H,
) -> Result<Value, BatchError>
where
    H: Fn(Vec<QueueMessage>, Deadline) -> F,
    F: Future<Output = BatchAnswer>,
{
    let batch = Batch::read(event)?;
    let messages = batch.ids.len();
    let span = info_span!("batch", messages, failed = field::Empty);
    async {
        let failed = batch.answer(deadline, handler).await;
        tracing::Span::current().record("failed", failed.len());
        info!(
            "batch handled: {} of {messages} messages stay in the queue",
            failed.len()
        );
        let failed = failed.into_iter().map(|id| json!({ "itemIdentifier": id }));
        Ok(json!({ "batchItemFailures": failed.collect::<Vec<_>>() }))
    }
    .instrument(span)
    .await
}

/// A batch of which every record has a name.
struct Batch {
    /// Each record's id, in the order of the event.
    ids: Vec<String>,
    /// The records that can be handled.
    messages: Vec<QueueMessage>,
    /// The ids of those that cannot.
    unreadable: Vec<String>,
}

impl Batch {
    fn read(mut event: Value) -> Result<Self, BatchError> {
        let Some(Value::Array(records)) = event.get_mut("Records").map(Value::take) else {
            return Err(BatchError::NotABatch);
        };
        let mut batch = Self {
            ids: Vec::new(),
            messages: Vec::new(),
            unreadable: Vec::new(),
        };
        for (index, record) in records.into_iter().enumerate() {
            let id = record
                .get("messageId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if id.is_empty() {
                return Err(BatchError::Unnamed { index });
            }
            match message(&id, record) {
                Some(message) => batch.messages.push(message),
                None => batch.unreadable.push(id.clone()),
            }
            batch.ids.push(id);
        }
        Ok(batch)
    }

    /// The ids that stay in the queue, each once, in the order of the batch.
    async fn answer<H, F>(self, deadline: Deadline, handler: &H) -> Vec<String>
    where
        H: Fn(Vec<QueueMessage>, Deadline) -> F,
        F: Future<Output = BatchAnswer>,
    {
        for id in &self.unreadable {
            error!(
                message.id = id,
                "a record of the batch cannot be read; it stays in the queue"
            );
        }
        let mut failed: BTreeSet<String> = self.unreadable.into_iter().collect();
        if !self.messages.is_empty() {
            // Inside an async block, so that a panic before the first await is caught as well.
            let work = AssertUnwindSafe(async { handler(self.messages, deadline).await });
            if let Ok(answer) = work.catch_unwind().await {
                failed.extend(answer.failed);
            } else {
                error!("the handler panicked; its whole batch stays in the queue");
                failed.extend(self.ids.iter().cloned());
            }
        }
        let known: BTreeSet<&String> = self.ids.iter().collect();
        let unknown = failed.iter().filter(|id| !known.contains(id)).count();
        if unknown > 0 {
            error!(
                unknown,
                "the handler named messages that are not in its batch; all of it stays in the queue"
            );
            failed.extend(self.ids.iter().cloned());
        }
        // Taking each id out as it is met names a message once that was received twice.
        self.ids
            .into_iter()
            .filter(|id| failed.remove(id))
            .collect()
    }
}

/// The record as the engine knows it, or nothing if it has no receipt or is not shaped as SQS
/// shapes it. A body that is missing is passed on empty: what a body must be is the engine's rule.
fn message(id: &str, record: Value) -> Option<QueueMessage> {
    let mut record: SqsMessage = serde_json::from_value(record).ok()?;
    let receipt = record
        .receipt_handle
        .filter(|receipt| !receipt.is_empty())?;
    let receives = record
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|n| n.parse().ok());
    let sent_at_ms = record
        .attributes
        .get("SentTimestamp")
        .and_then(|time| time.parse().ok());
    let attributes = record.message_attributes.into_iter();
    // A number is text in SQS, too; only binary values have no string.
    let attributes = attributes.filter_map(|(name, value)| Some((name, value.string_value?)));
    Some(QueueMessage {
        id: id.to_owned(),
        receipt,
        body: record.body.unwrap_or_default(),
        sender: record.attributes.remove("SenderId"),
        receives: receives.unwrap_or(1).max(1),
        // `arn:aws:sqs:{region}:{account}:{name}`
        source: record
            .event_source_arn
            .as_deref()
            .and_then(|arn| arn.rsplit(':').next())
            .unwrap_or_default()
            .to_owned(),
        sent_at_ms,
        attributes: attributes.collect::<BTreeMap<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const DEADLINE: Deadline = Deadline::after(Duration::from_secs(30));

    fn record(id: &str) -> Value {
        json!({
            "messageId": id,
            "receiptHandle": format!("receipt-{id}"),
            "body": "{}",
            "attributes": { "ApproximateReceiveCount": "1", "SenderId": "AROAEXAMPLE:ingest" },
            "messageAttributes": {},
            "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:events",
            "awsRegion": "eu-central-1"
        })
    }

    fn event(ids: &[&str]) -> Value {
        json!({ "Records": ids.iter().map(|id| record(id)).collect::<Vec<_>>() })
    }

    #[tokio::test]
    async fn exactly_the_failed_messages_are_named() {
        let handler = |messages: Vec<QueueMessage>, deadline| {
            assert_eq!(deadline, DEADLINE);
            let odd = messages
                .into_iter()
                .filter(|m| m.id == "m3" || m.id == "m1");
            let failed = odd.map(|m| m.id).rev().collect();
            async { BatchAnswer { failed } }
        };
        let answer = handle(event(&["m1", "m2", "m3", "m4"]), DEADLINE, &handler).await;
        let expected = json!({ "batchItemFailures": [
            { "itemIdentifier": "m1" }, { "itemIdentifier": "m3" }
        ] });
        assert_eq!(answer, Ok(expected));
    }

    #[tokio::test]
    async fn a_batch_without_failures_answers_with_an_empty_list() {
        let handler = |_, _| async { BatchAnswer::default() };
        let answer = handle(event(&["m1", "m2"]), DEADLINE, &handler).await;
        assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    }

    #[tokio::test]
    async fn no_records_are_no_work() {
        let handler = |_, _| async { unreachable!("there is nothing to handle") };
        let answer = handle(json!({ "Records": [] }), DEADLINE, &handler).await;
        assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    }

    fn kept(ids: &[&str]) -> Value {
        let failures = ids
            .iter()
            .map(|id| json!({ "itemIdentifier": id }))
            .collect::<Vec<_>>();
        json!({ "batchItemFailures": failures })
    }

    #[tokio::test]
    async fn a_panic_keeps_the_whole_batch() {
        let late = |messages: Vec<QueueMessage>, _| async move {
            tokio::task::yield_now().await;
            assert!(messages.is_empty(), "a bug");
            BatchAnswer::default()
        };
        assert_eq!(
            handle(event(&["m1", "m2"]), DEADLINE, &late).await,
            Ok(kept(&["m1", "m2"]))
        );

        let early = |messages: Vec<QueueMessage>, _| {
            assert!(messages.is_empty(), "a bug before the future exists");
            async { BatchAnswer::default() }
        };
        assert_eq!(
            handle(event(&["m1", "m2"]), DEADLINE, &early).await,
            Ok(kept(&["m1", "m2"]))
        );
    }

    #[tokio::test]
    async fn an_unknown_id_keeps_the_whole_batch() {
        let handler = |_, _| async {
            BatchAnswer {
                failed: vec!["m2".to_owned(), "m9".to_owned()],
            }
        };
        let answer = handle(event(&["m1", "m2", "m3"]), DEADLINE, &handler).await;
        assert_eq!(answer, Ok(kept(&["m1", "m2", "m3"])));
    }

    #[tokio::test]
    async fn a_message_received_twice_is_named_once() {
        let handler = |_, _| async {
            BatchAnswer {
                failed: vec!["m1".to_owned(), "m1".to_owned()],
            }
        };
        let answer = handle(event(&["m1", "m2", "m1"]), DEADLINE, &handler).await;
        assert_eq!(answer, Ok(kept(&["m1"])));
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_read_fails_alone() {
        let mut event = event(&["m1", "m2", "m3", "m4"]);
        event["Records"][0]["receiptHandle"] = Value::Null;
        event["Records"][2]["body"] = json!({ "not": "text" });
        let seen = RefCell::new(Vec::new());
        let handler = |messages: Vec<QueueMessage>, _| {
            seen.borrow_mut().extend(messages.into_iter().map(|m| m.id));
            async {
                BatchAnswer {
                    failed: vec!["m4".to_owned()],
                }
            }
        };
        let answer = handle(event, DEADLINE, &handler).await;
        assert_eq!(answer, Ok(kept(&["m1", "m3", "m4"])));
        assert_eq!(*seen.borrow(), ["m2", "m4"]);
    }

    #[tokio::test]
    async fn a_record_without_a_name_fails_the_invocation() {
        let handler = |_, _| async { unreachable!("nothing is handled before all are named") };
        for nameless in [Value::Null, json!(""), json!(7)] {
            let mut event = event(&["m1", "m2"]);
            event["Records"][1]["messageId"] = nameless;
            let answer = handle(event, DEADLINE, &handler).await;
            assert_eq!(answer, Err(BatchError::Unnamed { index: 1 }));
        }
        for event in [json!({}), json!(null), json!({ "Records": {} }), json!([])] {
            let answer = handle(event, DEADLINE, &handler).await;
            assert_eq!(answer, Err(BatchError::NotABatch));
        }
        assert_eq!(
            Diagnostic::from(BatchError::NotABatch).error_type,
            "NotABatch"
        );
    }

    #[tokio::test]
    async fn a_record_becomes_a_message() {
        let mut event = event(&["m1", "m2"]);
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("7");
        event["Records"][0]["messageAttributes"] = json!({
            "webhook-id": {
                "stringValue": "msg_1", "dataType": "String",
                "stringListValues": [], "binaryListValues": []
            },
            "webhook-timestamp": {
                "stringValue": "1795275960", "dataType": "Number",
                "stringListValues": [], "binaryListValues": []
            },
            "blob": {
                "binaryValue": "MTEwMA==", "dataType": "Binary",
                "stringListValues": [], "binaryListValues": []
            }
        });
        event["Records"][1]["attributes"] = json!({});
        let sent = Some("1795275960123");
        event["Records"][0]["attributes"]["SentTimestamp"] = json!(sent);
        event["Records"][1]["body"] = Value::Null;
        let seen = RefCell::new(Vec::new());
        let handler = |messages: Vec<QueueMessage>, _| {
            seen.borrow_mut().extend(messages);
            async { BatchAnswer::default() }
        };
        assert_eq!(handle(event, DEADLINE, &handler).await, Ok(kept(&[])));
        let first_sent_at_ms = sent.and_then(|time| time.parse().ok());
        let first = QueueMessage {
            id: "m1".to_owned(),
            receipt: "receipt-m1".to_owned(),
            body: "{}".to_owned(),
            sender: Some("AROAEXAMPLE:ingest".to_owned()),
            receives: 7,
            attributes: BTreeMap::from([
                ("webhook-id".to_owned(), "msg_1".to_owned()),
                ("webhook-timestamp".to_owned(), "1795275960".to_owned()),
            ]),
            source: "events".to_owned(),
            sent_at_ms: first_sent_at_ms,
        };
        let second = QueueMessage {
            id: "m2".to_owned(),
            receipt: "receipt-m2".to_owned(),
            body: String::new(),
            sender: None,
            receives: 1,
            source: "events".to_owned(),
            ..QueueMessage::default()
        };
        assert_eq!(*seen.borrow(), [first, second]);
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_no_time() {
        let mut context = Context::default();
        assert_eq!(Deadline::of(&context).remaining(), Duration::ZERO);
        context.deadline = 4_102_444_800_000; // the year 2100
        assert!(Deadline::of(&context).remaining() > Duration::from_mins(1));
    }
}
