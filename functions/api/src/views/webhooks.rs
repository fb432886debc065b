//! Webhooks, field by field. Values of secret headers are no field.

use std::collections::BTreeMap;

use hub_domain::{Timestamp, Verdict, WebhookId};
use hub_engine::webhooks;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: WebhookId,
    name: String,
    url: String,
    events: Vec<String>,
    active: bool,
    headers: BTreeMap<String, String>,
    /// The names alone.
    secret_headers: Vec<String>,
    version: u64,
    created_at: Timestamp,
    created_by: String,
    updated_at: Timestamp,
    updated_by: String,
    secret_made_at: Timestamp,
}

impl From<hub_domain::Webhook> for Webhook {
    fn from(found: hub_domain::Webhook) -> Self {
        Self {
            id: found.id,
            name: found.name,
            url: found.url,
            events: found.events,
            active: found.active,
            headers: found.headers,
            secret_headers: found.secret_headers.into_keys().collect(),
            version: found.version,
            created_at: found.created_at,
            created_by: found.created_by,
            updated_at: found.updated_at,
            updated_by: found.updated_by,
            secret_made_at: found.secret_made_at,
        }
    }
}

/// A webhook and the secret that was just made for it: shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    secret: String,
}

impl From<webhooks::WithSecret> for WithSecret {
    fn from(made: webhooks::WithSecret) -> Self {
        Self {
            webhook: made.webhook.into(),
            secret: made.secret.expose_secret().to_owned(),
        }
    }
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// Whether the receiver took it.
    delivered: bool,
    /// The message's `webhook-id`.
    message_id: String,
    status: Option<u16>,
    latency_ms: u128,
    verdict: &'static str,
    /// What to do.
    advice: &'static str,
    /// The beginning of what was answered.
    answer: String,
}

impl From<webhooks::Attempt> for Attempt {
    fn from(tried: webhooks::Attempt) -> Self {
        Self {
            delivered: matches!(tried.verdict, Verdict::Done { .. }),
            message_id: tried.message,
            status: tried.status,
            latency_ms: tried.latency.as_millis(),
            verdict: tried.verdict.name(),
            advice: tried.advice,
            answer: tried.answer,
        }
    }
}
