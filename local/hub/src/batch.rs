//! The function `batch` as AWS calls it: the table's stream as it grows, and a tick each minute.

use std::time::Duration;

use hub_engine::{Hub, redrive::Senders};
use hub_local_aws::{Handler, LocalAws, StreamSource};

use crate::{
    addresses::{BATCH, DISPATCH, TABLE},
    lambda::{jobs, tick},
    tasks::Tasks,
};

/// The most changes in one event, as in the template.
const BATCH_SIZE: usize = 100;
/// How long Lambda waits before it asks a stream again that had nothing new.
const IDLE: Duration = Duration::from_millis(250);
/// The schedule's rate, as in the template.
const MINUTE: Duration = Duration::from_mins(1);

/// Whose dead letters say who sent them first.
pub(crate) fn dead_letter_senders() -> Senders {
    Senders {
        dispatch: DISPATCH.to_owned(),
        batch: BATCH.to_owned(),
    }
}

/// Starts both.
pub(crate) fn spawn(tasks: &mut Tasks, aws: &LocalAws, hub: Hub) {
    let handler = jobs(hub_batch::handler(hub.clone(), dead_letter_senders()));
    let source = StreamSource::new(TABLE, BATCH_SIZE, handler.clone());
    tasks.until_stopped_run(follow(aws.clone(), source));
    tasks.until_stopped_run(ticks(hub, handler));
}

async fn follow(aws: LocalAws, source: StreamSource) {
    loop {
        match aws.stream_once(&source).await {
            Ok(brought) if brought.changes > brought.again => {}
            Ok(_) => tokio::time::sleep(IDLE).await,
            Err(error) => {
                tracing::error!(error = %error, "the table's stream cannot be read");
                return;
            }
        }
    }
}

async fn ticks(hub: Hub, handler: Handler) {
    loop {
        tokio::time::sleep(MINUTE).await;
        if let Err(error) = handler(tick(hub.clock().now())).await {
            tracing::warn!(error, "a tick failed; the next one tries it again");
        }
    }
}
