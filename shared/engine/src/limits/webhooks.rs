//! The limits of webhooks: no more messages a second than the owner wants, and none for a while to a receiver
//! that is too busy or does not answer.

use std::time::Duration;

use http::StatusCode;
use hub_aws::store::LimiterOf;
use hub_connectors::{Reply, retry_after};
use hub_domain::{
    CrmId, Scope, Verdict, Webhook,
    limiter::{Rule, SECOND, Terms},
    retry::LONGEST_HOLD,
};

use super::{Permit, permit_of};
use crate::hub::Hub;

/// Waits for the turn of one message to a webhook, for about two seconds at most.
///
/// # Errors
/// As [`super::permit`].
pub(crate) async fn permit_of_webhook<'a>(
    hub: &'a Hub,
    webhook: &Webhook,
    queues: &CrmId,
) -> Result<Permit<'a>, Verdict> {
    let terms = Terms {
        rules: vec![Rule {
            name: "messages".to_owned(),
            requests: webhook.rate_limit(),
            window: SECOND,
            reserve_percent: 0,
        }],
        ..Terms::default()
    };
    permit_of(
        hub,
        LimiterOf::webhook(webhook, queues),
        None,
        terms,
        vec![1],
    )
    .await
}

impl Permit<'_> {
    /// The receiver of a webhook answered. One that is too busy is left alone for as long as it says, or
    /// for this long.
    pub(crate) async fn of_receiver(&self, reply: &Reply, busy: Duration) {
        let is_busy = reply.status == StatusCode::TOO_MANY_REQUESTS;
        let refused = is_busy.then(|| Verdict::Throttle {
            until: reply.at
                + retry_after(reply)
                    .unwrap_or_default()
                    .max(busy)
                    .min(LONGEST_HOLD),
            scope: Scope::Connection,
        });
        self.answered(reply, refused.as_slice()).await;
    }
}
