//! Held work: what waits longer than a queue should hide a message waits on its delivery, outside the
//! queue. For room in a plan, until the month ends or the plan grows; for a limit of a CRM or a far
//! next attempt, until then; for somebody who takes its connection into use, until that is done.
//!
//! The mark is written before the message is deleted. What is released is counted first, like an event
//! that has just come; its message goes before the mark is taken away. So a death between leaves a
//! message twice, which the ledger absorbs, and an event that is counted is not counted again.

mod lanes;
mod release;

use std::collections::BTreeSet;

use hub_aws::{AwsError, seams::ulid, store::Hold};
use hub_domain::{
    Connection, ConnectionState, CrmId, EventId, Timestamp,
    ledger::{Held, HeldFor, UNTIL_IN_USE},
    subscription::{LimitReached, Month},
};

use crate::{hub::Hub, plans, reference::DeliveryReference};

pub(crate) use lanes::Way;
pub use release::{PER_TICK, Released, release, release_due};
pub(crate) use release::{goes_on, is_in_use, send_marked};

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
        revision,
        ..
    } = delivery;
    let taken = plans::take_sync(hub, organization, event, &connection.id, now).await?;
    let Err(reached) = taken else { return Ok(true) };
    let month = Month::of(now);
    let held = Held {
        until: month.ends_at.as_millisecond(),
        revision: *revision,
        events: BTreeSet::from([event.clone()]),
        reason: words(&reached, &month),
        why: HeldFor::Plan,
        mark: ulid(hub.clock(), hub.entropy()),
    };
    hold(hub, &connection.crm, delivery, held).await?;
    tracing::info!(connection.id = %connection.id, event.id = %event, subject = %delivery.subject, plan = reached.plan.name(), "held: the plan leaves no room");
    Ok(false)
}

fn words(reached: &LimitReached, month: &Month) -> String {
    format!(
        "{reached}; it goes on at {}, or as soon as there is a larger plan",
        month.ends_at
    )
}

/// What becomes of the held work of a connection as it is: `Some(true)`, it goes on; `Some(false)`, it
/// ends; `None`, it waits.
pub(crate) fn moves(connection: &Connection) -> Option<bool> {
    if connection.state == ConnectionState::Disconnected {
        return Some(false);
    }
    is_in_use(connection).then_some(true)
}

/// The mark of what waits until then, or, without a moment, until its connection is in use.
pub(crate) fn mark(
    hub: &Hub,
    until: Option<Timestamp>,
    revision: u64,
    events: BTreeSet<EventId>,
    reason: &str,
) -> Held {
    Held {
        until: until.map_or(UNTIL_IN_USE, Timestamp::as_millisecond),
        revision,
        events,
        reason: reason.to_owned(),
        why: match until {
            Some(_) => HeldFor::Time,
            None => HeldFor::Connection,
        },
        mark: ulid(hub.clock(), hub.entropy()),
    }
}

/// Writes a mark on a delivery, begun or not.
pub(crate) async fn hold(
    hub: &Hub,
    crm: &CrmId,
    delivery: &DeliveryReference,
    held: Held,
) -> Result<(), AwsError> {
    let wanted = Hold {
        organization: delivery.organization.clone(),
        subject: delivery.subject.clone(),
        crm: crm.clone(),
        held,
        now: hub.now_ms(),
    };
    hub.store().hold(&wanted).await
}
