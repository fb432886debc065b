//! Lambda's event source mapping of a queue: receives a batch, invokes the function, and deletes what it did not name.
//!
//! `ReportBatchItemFailures` is always on. Messages that failed stay, and become visible when their visibility
//! timeout ends, which the function may itself have changed.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tracing::warn;

use crate::local_aws::LocalAws;
use crate::sqs::{Delivery, arn};

/// A function: takes Lambda's SQS event, answers with `batchItemFailures`, or with an error.
pub type Handler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// A queue that invokes a function.
#[derive(Clone)]
pub struct EventSource {
    /// The queue's name.
    pub queue: String,
    /// The most records in one event.
    pub batch_size: usize,
    /// The most invocations at once.
    pub max_concurrency: usize,
    /// The function.
    pub handler: Handler,
}

impl LocalAws {
    /// Receives one batch of what is visible now, invokes the function, and applies its answer. Returns how many
    /// records there were: 0 when nothing was visible, or there is no such queue.
    pub async fn poll_once(&self, source: &EventSource) -> usize {
        let batch = self.receive_batch(source);
        let records = batch.len();
        if records > 0 {
            self.invoke(source, batch).await;
        }
        records
    }

    /// Polls until `shutdown`, then waits for the invocations that are running.
    pub async fn run_source(&self, source: &EventSource, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut running = FuturesUnordered::new();
        loop {
            // Listens before it looks, so that nothing that arrives in between is missed.
            let arrivals = self.inner.sqs.arrivals(&source.queue);
            let mut arrived = pin!(async {
                match &arrivals {
                    Some(arrivals) => arrivals.notified().await,
                    // No such queue yet.
                    None => tokio::time::sleep(Duration::from_secs(1)).await,
                }
            });
            let early = arrived.as_mut().now_or_never().is_some();
            while running.len() < source.max_concurrency.max(1) {
                let batch = self.receive_batch(source);
                if batch.is_empty() {
                    break;
                }
                running.push(self.invoke(source, batch));
            }
            let room = running.len() < source.max_concurrency.max(1);
            let wake = self.inner.sqs.wake(&source.queue);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(()) = running.next(), if !running.is_empty() => {}
                () = &mut arrived, if room && !early => {}
                () = sleep_until(wake), if room => {}
            }
        }
        while running.next().await.is_some() {}
    }

    fn receive_batch(&self, source: &EventSource) -> Vec<Delivery> {
        let begun = Instant::now();
        let mut batch = Vec::new();
        // A receive brings ten at most; a larger batch takes several.
        while batch.len() < source.batch_size {
            let most = (source.batch_size - batch.len()).min(10);
            let found = self
                .inner
                .sqs
                .take(&source.queue, most, None)
                .unwrap_or_default()
                .deliveries;
            if found.is_empty() {
                break;
            }
            self.lock_counts().polled("ReceiveMessage");
            batch.extend(found);
        }
        self.worked_since(begun);
        batch
    }

    async fn invoke(&self, source: &EventSource, batch: Vec<Delivery>) {
        let queue_arn = arn(&source.queue);
        let records: Vec<Value> = batch
            .iter()
            .map(|delivery| delivery.to_event_record(&queue_arn))
            .collect();
        self.lock_counts().polled("Invoke");
        let handler = source.handler.clone();
        // The handler itself may panic, not only its future.
        let invocation =
            AssertUnwindSafe(async move { handler(json!({ "Records": records })).await });
        let answer = match invocation.catch_unwind().await {
            Ok(answer) => answer,
            Err(panic) => Err(format!("the function panicked: {}", panic_message(&*panic))),
        };
        let failed = match answer.and_then(|answer| failed_ids(&answer, &batch)) {
            Ok(failed) => failed,
            Err(error) => {
                warn!(
                    queue = source.queue,
                    records = batch.len(),
                    error,
                    "an event source's whole batch failed"
                );
                return;
            }
        };
        let done = batch
            .into_iter()
            .filter(|delivery| !failed.contains(&delivery.message.id));
        let begun = Instant::now();
        let receipts: Vec<String> = done.map(|delivery| delivery.receipt).collect();
        for chunk in receipts.chunks(10) {
            self.lock_counts().polled("DeleteMessageBatch");
            // Fails only when the queue is gone, and the messages with it.
            let _ = self.inner.sqs.delete_all(&source.queue, chunk);
        }
        self.worked_since(begun);
    }
}

/// The ids that the function names. An answer that cannot be read, or names what was not in the batch, fails it whole.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn failed_ids(answer: &Value, batch: &[Delivery]) -> Result<BTreeSet<String>, String> {
    let failures = match answer {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return Err("the answer is no object".to_owned()),
    };
    let failures = match failures {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Array(failures) => failures,
        _ => return Err("batchItemFailures is no list".to_owned()),
    };
    let ids = failures.iter().map(|failure| {
        let id = failure
            .get("itemIdentifier")
            .and_then(Value::as_str)
            .ok_or("a failure has no itemIdentifier")?;
        let known = batch.iter().any(|delivery| delivery.message.id == id);
        known
            .then(|| id.to_owned())
            .ok_or("a failure names a message that is not in the batch")
    });
    ids.collect::<Result<_, &str>>().map_err(str::to_owned)
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("with something that is no text")
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
