//! SQS: one message per connection and event.

mod config;

use std::{pin::Pin, sync::Arc};

use hub_domain::QueueMessage;
use hub_engine::{
    Hub,
    dispatch::{self, Senders},
};
use hub_lambda::{BatchAnswer, Deadline};

pub use config::Config;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = BatchAnswer> + Send>>;

/// The handler of the `events` queue. `senders` says whose messages are believed what.
pub fn handler(
    hub: Hub,
    senders: Senders,
) -> impl Fn(Vec<QueueMessage>, Deadline) -> Answering + Clone + Send + Sync + 'static {
    let senders = Arc::new(senders);
    // A batch is a few writes to AWS, far below the function's timeout: the deadline is not asked.
    move |messages, _deadline| {
        let (hub, senders) = (hub.clone(), senders.clone());
        Box::pin(async move {
            BatchAnswer {
                failed: dispatch::dispatch(&hub, &senders, messages).await,
            }
        })
    }
}
