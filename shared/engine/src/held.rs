//! Held work: what a plan's limit leaves no room for waits on its delivery, outside the queue, until
//! the month ends or the plan grows.
//!
//! What is released is counted first, like an event that has just come. The message goes before the
//! mark is taken away: a death between leaves a message twice, which the ledger absorbs, and an event
//! that is counted is not counted again.

use hub_aws::{
    AwsError,
    store::{HeldDelivery, HeldWhen, Hold},
};
use hub_domain::{
    Connection, CrmId, OrganizationId, Timestamp,
    ledger::{Held, LedgerEntry},
    subscription::{LimitReached, Month},
};

use crate::{
    error::EngineError,
    hub::Hub,
    plans,
    reference::{DeliveryReference, VERSION},
};

/// Held deliveries of one CRM that are looked at in one go: a tick comes again.
const AT_ONCE: usize = 1_000;

/// What became of held work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// Deliveries whose message was sent.
    pub sent: usize,
    /// Deliveries that are held on, all of their events or some.
    pub held: usize,
    /// Deliveries that nothing is left to do of: written meanwhile, or without a connection.
    pub dropped: usize,
}

/// Counts an event of a connection; without room for it its delivery is held, and the answer is
/// `false`.
pub(crate) async fn take_or_hold(
    hub: &Hub,
    connection: &Connection,
    delivery: &DeliveryReference,
) -> Result<bool, AwsError> {
    let now = hub.clock().now();
    let DeliveryReference {
        organization,
        event,
        session,
        revision,
        ..
    } = delivery;
    let taken = plans::take_sync(hub, organization, event, &connection.id, now).await?;
    let Err(reached) = taken else { return Ok(true) };
    let month = Month::of(now);
    let hold = Hold {
        organization: organization.clone(),
        connection: connection.id.clone(),
        crm: connection.crm.clone(),
        session: session.clone(),
        event: event.clone(),
        revision: *revision,
        until: month.ends_at.as_millisecond(),
        reason: words(&reached, &month),
        now: now.as_millisecond(),
    };
    hub.store().hold(&hold).await?;
    tracing::info!(connection.id = %connection.id, event.id = %event, session.id = %session, plan = reached.plan.name(), "held: the plan leaves no room");
    Ok(false)
}

fn words(reached: &LimitReached, month: &Month) -> String {
    format!(
        "{reached}; it goes on at {}, or as soon as there is a larger plan",
        month.ends_at
    )
}

/// Releases what of an organization may go on: all that its time has come for, and, since its plan
/// may have grown, what waits for the end of this month.
///
/// # Errors
/// Something of AWS does not answer; what was released is released, and a repeat goes on.
pub async fn release(
    hub: &Hub,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let mut released = Released::default();
    let ends_at = Month::of(now).ends_at.as_millisecond();
    for crm in crms(hub) {
        let due = HeldWhen::DueOf(organization, now.as_millisecond());
        let due = find(hub, &crm, due).await?;
        let due = due
            .into_iter()
            .filter(|found| found.organization == *organization);
        let waiting = find(hub, &crm, HeldWhen::Until(organization, ends_at)).await?;
        for found in due.chain(waiting) {
            one(hub, &crm, &found, now, &mut released).await?;
        }
    }
    Ok(released)
}

/// Releases what the time has come for, of every organization.
///
/// # Errors
/// Something of AWS does not answer; what was released is released, and a repeat goes on.
pub async fn release_due(hub: &Hub, now: Timestamp) -> Result<Released, EngineError> {
    let mut released = Released::default();
    for crm in crms(hub) {
        for found in find(hub, &crm, HeldWhen::Due(now.as_millisecond())).await? {
            one(hub, &crm, &found, now, &mut released).await?;
        }
    }
    Ok(released)
}

fn crms(hub: &Hub) -> impl Iterator<Item = CrmId> {
    let crms = hub.registry().delivering();
    crms.filter_map(|crm| crm.parse().ok())
}

async fn find(
    hub: &Hub,
    crm: &CrmId,
    when: HeldWhen<'_>,
) -> Result<Vec<HeldDelivery>, EngineError> {
    let found = hub.store().held(crm, when, AT_ONCE).await;
    found.map_err(EngineError::aws("held work"))
}

/// Releases one delivery as far as there is room.
async fn one(
    hub: &Hub,
    crm: &CrmId,
    found: &HeldDelivery,
    now: Timestamp,
    released: &mut Released,
) -> Result<(), EngineError> {
    let unavailable = EngineError::aws("held work");
    let entry = hub
        .store()
        .delivery(&found.organization, &found.delivery)
        .await
        .map_err(&unavailable)?;
    // The index is older than the item.
    let Some(entry) = entry else { return Ok(()) };
    let Some(held) = entry.held.clone() else {
        return Ok(());
    };
    let connections = hub
        .connections(&entry.organization)
        .await
        .map_err(&unavailable)?;
    let is_there = connections.iter().any(|one| one.id == entry.connection);
    if !is_there || held.is_written(entry.settled) {
        unhold(hub, &entry, None).await.map_err(&unavailable)?;
        released.dropped += 1;
        return Ok(());
    }
    let mut rest = Held {
        until: Month::of(now).ends_at.as_millisecond(),
        ..held.clone()
    };
    let mut last = None;
    for event in &held.events {
        let (organization, connection) = (&entry.organization, &entry.connection);
        match plans::take_sync(hub, organization, event, connection, now)
            .await
            .map_err(&unavailable)?
        {
            Ok(()) => {
                rest.events.remove(event);
                last = Some(event);
            }
            Err(reached) => rest.reason = words(&reached, &Month::of(now)),
        }
    }
    if let Some(event) = last {
        send(hub, crm, &entry, &held, event.clone()).await?;
        released.sent += 1;
    }
    if rest.events.is_empty() {
        return unhold(hub, &entry, None).await.map_err(&unavailable);
    }
    released.held += 1;
    if rest == held {
        return Ok(());
    }
    unhold(hub, &entry, Some((crm, &rest)))
        .await
        .map_err(&unavailable)
}

async fn send(
    hub: &Hub,
    crm: &CrmId,
    entry: &LedgerEntry,
    held: &Held,
    event: hub_domain::EventId,
) -> Result<(), EngineError> {
    let reference = DeliveryReference {
        v: VERSION,
        organization: entry.organization.clone(),
        connection: entry.connection.clone(),
        session: entry.session.clone(),
        event,
        revision: held.revision,
    };
    let message = reference.message().map_err(|error| EngineError::Bug {
        context: "writing a message",
        source: Some(Box::new(error)),
    })?;
    let sent = hub.queues().send(&format!("{crm}-live"), message).await;
    sent.map_err(EngineError::aws("the queue"))
}

/// Changes the mark; one that was changed meanwhile is looked at again at the next tick.
async fn unhold(
    hub: &Hub,
    entry: &LedgerEntry,
    rest: Option<(&CrmId, &Held)>,
) -> Result<(), AwsError> {
    match hub.store().unhold(entry, rest).await {
        Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
