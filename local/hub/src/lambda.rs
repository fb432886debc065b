//! A function as Lambda calls it.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use hub_domain::{QueueMessage, Timestamp};
use hub_lambda::{BatchAnswer, Deadline, Job, JobAnswer, job, queue};
use hub_local_aws::Handler;
use serde_json::{Value, json};

/// How long the longest function may take, as in the template.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The handler of a queue behind the shell that Lambda calls.
pub fn lambda<H, F>(handler: H) -> Handler
where
    H: Fn(Vec<QueueMessage>, Deadline) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = BatchAnswer> + Send + 'static,
{
    Arc::new(move |event| {
        let handler = handler.clone();
        async move {
            queue::handle(event, Deadline::after(TIMEOUT), &handler)
                .await
                .map_err(|error| error.to_string())
        }
        .boxed()
    })
}

/// The handler of the table's stream and of the schedule behind the shell that Lambda calls.
pub fn jobs<H, F>(handler: H) -> Handler
where
    H: Fn(Job, Deadline) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = JobAnswer> + Send + 'static,
{
    Arc::new(move |event| {
        let handler = handler.clone();
        async move {
            job::handle(event, Deadline::after(TIMEOUT), &handler)
                .await
                .map_err(|error| error.to_string())
        }
        .boxed()
    })
}

/// What the schedule sends at a time.
pub fn tick(at: Timestamp) -> Value {
    json!({ "tick": "minute", "time": at })
}
