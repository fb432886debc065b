//! What a plan allows, enforced: here and nowhere else. The limits are data, in
//! `hub_domain::subscription`.
//!
//! An organization is read at most every half minute. Before anything is refused it is read again,
//! so that a larger plan is felt at once.

use std::time::Duration;

use hub_aws::{AwsError, store::Count};
use hub_domain::{
    Connection, ConnectionId, EventId, Organization, OrganizationId, Timestamp,
    subscription::{Allowance, Counted, LimitReached, Month},
};

use crate::{error::EngineError, hub::Hub};

/// How often a count is tried again when others count at the same time.
const TRIES: u32 = 10;
/// The longest pause before it is; they grow up to it.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Whether there is room for one more connection now. [`add_connection`] is what makes sure.
pub(crate) async fn room_for_connection(
    hub: &Hub,
    organization: &OrganizationId,
) -> Result<(), EngineError> {
    let found = known(hub, organization).await?;
    if found.plan.allows().connections.is_none() {
        return Ok(());
    }
    let used = hub.store().connections_in_use(organization).await;
    let used = used.map_err(EngineError::aws("the connections"))?;
    let found = hub.organization_now(organization).await;
    let found = found.map_err(EngineError::aws("the organization"))?;
    let found = found.ok_or(EngineError::NotFound("the organization"))?;
    match found.plan.allows().connections {
        Some(limit) if used >= limit => Err(EngineError::PlanLimit(LimitReached {
            plan: found.plan,
            counted: Counted::Connections,
            limit,
            used,
        })),
        Some(_) | None => Ok(()),
    }
}

/// Stores a new connection if the plan has room for it.
pub(crate) async fn add_connection(hub: &Hub, connection: &Connection) -> Result<(), EngineError> {
    count(hub, &connection.organization, Thing::Connection(connection))
        .await
        .map_err(EngineError::aws("the connection"))?
        .map_err(EngineError::PlanLimit)
}

/// Counts an event of a connection as a sync of this month, once; `Err` within is the limit that
/// leaves no room. A plan without a limit costs no write.
pub(crate) async fn take_sync(
    hub: &Hub,
    organization: &OrganizationId,
    event: &EventId,
    connection: &ConnectionId,
    now: Timestamp,
) -> Result<Result<(), LimitReached>, AwsError> {
    let thing = Thing::Sync(organization, event, connection, now);
    count(hub, organization, thing).await
}

/// Settles what became of a sync: a skip is free and given back, anything else is kept. It may be
/// repeated. A plan without a limit costs no write.
pub(crate) async fn settle_sync(
    hub: &Hub,
    organization: &OrganizationId,
    event: &EventId,
    connection: &ConnectionId,
    is_free: bool,
) -> Result<(), AwsError> {
    let found = hub.organization(organization).await?;
    if found.is_none_or(|found| found.plan.allows().syncs.is_none()) {
        return Ok(());
    }
    let (store, now) = (hub.store(), hub.now_ms());
    if is_free {
        let back = store.return_sync(organization, event, connection, now);
        back.await
    } else {
        store.keep_sync(organization, event, connection).await
    }
}

/// Something that counts.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Connection(&'a Connection),
    Sync(&'a OrganizationId, &'a EventId, &'a ConnectionId, Timestamp),
}

impl Thing<'_> {
    fn counted(self) -> Counted {
        match self {
            Self::Connection(_) => Counted::Connections,
            Self::Sync(..) => Counted::Syncs,
        }
    }

    async fn count(self, hub: &Hub, plan: Allowance) -> Result<Count, AwsError> {
        match self {
            Self::Connection(connection) => {
                let store = hub.store();
                store.add_connection(connection, plan.connections).await
            }
            Self::Sync(organization, event, connection, now) => {
                let Some(most) = plan.syncs else {
                    return Ok(Count::Before);
                };
                let (month, now) = (Month::of(now), now.as_millisecond());
                let store = hub.store();
                store
                    .count_sync(organization, event, connection, &month, most, now)
                    .await
            }
        }
    }
}

/// Counts something; `Err` within is the limit that leaves no room.
async fn count(
    hub: &Hub,
    id: &OrganizationId,
    thing: Thing<'_>,
) -> Result<Result<(), LimitReached>, AwsError> {
    let missing = || AwsError::NotFound {
        operation: "reading an organization",
    };
    let mut organization = hub.organization(id).await?.ok_or_else(missing)?;
    let mut last = None;
    for tried in 0..TRIES {
        let plan = organization.plan;
        match thing.count(hub, plan.allows()).await {
            Ok(Count::New | Count::Before) => return Ok(Ok(())),
            Ok(Count::Full { used }) => {
                organization = hub.organization_now(id).await?.ok_or_else(missing)?;
                if organization.plan != plan {
                    continue;
                }
                let counted = thing.counted();
                return Ok(Err(LimitReached {
                    plan,
                    counted,
                    limit: counted.allowed(plan.allows()).unwrap_or(used),
                    used,
                }));
            }
            // Somebody else counts at the same time.
            Err(error @ AwsError::Throttled { .. }) => last = Some(error),
            Err(error) => return Err(error),
        }
        let pause = Duration::from_millis(5).saturating_mul(2_u32.saturating_pow(tried));
        tokio::time::sleep(pause.min(LONGEST_PAUSE).mul_f64(hub.entropy().unit())).await;
    }
    Err(last.unwrap_or(AwsError::Throttled {
        operation: "counting",
    }))
}

async fn known(hub: &Hub, id: &OrganizationId) -> Result<Organization, EngineError> {
    let found = hub.organization(id).await;
    let found = found.map_err(EngineError::aws("the organization"))?;
    found.ok_or(EngineError::NotFound("the organization"))
}
