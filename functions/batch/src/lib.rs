//! The table's stream, and a tick each minute: what is derived from changes, and what is due.

mod config;

use std::pin::Pin;

use hub_engine::{Hub, stream, tick};
use hub_lambda::{Deadline, Job, JobAnswer};

pub use config::Config;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = JobAnswer> + Send>>;

/// The handler of stream and schedule.
pub fn handler(hub: Hub) -> impl Fn(Job, Deadline) -> Answering + Clone + Send + Sync + 'static {
    // Both are a few calls to AWS, far below the function's timeout: the deadline is not asked.
    move |job, _deadline| {
        let hub = hub.clone();
        Box::pin(async move {
            match job {
                Job::Changes(changes) => stream::derive(&hub, &changes)
                    .await
                    .map_or(JobAnswer::Done, JobAnswer::From),
                Job::Tick(at) if tick::tick(&hub, at).await => JobAnswer::Done,
                Job::Tick(_) => JobAnswer::Failed,
            }
        })
    }
}
