//! Sending events again because somebody says so: those that failed since a time (*recover*), and those that
//! were never sent since a time, because the webhook was off or took other events (*replay missing*). What is
//! sent has the id and the bytes that it had, or would have had.

use futures_util::future::join_all;
use hub_aws::{AwsError, store::KeptEvent};
use hub_connectors::WEBHOOKS;
use hub_domain::{EventId, Faults, Subject, Timestamp, Webhook, WebhookId, reader::Reader};
use serde_json::Value;

use super::{get, unavailable};
use crate::{
    deliveries::{self, Again, AgainRequest, DeliveryFilter},
    error::EngineError,
    hub::Hub,
    identity::{Caller, Role},
    kept,
    reference::DeliveryReference,
};

/// Events that one call looks at: each is read whole, most are a few KB, and API Gateway waits 30 seconds.
const LOOKED_AT: usize = 500;
/// Events that are looked at side by side; one call to SQS takes their messages.
const TOGETHER: usize = 10;
/// The longest cursor.
const MAX_CURSOR: usize = 4_096;

/// Since when.
#[derive(Debug)]
pub struct Since {
    /// The moment.
    pub since: Timestamp,
    /// Where the answer before ended.
    pub cursor: Option<String>,
}

impl Since {
    /// Reads `{ since, cursor? }`.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let read = Reader::new(value, "", &mut faults).and_then(|mut reader| {
            let since = reader.required_time("since", &mut faults);
            let cursor = reader.text("cursor", MAX_CURSOR, &mut faults);
            for unknown in reader.rest().keys() {
                faults.push(reader.at(unknown), "is unknown", "since or cursor");
            }
            Some(Self {
                since: since?,
                cursor,
            })
        });
        read.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// What became of events that were never sent.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many were looked at.
    pub looked_at: usize,
    /// How many of those are sent now.
    pub sent: usize,
    /// Where to go on, if not all were looked at.
    pub next: Option<String>,
}

/// Sends again what failed since a moment.
///
/// # Errors
/// The caller is no manager, the webhook is not there, or AWS does not answer; a repeat goes on.
pub async fn recover(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    since: &Since,
) -> Result<Again, EngineError> {
    caller.at_least(Role::Manager)?;
    in_use(get(hub, caller, id).await?)?;
    let request = AgainRequest {
        filter: DeliveryFilter {
            webhook: Some(id.clone()),
            since: Some(since.since),
            ..DeliveryFilter::default()
        },
        dry_run: false,
        cursor: since.cursor.clone(),
    };
    deliveries::retry_all(hub, caller, &request).await
}

/// Sends what the webhook takes and was never sent, of all that was accepted since a moment.
///
/// # Errors
/// The caller is no manager, the webhook is not there, or AWS does not answer; a repeat goes on.
pub async fn replay_missing(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    since: &Since,
) -> Result<Replayed, EngineError> {
    caller.at_least(Role::Manager)?;
    let webhook = in_use(get(hub, caller, id).await?)?;
    let mut replayed = Replayed {
        next: since.cursor.clone(),
        ..Replayed::default()
    };
    let queue = format!("{WEBHOOKS}-live");
    loop {
        let page = hub
            .store()
            .kept_events(
                &caller.organization,
                since.since,
                replayed.next.as_deref(),
                LOOKED_AT - replayed.looked_at,
            )
            .await
            .map_err(unavailable("the events"))?;
        replayed.looked_at += page.looked_at;
        for together in page.events.chunks(TOGETHER) {
            let missing = together.iter().map(|event| missing(hub, &webhook, event));
            let missing: Vec<Option<EventId>> = join_all(missing)
                .await
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(unavailable("an event"))?;
            let messages = missing.iter().flatten().map(|event| {
                let delivery = DeliveryReference::to_webhook(&caller.organization, id, event);
                delivery.message().map_err(|error| EngineError::Bug {
                    context: "writing a message",
                    source: Some(Box::new(error)),
                })
            });
            let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
            if messages.is_empty() {
                continue;
            }
            let count = messages.len();
            let sent = hub.queues().send_batch(&queue, messages).await;
            let sent: Result<Vec<()>, AwsError> = sent.into_iter().collect();
            sent.map_err(unavailable("the queue of webhooks"))?;
            replayed.sent += count;
        }
        replayed.next = page.next;
        if replayed.next.is_none() || replayed.looked_at >= LOOKED_AT {
            return Ok(replayed);
        }
    }
}

/// An event that the webhook takes and has no delivery of.
async fn missing(
    hub: &Hub,
    webhook: &Webhook,
    event: &KeptEvent,
) -> Result<Option<EventId>, AwsError> {
    let organization = &webhook.organization;
    let ring = hub.vault().data(organization.as_str()).await?;
    let body = kept::open(&ring, organization, &event.id, &event.sealed)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
    if !webhook.takes(kind) || !webhook.wants(&body) {
        return Ok(None);
    }
    let delivery = Subject::event_to(&webhook.id, &event.id).delivery();
    let known = hub.store().delivery(organization, &delivery).await?;
    Ok(known.is_none().then(|| event.id.clone()))
}

/// One that is off takes nothing: what was sent now would only be held.
fn in_use(webhook: Webhook) -> Result<Webhook, EngineError> {
    if webhook.active {
        return Ok(webhook);
    }
    Err(EngineError::Conflict(
        "the webhook is not active; make it active first".to_owned(),
    ))
}
