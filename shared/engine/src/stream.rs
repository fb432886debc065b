//! What is derived from the table's changes. Each change comes at least once; whatever is derived
//! from it is told by the change's sequence number, so that a second time makes nothing.
//!
//! What is derived is no change that something is derived from.

use std::collections::{BTreeMap, BTreeSet};

use hub_aws::store::{Changed, changed};
use hub_domain::{
    ConnectionId, OrganizationId, TableChange, Timestamp, Webhook, ledger::DeliveryStatus,
};

use crate::{audit, daily, destination, held, hub::Hub, notices};

/// Derives all there is from changes, in their order. `Some` is the sequence number of the first
/// change of which something is still missing: it and all behind it have to come again.
pub async fn derive(hub: &Hub, changes: &[TableChange]) -> Option<String> {
    // What cannot be read is told by the audit log.
    let known: Vec<Known> = changes
        .iter()
        .enumerate()
        .filter_map(|(place, change)| Some((place, changed(change).ok()??, change.at)))
        .collect();
    let missing = [
        audit::record(hub, changes).await,
        release(hub, &known).await,
        resume(hub, &known).await,
        resume_webhooks(hub, &known).await,
        note_syncs(hub, &known).await,
        notices::derive(hub, &known).await,
        daily::watch(hub, &known).await,
    ];
    let first = missing.into_iter().flatten().min()?;
    changes.get(first).map(|change| change.sequence.clone())
}

/// A change that can be read, with its place, and when it was made.
type Known = (usize, Changed, Timestamp);

/// An organization whose plan has changed need not wait for the next month: its held work goes on as
/// far as there is room. The place of the first for which that could not be done.
async fn release(hub: &Hub, changes: &[Known]) -> Option<usize> {
    let mut done: BTreeSet<&OrganizationId> = BTreeSet::new();
    for (place, change, _) in changes {
        let Changed::Organization(Some(old), Some(new)) = change else {
            continue;
        };
        if old.plan == new.plan || !done.insert(&new.id) {
            continue;
        }
        hub.forget(&new.id);
        if let Err(error) = held::release(hub, &new.id, hub.clock().now()).await {
            tracing::error!(organization.id = %new.id, error = %error, "held work could not be released; its change comes again");
            return Some(*place);
        }
    }
    None
}

/// A connection that was taken into use, or ended, need not wait for a tick: its held work goes on, or
/// ends with it. The place of the first for which that could not be begun.
async fn resume(hub: &Hub, changes: &[Known]) -> Option<usize> {
    for (place, change, _) in changes {
        let Changed::Connection(old, Some(new)) = change else {
            continue;
        };
        let was = old.as_ref().map(|old| held::moves(old));
        if held::moves(new).is_none() || was == Some(held::moves(new)) {
            continue;
        }
        // Which CRMs can be connected is more than which are delivered to.
        if !hub.registry().delivers(&new.crm) {
            continue;
        }
        hub.forget(&new.organization);
        if let Err(error) = held::goes_on(
            hub,
            &new.crm,
            &new.organization,
            new.id.as_str(),
            hub.clock().now(),
        )
        .await
        {
            tracing::error!(connection.id = %new.id, error = %error, "the held work of a connection could not go on; its change comes again");
            return Some(*place);
        }
    }
    None
}

/// A webhook that was made active again, or deleted: the same. The place of the first for which that could
/// not be begun.
async fn resume_webhooks(hub: &Hub, changes: &[Known]) -> Option<usize> {
    for (place, change, _) in changes {
        let Changed::Webhook(Some(old), Some(new)) = change else {
            continue;
        };
        let moves = |one: &Webhook| (one.active, one.deleting);
        if moves(old) == moves(new) || !(new.active || new.deleting) {
            continue;
        }
        let Some(queues) = destination::webhooks() else {
            continue;
        };
        hub.forget(&new.organization);
        let (id, now) = (new.id.as_str(), hub.clock().now());
        if let Err(error) = held::goes_on(hub, &queues, &new.organization, id, now).await {
            tracing::error!(webhook.id = %new.id, error = %error, "the held work of a webhook could not go on; its change comes again");
            return Some(*place);
        }
    }
    None
}

/// When each connection delivered last: one write for all the deliveries of a batch. The place of the
/// first change for which that could not be noted.
async fn note_syncs(hub: &Hub, changes: &[Known]) -> Option<usize> {
    let mut newest: BTreeMap<(&OrganizationId, &ConnectionId), (Timestamp, usize)> =
        BTreeMap::new();
    for (place, change, _) in changes {
        let Changed::Delivery(_, Some(new)) = change else {
            continue;
        };
        let Ok(at) = Timestamp::from_millisecond(new.updated_at) else {
            continue;
        };
        let connection = new.subject.connection();
        if let Some(connection) = connection.filter(|_| new.status == DeliveryStatus::Delivered) {
            let key = (&new.organization, connection);
            let last = newest.entry(key).or_insert((at, *place));
            last.0 = last.0.max(at);
        }
    }
    let mut missing = None;
    for ((organization, connection), (at, place)) in newest {
        if let Err(error) = hub.store().note_sync(organization, connection, at).await {
            tracing::error!(connection.id = %connection, error = %error, "the time of a sync could not be noted; its change comes again");
            missing = Some(missing.map_or(place, |first: usize| first.min(place)));
        }
    }
    missing
}
