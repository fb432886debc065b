//! The look of a day at each organization: grants that nobody uses are kept alive, and people are
//! reminded of what lapses or grows old.
//!
//! A look is moved to an hour later before it is begun: so of two ticks one has it, and a death
//! makes it come again. What it does may be done twice.

use std::time::Duration;

use hub_aws::store::{Changed, DailyLook};
use hub_domain::{ConnectionState, OrganizationId, Timestamp, event::OrganizationStatus};

use crate::{error::EngineError, hub::Hub, notices, reminders, tokens};

/// Looks begun at one tick; those left wait for the next.
const AT_ONCE: usize = 50;
/// No look is begun later than this after the first of a tick: a refresh takes up to 25 s, and the
/// function has two minutes.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);
/// When a look that failed comes again.
const AGAIN: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Sees to it that each organization that changed is looked at. The place of the first for which that
/// could not be done.
pub(crate) async fn watch(hub: &Hub, changes: &[(usize, Changed, Timestamp)]) -> Option<usize> {
    for (place, change, _) in changes {
        let Changed::Organization(None, Some(new)) = change else {
            continue;
        };
        // Organizations that begin together are not looked at together.
        let first = hub.clock().now() + DAY.mul_f64(hub.entropy().unit());
        if let Err(error) = hub.store().watch(&new.id, first.as_millisecond()).await {
            tracing::error!(organization.id = %new.id, error = %error, "the daily look could not be set up; its change comes again");
            return Some(*place);
        }
    }
    None
}

/// Looks at the organizations whose time has come. `false` says that one failed.
pub(crate) async fn look(hub: &Hub, now: Timestamp) -> bool {
    let due = hub.store().due_looks(now.as_millisecond(), AT_ONCE).await;
    let due = match due {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(error = %error, "which daily looks are due is not known; the next tick asks again");
            return false;
        }
    };
    let mut all = true;
    for mark in due {
        let begun = hub.clock().now();
        if Duration::try_from(begun.duration_since(now)).is_ok_and(|over| over > BEGUN_WITHIN) {
            break;
        }
        if let Err(error) = one(hub, mark.clone(), begun).await {
            tracing::error!(
                organization.id = %mark.organization,
                error = &error as &(dyn std::error::Error + 'static),
                "a daily look failed; it comes again in an hour"
            );
            all = false;
        }
    }
    all
}

async fn one(hub: &Hub, mark: DailyLook, now: Timestamp) -> Result<(), EngineError> {
    let failed = EngineError::aws("the daily look");
    let again = (now + AGAIN).as_millisecond();
    if !hub.store().move_look(&mark, again).await.map_err(&failed)? {
        return Ok(());
    }
    let organization = mark.organization;
    let found = hub.organization_now(&organization).await.map_err(&failed)?;
    if found.is_some_and(|found| found.status == OrganizationStatus::Active) {
        look_at(hub, &organization, now).await?;
    }
    let begun = DailyLook {
        organization,
        due: again,
    };
    let next = (now + DAY).as_millisecond();
    hub.store().move_look(&begun, next).await.map_err(failed)?;
    Ok(())
}

/// Looks at an organization's credentials: refreshes grants that would lapse, and keeps reminders. One
/// connection that fails keeps no other from being looked at.
///
/// # Errors
/// The first thing that failed; the rest is done.
pub async fn look_at(
    hub: &Hub,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<(), EngineError> {
    let failed = EngineError::aws("the daily look");
    let connections = hub.store().connections(organization).await;
    let mut first_error = None;
    for connection in connections.map_err(&failed)? {
        if connection.state == ConnectionState::Disconnected {
            continue;
        }
        let idle = tokens::refresh_idle(hub, organization, &connection.id).await;
        let lapses_at = idle.as_ref().ok().and_then(|idle| idle.lapses_at);
        if let Err(error) = idle {
            // What it would lapse without is said all the same.
            first_error.get_or_insert(error);
        }
        for reminder in reminders::of_connection(hub, &connection, lapses_at, now) {
            let kept = notices::remind_of_connection(hub, &connection, &reminder).await;
            kept.map_err(&failed)?;
        }
    }
    for webhook in hub.store().webhooks(organization).await.map_err(&failed)? {
        if let Some(reminder) = reminders::of_webhook(hub, &webhook, now) {
            let kept = notices::remind_of_webhook(hub, &webhook, &reminder).await;
            kept.map_err(&failed)?;
        }
    }
    first_error.map_or(Ok(()), Err)
}
