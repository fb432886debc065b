//! SQS: one message per connection and event.

mod config;

use std::{pin::Pin, sync::Arc};

use hub_domain::QueueMessage;
use hub_engine::{Hub, dispatch};
use hub_lambda::{BatchAnswer, Deadline};

pub use config::Config;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = BatchAnswer> + Send>>;

/// The handler of the `events` queue. `ingest_sender` is whose messages may be references.
pub fn handler(
    hub: Hub,
    ingest_sender: String,
) -> impl Fn(Vec<QueueMessage>, Deadline) -> Answering + Clone + Send + Sync + 'static {
    let ingest_sender: Arc<str> = ingest_sender.into();
    // A batch is a few writes to AWS, far below the function's timeout: the deadline is not asked.
    move |messages, _deadline| {
        let (hub, ingest_sender) = (hub.clone(), ingest_sender.clone());
        Box::pin(async move {
            BatchAnswer {
                failed: dispatch::dispatch(&hub, &ingest_sender, messages).await,
            }
        })
    }
}
