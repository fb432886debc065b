//! What became of the syncs that dispatch counted, where a plan limits them.
//!
//! A skip is free, so its syncs are given back. Everything else that is final is kept, before its
//! outcome is recorded: a message that comes twice is then a skip of something that counts.

use hub_domain::{QueueMessage, Verdict};

use super::Job;
use crate::{error::aws_verdict, hub::Hub, plans, reference::DeliveryReference};

/// Settles the syncs of all events of a delivery. Without an answer of the store a skip comes again;
/// what is in the CRM stays there, and its sync is kept as long as nobody skips it.
pub(super) async fn settle(hub: &Hub, job: &Job, verdict: Verdict) -> Verdict {
    let is_free = match &verdict {
        Verdict::Skip(_) => true,
        Verdict::Done { .. } | Verdict::Reject(_) | Verdict::Misconfigured { .. } => false,
        Verdict::Retry { .. }
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Bug { .. } => return verdict,
    };
    let read = |message: &QueueMessage| serde_json::from_str::<DeliveryReference>(&message.body);
    for reference in job.messages.iter().flat_map(read) {
        // What goes to a webhook is no sync.
        let Some(connection) = reference.subject.connection() else {
            continue;
        };
        let (organization, event) = (&reference.organization, &reference.event);
        match plans::settle_sync(hub, organization, event, connection, is_free).await {
            Ok(()) => {}
            Err(error) if is_free => return aws_verdict(&error),
            Err(error) => {
                tracing::warn!(event.id = %event, error = %error, "a sync could not be noted as kept");
            }
        }
    }
    verdict
}
