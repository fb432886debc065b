//! Grants that nobody uses: kept alive by a refresh in time.

use std::time::Duration;

use hub_connectors::{Manifest, OAuth};
use hub_domain::{
    Connection, ConnectionId, ConnectionState, Method, OrganizationId, Timestamp, Verdict,
};

use super::{For, item, refresh};
use crate::{error::EngineError, hub::Hub, lifecycle};

/// What a look at an idle grant found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// Whether the token was refreshed.
    pub refreshed: bool,
    /// When the grant lapses if nothing more is done; `None` when it does not by itself.
    pub lapses_at: Option<Timestamp>,
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}

/// When a grant lapses that was given at `connected` and refreshed last at `refreshed`.
fn lapses_at(
    oauth: &OAuth,
    connected: Option<Timestamp>,
    refreshed: Timestamp,
) -> Option<Timestamp> {
    let idle = oauth.idle_days.map(|idle| (refreshed, idle));
    let whole = connected.zip(oauth.grant_days);
    let ends = [idle, whole].into_iter().flatten();
    ends.filter_map(|(from, most)| from.checked_add(days(most)).ok())
        .min()
}

/// Whether a refresh is due: two thirds of the idle time are over, so that many daily passes may fail.
fn is_due(oauth: &OAuth, refreshed: Timestamp, now: Timestamp) -> bool {
    let idle = Duration::try_from(now.duration_since(refreshed)).unwrap_or_default();
    oauth
        .idle_days
        .is_some_and(|most| idle >= days(most) * 2 / 3)
}

/// Refreshes the token of a connection that is in no use, if its grant would lapse otherwise; for a
/// pass once a day. A grant that turns out to be gone parks the connection.
///
/// # Errors
/// The connection is not there, or AWS or the CRM does not answer: the next pass tries again.
pub async fn refresh_idle(
    hub: &Hub,
    organization: &OrganizationId,
    connection: &ConnectionId,
) -> Result<Idle, EngineError> {
    let found = hub
        .store()
        .connection(organization, connection)
        .await
        .map_err(EngineError::aws("the connection"))?;
    let connection = found.ok_or(EngineError::NotFound("the connection"))?;
    let manifest = hub.manifest(&connection.crm)?;
    match manifest.oauth.as_ref().filter(|_| may_lapse(&connection)) {
        Some(oauth) => look(hub, &manifest, &connection, oauth).await,
        None => Ok(Idle {
            refreshed: false,
            lapses_at: None,
        }),
    }
}

/// When the grant of a connection lapses if nothing more is done; `None` when it does not by itself.
///
/// # Errors
/// AWS does not answer.
pub(crate) async fn lapse(
    hub: &Hub,
    connection: &Connection,
) -> Result<Option<Timestamp>, EngineError> {
    let manifest = hub.manifest(&connection.crm)?;
    let Some(oauth) = manifest.oauth.as_ref().filter(|_| may_lapse(connection)) else {
        return Ok(None);
    };
    let item = item(hub, connection).await.map_err(EngineError::Crm)?;
    let since = Timestamp::from_millisecond(item.since).unwrap_or_else(|_| hub.clock().now());
    Ok(lapses_at(oauth, connection.connected_at, since))
}

/// Whether it has a grant that a person gave: whoever has credentials of its own has none that lapses.
fn may_lapse(connection: &Connection) -> bool {
    let granted = matches!(
        connection.state,
        ConnectionState::Active | ConnectionState::AwaitingApproval
    );
    granted && connection.method == Method::AuthorizationCode
}

async fn look(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    oauth: &OAuth,
) -> Result<Idle, EngineError> {
    let item = item(hub, connection).await.map_err(EngineError::Crm)?;
    let now = hub.clock().now();
    let since = Timestamp::from_millisecond(item.since).unwrap_or(now);
    let due = is_due(oauth, since, now);
    if due {
        let outcome = refresh::refresh(hub, manifest, connection, &item, For::Work).await;
        if let Err(verdict) = outcome {
            if let Verdict::Reauthorize { cause, reason } = &verdict {
                lifecycle::reconnect_needed(hub, connection, *cause, reason).await;
            }
            return Err(EngineError::Crm(verdict));
        }
    }
    let since = if due { now } else { since };
    Ok(Idle {
        refreshed: due,
        lapses_at: lapses_at(oauth, connection.connected_at, since),
    })
}
