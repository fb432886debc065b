//! What is derived from the table's changes. Each change comes at least once; whatever is derived
//! from it is told by the change's sequence number, so that a second time makes nothing.
//!
//! What is derived is no change that something is derived from.

use std::collections::{BTreeMap, BTreeSet};

use hub_aws::store::{Changed, changed};
use hub_domain::{ConnectionId, OrganizationId, TableChange, Timestamp, ledger::DeliveryStatus};

use crate::{audit, held, hub::Hub};

/// Derives all there is from changes, in their order. `Some` is the sequence number of the first
/// change of which something is still missing: it and all behind it have to come again.
pub async fn derive(hub: &Hub, changes: &[TableChange]) -> Option<String> {
    let audited = audit::record(hub, changes).await;
    let released = release(hub, changes).await;
    // Sequence numbers are compared by their place, not by their text.
    let noted = note_syncs(hub, changes).await;
    let missing = [audited, released, noted];
    let first = changes
        .iter()
        .find(|change| missing.iter().flatten().any(|n| *n == change.sequence));
    first.map(|change| change.sequence.clone())
}

/// When each connection delivered last: one write for all the deliveries of a batch.
async fn note_syncs(hub: &Hub, changes: &[TableChange]) -> Option<String> {
    let mut newest: BTreeMap<(OrganizationId, ConnectionId), (Timestamp, &str)> = BTreeMap::new();
    for change in changes {
        let Ok(Some(Changed::Delivery(_, Some(new)))) = changed(change) else {
            continue;
        };
        if new.status != DeliveryStatus::Delivered {
            continue;
        }
        let Ok(at) = Timestamp::from_millisecond(new.updated_at) else {
            continue;
        };
        let key = (new.organization.clone(), new.connection.clone());
        let last = newest.entry(key).or_insert((at, &change.sequence));
        last.0 = last.0.max(at);
    }
    for ((organization, connection), (at, sequence)) in newest {
        if let Err(error) = hub.store().note_sync(&organization, &connection, at).await {
            tracing::error!(connection.id = %connection, error = %error, "the time of a sync could not be noted; its change comes again");
            return Some(sequence.to_owned());
        }
    }
    None
}

/// An organization whose plan has grown need not wait for the next month: its held work goes on.
async fn release(hub: &Hub, changes: &[TableChange]) -> Option<String> {
    let mut done: BTreeSet<OrganizationId> = BTreeSet::new();
    for change in changes {
        // What cannot be read is said where the audit log finds it.
        let Ok(Some(Changed::Organization(Some(old), Some(new)))) = changed(change) else {
            continue;
        };
        if old.plan == new.plan || !done.insert(new.id.clone()) {
            continue;
        }
        if let Err(error) = held::release(hub, &new.id, hub.clock().now()).await {
            tracing::error!(organization.id = %new.id, error = %error, "held work could not be released; its change comes again");
            return Some(change.sequence.clone());
        }
    }
    None
}
