//! `/api/health`

use axum::{Json, extract::State};
use hub_domain::{
    Cause, ConnectionId, ConnectionState, CrmId, Timestamp, WebhookId, notice,
    reminder::{Reminder as Found, Secret},
};
use hub_engine::health;
use hub_lambda::{ApiError, openapi};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    access::{Caller, refused},
};

/// How an organization's connections and webhooks are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: HealthStatus,
    connections: Vec<ConnectionHealth>,
    /// Those of which something is to be said.
    webhooks: Vec<WebhookHealth>,
}

/// Whether anybody has to do something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthStatus {
    /// Nobody.
    Ok,
    /// Somebody, as the connections and webhooks say.
    Attention,
}

/// How a connection is.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectionHealth {
    id: ConnectionId,
    crm: CrmId,
    name: String,
    state: ConnectionState,
    cause: Option<Cause>,
    reason: String,
    /// What a person should do; empty when nothing is wrong.
    advice: &'static str,
    last_sync_at: Option<Timestamp>,
    reminders: Vec<Reminder>,
}

/// How a webhook is.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookHealth {
    id: WebhookId,
    name: String,
    reminders: Vec<Reminder>,
}

/// What somebody should do before something stops.
#[derive(Debug, Serialize, ToSchema)]
struct Reminder {
    /// The event that says it.
    #[serde(rename = "type")]
    kind: notice::Kind,
    /// When it became due.
    due_at: Timestamp,
    advice: String,
    /// Of a secret: which.
    secret: Option<Secret>,
    /// Of a secret: since when it is the one it is.
    since: Option<Timestamp>,
    /// Of a grant: when it ends.
    lapses_at: Option<Timestamp>,
}

impl From<Found> for Reminder {
    fn from(found: Found) -> Self {
        let (secret, since, lapses_at) = match &found {
            Found::Old { secret, since, .. } => (Some(*secret), Some(*since), None),
            Found::Lapses { at, .. } => (None, None, Some(*at)),
        };
        Self {
            kind: found.kind(),
            due_at: found.due_at(),
            advice: found.advice(),
            secret,
            since,
            lapses_at,
        }
    }
}

impl From<health::Health> for Health {
    fn from(found: health::Health) -> Self {
        let status = if found.is_well() {
            HealthStatus::Ok
        } else {
            HealthStatus::Attention
        };
        let last = found.last_syncs;
        let reminders = |found: Vec<Found>| found.into_iter().map(Reminder::from).collect();
        Self {
            status,
            connections: found
                .connections
                .into_iter()
                .map(|(connection, found)| ConnectionHealth {
                    last_sync_at: last.get(&connection.id).copied(),
                    id: connection.id,
                    crm: connection.crm,
                    name: connection.name,
                    state: connection.state,
                    cause: connection.cause,
                    reason: connection.reason,
                    advice: connection.cause.map_or("", Cause::advice),
                    reminders: reminders(found),
                })
                .collect(),
            webhooks: found
                .webhooks
                .into_iter()
                .map(|(webhook, found)| WebhookHealth {
                    id: webhook.id,
                    name: webhook.name,
                    reminders: reminders(vec![found]),
                })
                .collect(),
        }
    }
}

/// How the organization's connections and webhooks are, and what somebody should do before something
/// stops: connections that do not work, secrets that are old, grants that are about to lapse.
///
/// Needs the role manager.
#[utoipa::path(
    get,
    path = "/api/health",
    operation_id = "health",
    tag = "service",
    security(("bearer" = [])),
    responses((status = 200, body = Health, description = "How it is."), openapi::Called),
)]
pub(crate) async fn health(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<Health>, ApiError> {
    let found = health::of(&api.hub, &caller)
        .await
        .map_err(|error| refused(&error))?;
    Ok(Json(found.into()))
}
