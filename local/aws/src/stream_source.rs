//! Lambda's event source mapping of a table's stream: brings the changes in order, a batch at a time, and goes on only
//! behind what the function has done.
//!
//! `ReportBatchItemFailures` is always on and bisecting off: everything from the first failure on is brought again, in
//! its order. Nothing is given up here, however often it fails.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use serde_json::{Value, json};
use tracing::warn;

use crate::error::Error;
use crate::event_source::{Handler, panic_message};
use crate::local_aws::LocalAws;

/// A table whose stream invokes a function. Clones share how far it has come.
#[derive(Clone)]
pub struct StreamSource {
    /// The table's name.
    pub table: String,
    /// The most records in one event.
    pub batch_size: usize,
    /// The function.
    pub handler: Handler,
    /// The number of the last change that is done; `None` at the beginning of the stream.
    done: Arc<Mutex<Option<String>>>,
}

/// What became of one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brought {
    /// Changes in the batch; 0 when nothing was left.
    pub changes: usize,
    /// Those of them that come again.
    pub again: usize,
}

impl StreamSource {
    /// From the beginning of the stream (`TRIM_HORIZON`).
    pub fn new(table: impl Into<String>, batch_size: usize, handler: Handler) -> Self {
        Self {
            table: table.into(),
            batch_size,
            handler,
            done: Arc::default(),
        }
    }

    fn done(&self) -> Option<String> {
        self.done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn advance(&self, to: String) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }
}

impl LocalAws {
    /// Brings one batch of the changes that are not done, and applies the function's answer.
    ///
    /// # Errors
    /// The table is not there, or has no stream.
    pub async fn stream_once(&self, source: &StreamSource) -> Result<Brought, Error> {
        let batch = self.changes(source)?;
        if batch.is_empty() {
            return Ok(Brought::default());
        }
        let again = match self.bring(source, &batch).await {
            Ok(again) => again,
            Err(error) => {
                warn!(
                    table = source.table,
                    changes = batch.len(),
                    error,
                    "a whole batch of the stream failed"
                );
                batch.len()
            }
        };
        let done = batch.len() - again;
        if let Some(last) = done.checked_sub(1).and_then(|last| batch.get(last)) {
            source.advance(number(last).to_owned());
        }
        Ok(Brought {
            changes: batch.len(),
            again,
        })
    }

    /// Brings one batch, whatever the answer, and stays where it is: the same changes come again. So they do in AWS
    /// when the function's answer is lost.
    ///
    /// # Errors
    /// The table is not there, or has no stream.
    pub async fn stream_in_vain(&self, source: &StreamSource) -> Result<usize, Error> {
        let batch = self.changes(source)?;
        if !batch.is_empty() {
            // Its answer is what gets lost.
            let _ = self.bring(source, &batch).await;
        }
        Ok(batch.len())
    }

    fn changes(&self, source: &StreamSource) -> Result<Vec<Value>, Error> {
        let done = source.done();
        self.stream_records(&source.table, done.as_deref(), source.batch_size)
    }

    /// How many of the batch come again.
    async fn bring(&self, source: &StreamSource, batch: &[Value]) -> Result<usize, String> {
        self.lock_counts().streamed();
        let handler = source.handler.clone();
        let event = json!({ "Records": batch });
        // The handler itself may panic, not only its future.
        let invocation = AssertUnwindSafe(async move { handler(event).await });
        let answer = match invocation.catch_unwind().await {
            Ok(answer) => answer?,
            Err(panic) => return Err(format!("the function panicked: {}", panic_message(&*panic))),
        };
        let failures = answer.get("batchItemFailures").and_then(Value::as_array);
        let mut first = batch.len();
        for failure in failures.into_iter().flatten() {
            let named = failure.get("itemIdentifier").and_then(Value::as_str);
            let at = batch
                .iter()
                .position(|record| Some(number(record)) == named);
            // Lambda takes an answer that names what was not in the batch for a failure of all of it.
            first = first.min(at.unwrap_or_default());
        }
        Ok(batch.len() - first)
    }
}

fn number(record: &Value) -> &str {
    record
        .pointer("/dynamodb/SequenceNumber")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
