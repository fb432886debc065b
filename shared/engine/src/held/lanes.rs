//! By which queue released work goes.
//!
//! A few deliveries of a connection go as new events do, since somebody may wait for them. Many are a
//! backlog, behind which what has just happened would wait: they go by the bulk queue.

use std::collections::{BTreeMap, BTreeSet};

use hub_aws::store::HeldDelivery;
use hub_domain::{OrganizationId, ledger::LedgerEntry};

/// Deliveries of one connection that go by the live lane when they are released together: one batch.
const MOST_LIVE: usize = 10;

/// By which lane messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As new events do.
    Live,
    /// Behind live work.
    Bulk,
    /// A few of a connection as new events do, many behind live work.
    ByNumber,
}

/// The lanes of what is released together.
pub(super) struct Lanes {
    way: Way,
    /// The connections and webhooks of which there are many.
    many: BTreeSet<(OrganizationId, String)>,
}

impl Lanes {
    pub(super) fn of(way: Way, found: &[HeldDelivery]) -> Self {
        let mut count: BTreeMap<_, usize> = BTreeMap::new();
        for found in found {
            if let Some(subject) = found.delivery.subject() {
                let whose = (found.organization.clone(), subject.destination().to_owned());
                *count.entry(whose).or_default() += 1;
            }
        }
        count.retain(|_, count| *count > MOST_LIVE);
        let many = count.into_keys().collect();
        Self { way, many }
    }

    /// The end of the name of the queue that an entry's message goes to.
    pub(super) fn lane(&self, entry: &LedgerEntry) -> &'static str {
        let is_bulk = match self.way {
            Way::Live => false,
            Way::Bulk => true,
            Way::ByNumber => {
                let destination = entry.subject.destination().to_owned();
                let whose = (entry.organization.clone(), destination);
                self.many.contains(&whose)
            }
        };
        if is_bulk { "bulk" } else { "live" }
    }
}
