//! SQS: plan, claim, apply, record. One binary, deployed once per CRM.

mod config;

use std::pin::Pin;

use hub_domain::{CrmId, QueueMessage};
use hub_engine::{Hub, deliver};
use hub_lambda::{BatchAnswer, Deadline};

pub use config::Config;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = BatchAnswer> + Send>>;

/// The handler of a CRM's live and bulk queues.
pub fn handler(
    hub: Hub,
    crm: CrmId,
) -> impl Fn(Vec<QueueMessage>, Deadline) -> Answering + Clone + Send + Sync + 'static {
    move |messages, deadline| {
        let (hub, crm) = (hub.clone(), crm.clone());
        Box::pin(async move {
            let failed = deliver::deliver(&hub, &crm, messages, deadline.remaining()).await;
            BatchAnswer { failed }
        })
    }
}
