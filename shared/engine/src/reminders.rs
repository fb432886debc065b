//! What of an organization's credentials somebody should do something about.

use hub_domain::{
    Connection, ConnectionState, Timestamp, Webhook,
    reminder::{Reminder, Secret},
};

use crate::hub::Hub;

/// What is to be said of a connection. `lapses_at` is when its grant ends by itself, if it does.
pub(crate) fn of_connection(
    hub: &Hub,
    connection: &Connection,
    lapses_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Reminder> {
    if connection.state == ConnectionState::Disconnected {
        return Vec::new();
    }
    let secret = Secret::of(connection.method);
    let old = connection
        .credential_since
        .and_then(|since| Reminder::of_secret(secret, since, hub.credential_days(), now));
    let lapses = lapses_at.and_then(|at| Reminder::of_grant(at, now));
    old.into_iter().chain(lapses).collect()
}

/// What is to be said of a webhook: nothing of one that is turned off.
pub(crate) fn of_webhook(hub: &Hub, webhook: &Webhook, now: Timestamp) -> Option<Reminder> {
    if webhook.deleting || !webhook.active {
        return None;
    }
    let since = webhook.secret_made_at;
    Reminder::of_secret(Secret::WebhookSecret, since, hub.credential_days(), now)
}
