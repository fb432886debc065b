//! Dead letters go back to where they came from, when an operator says so: received, sent, then deleted.
//! A death between leaves a message twice, and a replay of either does nothing that was done.
//!
//! What is believed of a message depends on who sent it first, and when: a reference is ingest's alone,
//! and a signature is judged by the time of sending. Both are the queue's own knowledge, which moving a
//! message would lose. So a dead letter that one of our functions sent says them in attributes, of any
//! other the queue itself says them; and dispatch believes the attributes only of messages that come from
//! here. A stranger's attributes of these names are believed by nobody.

use std::time::Duration;

use hub_aws::{
    AwsError, Outgoing,
    queues::{SENT_AT, SENT_BY, SOURCE_QUEUE, revived},
};
use hub_domain::{Faults, QueueMessage, ledger::DeliveryStatus};

use crate::{
    dispatch::is_sender,
    error::EngineError,
    hub::Hub,
    ingest::EVENTS,
    reference::{DeliveryReference, EventReference},
};

/// How long a dead letter is hidden from others while it is moved.
const HIDDEN: Duration = Duration::from_mins(5);
/// With less time than this no more are received: one round is four calls to AWS.
const LEAST_TIME: Duration = Duration::from_secs(15);
/// The most that one call moves.
pub const MOST: usize = 10_000;

/// Whose dead letters say who sent them first: dispatch's, and those that were moved before.
#[derive(Debug, Clone, Default)]
pub struct Senders {
    /// The id of dispatch's role.
    pub dispatch: String,
    /// The id of batch's role.
    pub batch: String,
}

/// What became of dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Those that lie in their queue again.
    pub moved: usize,
    /// Those that could not be moved: they lie where they lay.
    pub left: usize,
}

/// Moves at most `most` messages from a dead-letter queue, `events` or a CRM's, back to their queues.
/// Those that die again meanwhile are left for another time.
///
/// # Errors
/// There is no such queue, or it does not answer; what was moved is moved.
pub async fn redrive(
    hub: &Hub,
    senders: &Senders,
    queue: &str,
    most: usize,
    remaining: Duration,
) -> Result<Redriven, EngineError> {
    let known: Vec<&str> = [EVENTS]
        .into_iter()
        .chain(hub.registry().destinations())
        .collect();
    if !known.contains(&queue) {
        let expected = format!("one of {}", known.join(", "));
        return Err(EngineError::Invalid(Faults::one(
            "/redrive/queue",
            format!("is '{queue}'"),
            expected,
        )));
    }
    let dead_letters = format!("{queue}-dlq");
    let (begun, mut redriven) = (hub.now_ms(), Redriven::default());
    let ends =
        begun + i64::try_from((remaining.saturating_sub(LEAST_TIME)).as_millis()).unwrap_or(0);
    while redriven.moved + redriven.left < most.min(MOST) && hub.now_ms() <= ends {
        let found = hub.queues().receive(&dead_letters, HIDDEN).await;
        let mut found = found.map_err(EngineError::aws("the dead-letter queue"))?;
        let received = found.len();
        // What died again since this began would go round and round.
        found.retain(|message| {
            message.sent_at_ms.is_none_or(|at| at <= begun) || !has_died(message)
        });
        found.truncate(most - redriven.moved - redriven.left);
        if found.is_empty() {
            break;
        }
        let moved = back(hub, senders, queue, found).await;
        redriven.moved += moved.moved;
        redriven.left += moved.left;
        if received == 0 {
            break;
        }
    }
    tracing::info!(
        queue,
        moved = redriven.moved,
        left = redriven.left,
        "dead letters were moved back"
    );
    Ok(redriven)
}

/// Whether the hub itself put it there, and not the queue after its last receive.
fn has_died(message: &QueueMessage) -> bool {
    message.attributes.contains_key(SOURCE_QUEUE)
}

/// Moves what was received.
async fn back(hub: &Hub, senders: &Senders, queue: &str, found: Vec<QueueMessage>) -> Redriven {
    let mut redriven = Redriven::default();
    let mut done = Vec::new();
    let mut by_target: std::collections::BTreeMap<String, Vec<(String, Outgoing)>> =
        std::collections::BTreeMap::new();
    for message in found {
        match prepared(hub, senders, queue, &message).await {
            Ok((target, outgoing)) => by_target
                .entry(target)
                .or_default()
                .push((message.receipt, outgoing)),
            Err(error) => {
                redriven.left += 1;
                tracing::warn!(message.id = message.id, error = %error, "a dead letter could not be moved");
            }
        }
    }
    for (target, messages) in by_target {
        let (receipts, messages): (Vec<String>, Vec<Outgoing>) = messages.into_iter().unzip();
        let sent = hub.queues().send_batch(&target, messages).await;
        for (receipt, sent) in receipts.into_iter().zip(sent) {
            match sent {
                Ok(()) => {
                    redriven.moved += 1;
                    done.push(receipt);
                }
                Err(error) => {
                    redriven.left += 1;
                    tracing::warn!(error = %error, "a dead letter could not be moved");
                }
            }
        }
    }
    let deleted = hub
        .queues()
        .delete_batch(&format!("{queue}-dlq"), done)
        .await;
    for error in deleted.into_iter().filter_map(Result::err) {
        // It is moved once more, which does nothing.
        tracing::warn!(error = %error, "a dead letter that was moved could not be deleted");
    }
    redriven
}

/// Where a dead letter goes, and as what.
async fn prepared(
    hub: &Hub,
    senders: &Senders,
    queue: &str,
    message: &QueueMessage,
) -> Result<(String, Outgoing), AwsError> {
    if queue == EVENTS {
        let (sender, sent_at_ms) = first_sent(senders, message);
        let reference = serde_json::from_str::<EventReference>(&message.body).ok();
        let group = reference.map(|reference| reference.organization.to_string());
        return Ok((
            EVENTS.to_owned(),
            revived(message, sender, sent_at_ms, group),
        ));
    }
    let lanes = [format!("{queue}-live"), format!("{queue}-bulk")];
    let [live, _] = &lanes;
    let source = message.attributes.get(SOURCE_QUEUE);
    let target = source
        .filter(|source| lanes.contains(source))
        .unwrap_or(live);
    let reference = serde_json::from_str::<DeliveryReference>(&message.body).ok();
    if let Some(reference) = &reference {
        open(hub, reference).await?;
    }
    let group = reference.map(|reference| reference.organization.to_string());
    Ok((target.clone(), revived(message, None, None, group)))
}

/// Who sent a message first, and when.
fn first_sent(senders: &Senders, message: &QueueMessage) -> (Option<String>, Option<i64>) {
    let sender = message.sender.as_deref();
    if is_sender(sender, &senders.dispatch) || is_sender(sender, &senders.batch) {
        let said = |name: &str| message.attributes.get(name);
        let at = said(SENT_AT).and_then(|at| at.parse().ok());
        return (said(SENT_BY).cloned(), at);
    }
    (message.sender.clone(), message.sent_at_ms)
}

/// A delivery that was given up has its attempts again.
async fn open(hub: &Hub, reference: &DeliveryReference) -> Result<(), AwsError> {
    let id = reference.subject.delivery();
    let Some(entry) = hub.store().delivery(&reference.organization, &id).await? else {
        return Ok(());
    };
    if entry.status != DeliveryStatus::DeadLettered {
        return Ok(());
    }
    match hub.store().reopen(&entry, None, None, hub.now_ms()).await {
        // Somebody is at it.
        Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_functions_are_believed_what_a_dead_letter_says_of_its_first_sending() {
        let senders = Senders {
            dispatch: "AROADISPATCH".to_owned(),
            batch: "AROABATCH".to_owned(),
        };
        let message = |sender: &str| QueueMessage {
            sender: Some(sender.to_owned()),
            sent_at_ms: Some(9_000),
            attributes: [(SENT_BY, "AROAINGEST:x"), (SENT_AT, "1000")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..QueueMessage::default()
        };
        let said = (Some("AROAINGEST:x".to_owned()), Some(1_000));
        for ours in ["AROADISPATCH:hub-dispatch", "AROABATCH"] {
            assert_eq!(first_sent(&senders, &message(ours)), said, "{ours}");
        }
        for stranger in ["AROALIVEPROMPT:x", "AROABATCH2", "", "x:AROADISPATCH"] {
            let own = (Some(stranger.to_owned()), Some(9_000));
            assert_eq!(first_sent(&senders, &message(stranger)), own, "{stranger}");
        }
        let nobody = Senders::default();
        let own = (Some(String::new()), Some(9_000));
        assert_eq!(first_sent(&nobody, &message("")), own);
    }
}
