//! What became of deliveries that were to be tried again.

use hub_domain::DeliveryId;
use hub_engine::deliveries::Again;
use serde::Serialize;
use utoipa::ToSchema;

/// What goes again, and what cannot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetriedDeliveries {
    /// Whether it only says what would be.
    dry_run: bool,
    /// How many fit, as far as was looked.
    matched: usize,
    /// How many go again, or would.
    retried: usize,
    /// How many cannot, and why.
    refused: Vec<Refused>,
    /// The first of those that go again.
    deliveries: Vec<DeliveryId>,
    /// What goes on with the rest as `cursor`; `null` when all were looked at.
    next: Option<String>,
}

/// Deliveries that cannot be tried again.
#[derive(Debug, Serialize, ToSchema)]
struct Refused {
    reason: &'static str,
    count: usize,
}

impl RetriedDeliveries {
    pub(crate) fn new(again: Again, dry_run: bool, next: Option<String>) -> Self {
        let refused = again.refused.into_iter();
        Self {
            dry_run,
            matched: again.matched,
            retried: again.retried,
            refused: refused
                .map(|(why, count)| Refused {
                    reason: why.words(),
                    count,
                })
                .collect(),
            deliveries: again.first,
            next,
        }
    }
}
