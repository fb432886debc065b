//! The table's stream, a tick each minute, and what an operator asks for: what is derived from changes,
//! what is due, and dead letters that go back.

mod config;

use std::{pin::Pin, sync::Arc};

use hub_engine::{
    EngineError, Hub,
    redrive::{self, Senders},
    stream, tick,
};
use hub_lambda::{Deadline, Job, JobAnswer};
use serde_json::json;

pub use config::Config;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = JobAnswer> + Send>>;

/// The handler of stream, schedule and operators. `senders` says whose dead letters are believed what.
pub fn handler(
    hub: Hub,
    senders: Senders,
) -> impl Fn(Job, Deadline) -> Answering + Clone + Send + Sync + 'static {
    let senders = Arc::new(senders);
    move |job, deadline| {
        let (hub, senders) = (hub.clone(), senders.clone());
        Box::pin(async move {
            match job {
                // These two are a few calls to AWS, far below the function's timeout.
                Job::Changes(changes) => stream::derive(&hub, &changes)
                    .await
                    .map_or(JobAnswer::Done, JobAnswer::From),
                Job::Tick(at) if tick::tick(&hub, at).await => JobAnswer::Done,
                Job::Tick(_) => JobAnswer::Failed,
                Job::Redrive { queue, most } => {
                    let time = deadline.remaining();
                    match redrive::redrive(&hub, &senders, &queue, most, time).await {
                        Ok(done) => {
                            JobAnswer::Told(json!({ "moved": done.moved, "left": done.left }))
                        }
                        Err(EngineError::Invalid(faults)) => {
                            JobAnswer::Told(json!({ "error": faults.to_string() }))
                        }
                        Err(error) => {
                            tracing::error!(queue, error = %error, "dead letters could not be moved back");
                            JobAnswer::Failed
                        }
                    }
                }
            }
        })
    }
}
