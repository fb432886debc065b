//! The shell of jobs that nobody sends a message for: a batch of changes of the table, or a tick of
//! the schedule. The event says which it is.
//!
//! A stream has no messages that could be deleted one by one. Its answer names the first change that
//! failed, and Lambda brings that one and all behind it again; so what comes before it must be done,
//! and what comes after it must bear repetition.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

mod change;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use hub_domain::{TableChange, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{Instrument as _, error, field, info, info_span};

use crate::queue::Deadline;

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Changes of the table, in the order of the stream.
    Changes(Vec<TableChange>),
    /// An operator wants at most so many dead letters of a queue moved back.
    Redrive {
        /// Whose: `events`, or a CRM.
        queue: String,
        /// How many.
        most: usize,
    },
    /// A minute has begun: the time is the one for which the schedule meant the tick.
    Tick(Timestamp),
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobAnswer {
    /// It is done.
    Done,
    /// It is done, and whoever asked is told this.
    Told(Value),
    /// The changes before this sequence number are done; this one and all behind it come again.
    From(String),
    /// None of it is done.
    Failed,
}

/// A job that cannot be answered change by change: Lambda sees it fail whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Neither changes nor a tick, nor what an operator may ask for.
    #[error(
        "the event is neither a batch of the table's stream nor a tick of the schedule, nor {{\"redrive\": {{\"queue\", \"most\"}}}}"
    )]
    Unknown,
    /// A record without a number: it could not be named in the answer.
    #[error("record {index} of the stream has no `SequenceNumber`; the whole batch comes again")]
    Unnumbered {
        /// Its place in the event, counted from 0.
        index: usize,
    },
    /// The handler could not do it.
    #[error("the job failed; its own log line says why")]
    Failed,
}

impl From<JobError> for Diagnostic {
    fn from(error: JobError) -> Self {
        let error_type = match error {
            JobError::Unknown => "UnknownJob",
            JobError::Unnumbered { .. } => "UnnumberedRecord",
            JobError::Failed => "JobFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// What the schedule sends: `{ "tick": "minute", "time": "2026-11-20T15:46:00Z" }`.
#[derive(Debug, Deserialize)]
struct Tick {
    #[serde(rename = "tick")]
    _every: Every,
    time: Timestamp,
}

/// What an operator sends: `{ "redrive": { "queue": "events", "most": 1000 } }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redrive {
    redrive: RedriveOf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RedriveOf {
    queue: String,
    #[serde(default = "most")]
    most: usize,
}

/// As many as a call moves within the function's time.
fn most() -> usize {
    1_000
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Every {
    Minute,
}

/// Serves stream and schedule until the process ends.
pub async fn run<H, F>(handler: H) -> Result<(), crate::Error>
where
    H: Fn(Job, Deadline) -> F,
    F: Future<Output = JobAnswer>,
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

/// Handles one event as Lambda sends it. A batch of the stream is answered by
/// `{"batchItemFailures":[{"itemIdentifier":"…"}]}` with at most one entry, a tick by `null`.
/// [`run`] and the local hub both call this.
///
/// # Errors
/// The event is not one of ours, or none of it is done.
pub async fn handle<H, F>(event: Value, deadline: Deadline, handler: &H) -> Result<Value, JobError>
where
    H: Fn(Job, Deadline) -> F,
    F: Future<Output = JobAnswer>,
{
    if let Ok(tick) = Tick::deserialize(&event) {
        let span = info_span!("tick", time = %tick.time);
        let answer = attempt(Job::Tick(tick.time), deadline, handler);
        return match answer.instrument(span).await {
            JobAnswer::Done => Ok(Value::Null),
            JobAnswer::Told(told) => Ok(told),
            JobAnswer::From(_) | JobAnswer::Failed => Err(JobError::Failed),
        };
    }
    if let Ok(Redrive {
        redrive: RedriveOf { queue, most },
    }) = Redrive::deserialize(&event)
    {
        let span = info_span!("redrive", queue, most);
        let answer = attempt(Job::Redrive { queue, most }, deadline, handler);
        return match answer.instrument(span).await {
            JobAnswer::Done => Ok(Value::Null),
            JobAnswer::Told(told) => Ok(told),
            JobAnswer::From(_) | JobAnswer::Failed => Err(JobError::Failed),
        };
    }
    let batch = Batch::read(event)?;
    let span = info_span!(
        "stream",
        changes = batch.numbers.len(),
        failed = field::Empty
    );
    async {
        let failed = batch.answer(deadline, handler).await;
        if let Some(first) = &failed {
            tracing::Span::current().record("failed", first);
        }
        info!("changes handled");
        let failed = failed.map(|number| json!({ "itemIdentifier": number }));
        Ok(json!({ "batchItemFailures": failed.into_iter().collect::<Vec<_>>() }))
    }
    .instrument(span)
    .await
}

async fn attempt<H, F>(job: Job, deadline: Deadline, handler: &H) -> JobAnswer
where
    H: Fn(Job, Deadline) -> F,
    F: Future<Output = JobAnswer>,
{
    // Inside an async block, so that a panic before the first await is caught as well.
    let work = AssertUnwindSafe(async { handler(job, deadline).await });
    work.catch_unwind().await.unwrap_or_else(|_| {
        error!("the handler panicked; none of the job counts as done");
        JobAnswer::Failed
    })
}

/// A batch of which every record has a number.
struct Batch {
    /// Each record's sequence number, in the order of the event.
    numbers: Vec<String>,
    /// The records up to the first that cannot be read.
    changes: Vec<TableChange>,
}

impl Batch {
    fn read(mut event: Value) -> Result<Self, JobError> {
        let Some(Value::Array(records)) = event.get_mut("Records").map(Value::take) else {
            return Err(JobError::Unknown);
        };
        let mut batch = Self {
            numbers: Vec::with_capacity(records.len()),
            changes: Vec::with_capacity(records.len()),
        };
        for (index, record) in records.into_iter().enumerate() {
            let number = change::number(&record).ok_or(JobError::Unnumbered { index })?;
            // Nothing behind a record that cannot be read may overtake it.
            if batch.changes.len() == index {
                batch.changes.extend(change::read(record));
            }
            batch.numbers.push(number);
        }
        Ok(batch)
    }

    /// The number of the first change that comes again.
    async fn answer<H, F>(self, deadline: Deadline, handler: &H) -> Option<String>
    where
        H: Fn(Job, Deadline) -> F,
        F: Future<Output = JobAnswer>,
    {
        let Self { numbers, changes } = self;
        let unreadable = numbers.get(changes.len()).cloned();
        if let Some(number) = &unreadable {
            error!(
                sequence = number,
                "a record of the stream cannot be read; it and all behind it come again"
            );
        }
        if changes.is_empty() {
            return unreadable;
        }
        match attempt(Job::Changes(changes), deadline, handler).await {
            JobAnswer::Done | JobAnswer::Told(_) => unreadable,
            JobAnswer::From(number) if numbers.contains(&number) => Some(number),
            JobAnswer::From(_) => {
                error!(
                    "the handler named a change that is not in its batch; all of it comes again"
                );
                numbers.into_iter().next()
            }
            JobAnswer::Failed => numbers.into_iter().next(),
        }
    }
}

#[cfg(test)]
mod tests;
