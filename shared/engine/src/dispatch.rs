//! From an accepted event to one message per connection, and per webhook that takes it.
//!
//! The `events` queue admits references from ingest, known by their sender, and raw events with a
//! signature from liveprompt, which are taken in here as ingest does.

use std::collections::BTreeMap;

use bytes::Bytes;
use hub_aws::{
    Outgoing,
    queues::{OURS, SENT_AT, SENT_BY},
};
use hub_connectors::WEBHOOKS;
use hub_domain::{QueueMessage, Subject, Timestamp, retry::backoff};

use crate::{
    held,
    hub::Hub,
    ingest::{self, Body, EVENTS, EventFailure},
    kept,
    reference::{DeliveryReference, EventReference, VERSION},
    webhook::Signed,
};

/// How long an event waits for its session before it is written alone, in seconds: the longest
/// delay SQS has.
const ALONE_DELAY_S: u16 = 900;

/// Why a message goes no further.
#[derive(Debug)]
enum Stop {
    /// It is no event, and stays so: to the dead-letter queue with the reason.
    Dead(String),
    /// It may work later: it stays in the queue.
    Later(String),
}

/// Takes a batch of the `events` queue and answers the ids of the messages that stay in it.
///
/// `senders` are the identities of ingest, since only its messages may be references, and of what moves
/// dead letters back.
pub async fn dispatch(hub: &Hub, senders: &Senders, messages: Vec<QueueMessage>) -> Vec<String> {
    let ingest_sender = &senders.ingest;
    let messages: Vec<_> = messages
        .into_iter()
        .map(|message| as_first_sent(message, &senders.batch))
        .collect();
    let mut stops: BTreeMap<usize, Stop> = BTreeMap::new();
    let mut outgoing: BTreeMap<String, Vec<(usize, Outgoing)>> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        match fan_out(hub, ingest_sender, message).await {
            Ok(found) => found
                .into_iter()
                .for_each(|(queue, out)| outgoing.entry(queue).or_default().push((index, out))),
            Err(stop) => drop(stops.insert(index, stop)),
        }
    }
    for (queue, entries) in outgoing {
        let (places, bodies): (Vec<usize>, Vec<Outgoing>) = entries.into_iter().unzip();
        for (place, sent) in places
            .into_iter()
            .zip(hub.queues().send_batch(&queue, bodies).await)
        {
            if let Err(error) = sent {
                stops.insert(place, Stop::Later(error.to_string()));
            }
        }
    }
    settle(hub, &messages, stops).await
}

/// Whose messages are believed what.
#[derive(Debug, Clone, Default)]
pub struct Senders {
    /// Who may send references: the id of ingest's role.
    pub ingest: String,
    /// Who says of a message who sent it first, and when: the id of batch's role.
    pub batch: String,
}

/// A message as it was when it was sent first: of one that was moved back from the dead-letter queue its
/// mover says by whom and when. What anybody else says of that is taken away unread.
fn as_first_sent(mut message: QueueMessage, batch_sender: &str) -> QueueMessage {
    let is_moved = is_sender(message.sender.as_deref(), batch_sender);
    let sender = message.attributes.remove(SENT_BY);
    let sent_at = message.attributes.remove(SENT_AT);
    for ours in OURS {
        message.attributes.remove(ours);
    }
    if is_moved {
        message.sender = sender;
        let sent_at = sent_at.and_then(|at| at.parse().ok());
        message.sent_at_ms = sent_at.or(message.sent_at_ms);
    }
    message
}

/// Which queues a message leads to.
async fn fan_out(
    hub: &Hub,
    ingest_sender: &str,
    message: &QueueMessage,
) -> Result<Vec<(String, Outgoing)>, Stop> {
    let mut found = Vec::new();
    for reference in references(hub, ingest_sender, message).await? {
        let connections = hub
            .connections(&reference.organization)
            .await
            .map_err(|error| Stop::Later(error.to_string()))?;
        for connection in connections
            .iter()
            // A CRM whose connector is yet to come has no queue.
            .filter(|connection| {
                connection.takes_events() && hub.registry().delivers(&connection.crm)
            })
        {
            let delivery = DeliveryReference {
                v: VERSION,
                organization: reference.organization.clone(),
                subject: Subject::session_to(&connection.id, &reference.session),
                event: reference.event.clone(),
                revision: reference.revision,
            };
            if !held::take_or_hold(hub, connection, &delivery)
                .await
                .map_err(|error| Stop::Later(error.to_string()))?
            {
                continue;
            }
            let out = Outgoing {
                delay_s: if reference.alone { ALONE_DELAY_S } else { 0 },
                ..delivery
                    .message()
                    .map_err(|error| Stop::Later(error.to_string()))?
            };
            found.push((format!("{}-live", connection.crm), out));
        }
        found.extend(to_webhooks(hub, &reference).await?);
    }
    Ok(found)
}

/// The webhooks that take an event: each gets it by itself, at once, also where its session is yet to come.
async fn to_webhooks(
    hub: &Hub,
    reference: &EventReference,
) -> Result<Vec<(String, Outgoing)>, Stop> {
    let Some(kind) = &reference.kept else {
        return Ok(Vec::new());
    };
    let webhooks = hub
        .webhooks(&reference.organization)
        .await
        .map_err(|error| Stop::Later(error.to_string()))?;
    let taking: Vec<_> = webhooks.iter().filter(|one| one.takes(kind)).collect();
    // Only a condition on the content costs a look at it.
    let event = if taking.iter().all(|webhook| webhook.only.is_empty()) {
        None
    } else {
        let body = kept::body(hub, &reference.organization, &reference.event).await;
        let body = body.map_err(|error| Stop::Later(error.to_string()))?;
        body.and_then(|body| serde_json::from_slice(&body).ok())
    };
    let event: serde_json::Value = event.unwrap_or_default();
    let taking = taking.into_iter().filter(|webhook| webhook.wants(&event));
    let sent = taking.map(|webhook| {
        let delivery =
            DeliveryReference::to_webhook(&reference.organization, &webhook.id, &reference.event);
        let message = delivery.message();
        let message = message.map_err(|error| Stop::Later(error.to_string()))?;
        Ok((format!("{WEBHOOKS}-live"), message))
    });
    sent.collect()
}

/// What a message refers to: ingest says it, or a raw event is taken in first.
async fn references(
    hub: &Hub,
    ingest_sender: &str,
    message: &QueueMessage,
) -> Result<Vec<EventReference>, Stop> {
    let header = |name: &str| message.attributes.get(name).map_or("", String::as_str);
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    if signed.signature.is_empty() {
        if !is_sender(message.sender.as_deref(), ingest_sender) {
            return Err(Stop::Dead(
                "neither a signed event nor a reference from ingest".to_owned(),
            ));
        }
        let reference: EventReference = serde_json::from_str(&message.body)
            .map_err(|_| Stop::Dead("not a reference to an event".to_owned()))?;
        return Ok(vec![reference]);
    }
    // A message may have waited in the queue for hours: what counts is when it was sent.
    let sent = message
        .sent_at_ms
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_else(|| hub.clock().now());
    let body = ingest::verified(hub, Bytes::from(message.body.clone()), signed, sent)
        .await
        .map_err(|error| Stop::Later(error.to_string()))?
        .map_err(|refusal| Stop::Dead(refusal.to_string()))?;
    let body = Body::read(body).map_err(|fault| Stop::Dead(fault.to_string()))?;
    let mut references = Vec::new();
    let mut faults = Vec::new();
    for (id, outcome) in ingest::store_all(hub, &body.events).await {
        match outcome {
            Ok(reference) => references.extend(reference),
            // The whole message comes again; what was stored is found stored.
            Err(EventFailure::Unavailable(error)) => return Err(Stop::Later(error.to_string())),
            Err(EventFailure::Invalid(found)) => faults.push(found.to_string()),
            Err(EventFailure::Different(fields)) => {
                let id = id.map(|id| id.to_string()).unwrap_or_default();
                faults.push(format!(
                    "{id} was accepted before with other values of {}",
                    fields.join(", ")
                ));
            }
        }
    }
    if faults.is_empty() {
        return Ok(references);
    }
    let reason = faults.join("; ");
    if references.is_empty() {
        return Err(Stop::Dead(reason));
    }
    // What is valid goes on; the message is kept for a person because of the rest.
    match hub
        .queues()
        .dead_letter(EVENTS, "events-dlq", message, &reason)
        .await
    {
        Ok(()) => Ok(references),
        Err(error) => Err(Stop::Later(error.to_string())),
    }
}

/// In AWS the sender of a role is `{role id}:{session}`; an emulator knows access keys alone.
pub(crate) fn is_sender(sender: Option<&str>, expected: &str) -> bool {
    !expected.is_empty() && sender.is_some_and(|sender| sender.split(':').next() == Some(expected))
}

/// Dead letters go, what stays comes again with backoff.
async fn settle(hub: &Hub, messages: &[QueueMessage], stops: BTreeMap<usize, Stop>) -> Vec<String> {
    let mut failed = Vec::new();
    let mut hidden = Vec::new();
    for (index, stop) in stops {
        let Some(message) = messages.get(index) else {
            continue;
        };
        let reason = match stop {
            Stop::Dead(reason) => match hub
                .queues()
                .dead_letter(EVENTS, "events-dlq", message, &reason)
                .await
            {
                Ok(()) => {
                    tracing::error!(
                        message.id = message.id,
                        "a message of the events queue is no event; it lies in the dead-letter queue"
                    );
                    continue;
                }
                Err(error) => error.to_string(),
            },
            Stop::Later(reason) => reason,
        };
        tracing::warn!(
            message.id = message.id,
            attempt = message.receives,
            reason,
            "an event could not be dispatched yet"
        );
        failed.push(message.id.clone());
        hidden.push((
            message.receipt.clone(),
            backoff(message.receives, hub.entropy().unit()),
        ));
    }
    for error in hub
        .queues()
        .hide_batch(EVENTS, hidden)
        .await
        .into_iter()
        .filter_map(Result::err)
    {
        // It then comes again when the queue's own visibility timeout ends.
        tracing::warn!(error = %error, "a message could not be hidden");
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_batch_says_who_sent_a_message_first_and_when() {
        let message = |sender: &str| QueueMessage {
            sender: Some(sender.to_owned()),
            sent_at_ms: Some(9_000),
            attributes: [
                (SENT_BY, "AROAINGEST"),
                (SENT_AT, "1000"),
                ("webhook-id", "msg_1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..QueueMessage::default()
        };
        let moved = as_first_sent(message("AROABATCH:hub-batch"), "AROABATCH");
        assert_eq!(
            (moved.sender.as_deref(), moved.sent_at_ms),
            (Some("AROAINGEST"), Some(1_000))
        );
        let known = BTreeMap::from([("webhook-id".to_owned(), "msg_1".to_owned())]);
        assert_eq!(moved.attributes, known);
        for (stranger, batch) in [("AROAOTHER", "AROABATCH"), ("", ""), ("AROAOTHER", "")] {
            let kept = as_first_sent(message(stranger), batch);
            assert_eq!(
                (kept.sender.as_deref(), kept.sent_at_ms),
                (Some(stranger), Some(9_000))
            );
            assert_eq!(kept.attributes, known);
        }
        // One of which it is not said has no sender that is believed.
        let mut unsaid = message("AROABATCH");
        unsaid.attributes.clear();
        assert_eq!(as_first_sent(unsaid, "AROABATCH").sender, None);
    }

    #[test]
    fn only_ingest_is_ingest() {
        assert!(is_sender(Some("AROA123:hub-ingest"), "AROA123"));
        assert!(is_sender(Some("ingest"), "ingest"));
        for sender in [
            None,
            Some(""),
            Some("AROA1234:hub-ingest"),
            Some("x:AROA123"),
            Some("AROA12"),
        ] {
            assert!(!is_sender(sender, "AROA123"), "{sender:?}");
        }
        assert!(!is_sender(Some(""), ""));
    }
}
