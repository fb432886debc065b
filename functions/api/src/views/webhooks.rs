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
    /// Why the hub turned it off, until somebody makes it active again; `null` where it did not.
    off: Option<Off>,
    /// Since when events were given up, without one that was taken; `null` where none was.
    failing_since: Option<Timestamp>,
    /// Conditions on the content of events.
    only: BTreeMap<String, Vec<String>>,
    /// The most messages a second.
    rate_limit: u32,
    /// What checks the `v1a` signatures; `null` where there are none.
    public_key: Option<String>,
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

/// That the hub turned a webhook off.
#[derive(Debug, Serialize, ToSchema)]
struct Off {
    reason: String,
    at: Timestamp,
}

impl From<hub_domain::Webhook> for Webhook {
    fn from(found: hub_domain::Webhook) -> Self {
        let rate_limit = found.rate_limit();
        Self {
            id: found.id,
            name: found.name,
            url: found.url,
            events: found.events,
            active: found.active,
            rate_limit,
            off: found.off.map(|off| Off {
                reason: off.reason,
                at: off.at,
            }),
            failing_since: found.failing_since,
            only: found.only,
            public_key: found.public_key,
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

/// What became of events that were never sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many were looked at.
    looked_at: usize,
    /// How many of those are sent now.
    sent: usize,
    /// What goes on as `cursor`; `null` when all were looked at.
    next: Option<String>,
}

impl From<webhooks::again::Replayed> for Replayed {
    fn from(done: webhooks::again::Replayed) -> Self {
        Self {
            looked_at: done.looked_at,
            sent: done.sent,
            next: done.next,
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
