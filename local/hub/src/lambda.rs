//! A queue's function as Lambda calls it.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use hub_domain::QueueMessage;
use hub_lambda::{BatchAnswer, Deadline, queue};
use hub_local_aws::Handler;

/// How long a function of a queue may take, as in the template.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The function's handler behind the shell that Lambda calls.
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
