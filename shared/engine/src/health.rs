//! How an organization's connections and webhooks are: what works, and what somebody should do before
//! it stops.

use std::collections::BTreeMap;

use hub_domain::{
    Connection, ConnectionId, ConnectionState, Timestamp, Webhook, reminder::Reminder,
};

use crate::{
    connections,
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    reminders, tokens,
};

/// How it all is.
#[derive(Debug)]
pub struct Health {
    /// The connections that have not ended.
    pub connections: Vec<(Connection, Vec<Reminder>)>,
    /// When they delivered last.
    pub last_syncs: BTreeMap<ConnectionId, Timestamp>,
    /// The webhooks of which something is to be said.
    pub webhooks: Vec<(Webhook, Reminder)>,
}

impl Health {
    /// Whether nobody has to do anything.
    pub fn is_well(&self) -> bool {
        let works = |connection: &Connection| match connection.state {
            ConnectionState::Active => true,
            ConnectionState::Unconnected
            | ConnectionState::AwaitingApproval
            | ConnectionState::ReconnectNeeded
            | ConnectionState::Disconnected => false,
        };
        self.webhooks.is_empty()
            && self
                .connections
                .iter()
                .all(|(connection, reminders)| works(connection) && reminders.is_empty())
    }
}

/// How the caller's organization is connected.
///
/// # Errors
/// The caller is neither manager nor admin, or AWS does not answer.
pub async fn of(hub: &Hub, caller: &Caller) -> Result<Health, EngineError> {
    caller.at_least(Role::Manager)?;
    let now = hub.clock().now();
    let mut found = Vec::new();
    for connection in connections::list(hub, caller).await? {
        // Its token may be gone: then its state says so.
        let lapses_at = tokens::lapse(hub, &connection).await.unwrap_or_default();
        let reminders = reminders::of_connection(hub, &connection, lapses_at, now);
        found.push((connection, reminders));
    }
    let webhooks = hub.store().webhooks(&caller.organization).await;
    let webhooks = webhooks.map_err(EngineError::aws("the webhooks"))?;
    let webhooks = webhooks.into_iter().filter_map(|webhook| {
        let reminder = reminders::of_webhook(hub, &webhook, now)?;
        Some((webhook, reminder))
    });
    Ok(Health {
        connections: found,
        last_syncs: connections::last_syncs(hub, caller).await?,
        webhooks: webhooks.collect(),
    })
}
