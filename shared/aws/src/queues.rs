//! The queues: send, hide, receive, delete, dead-letter. Every batch call answers with one result
//! per message, in order, because a batch half sent is the usual failure.
//!
//! Queues are standard ones. A message's group makes them fair (SQS serves groups in turn), never
//! ordered; a message may come twice, so a send that got no answer may simply be repeated.

mod batch;
mod create;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sqs::{
    Client,
    error::BuildError,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry,
    },
};
use hub_domain::QueueMessage;
use tracing::instrument;

use self::batch::{Answer, MAX_ATTRIBUTES, Results};
use crate::error::{AwsError, classify};

/// The attribute that says why a message is in a dead-letter queue.
pub const REASON: &str = "hub-reason";
/// The attribute that says which queue a dead letter came from, and goes back to.
pub const SOURCE_QUEUE: &str = "hub-source-queue";

/// The attribute that says who sent a dead letter first, as the queue saw it.
pub const SENT_BY: &str = "hub-sent-by";
/// The attribute that says when a dead letter was sent first, in milliseconds since 1970.
pub const SENT_AT: &str = "hub-sent-at";
/// What the hub itself sets on dead letters, and takes away from what comes back.
pub const OURS: [&str; 4] = [REASON, SOURCE_QUEUE, SENT_BY, SENT_AT];

const SEND: &str = "sqs:SendMessageBatch";
const HIDE: &str = "sqs:ChangeMessageVisibilityBatch";
const RECEIVE: &str = "sqs:ReceiveMessage";
const DELETE: &str = "sqs:DeleteMessageBatch";

/// SQS keeps a message hidden no longer than this after it was received.
const MAX_HIDDEN_S: u64 = 12 * 60 * 60;
const MAX_REASON_CHARS: usize = 256;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outgoing {
    /// The body: a reference, or a raw event on its way to `events`.
    pub body: String,
    /// Whose message it is, so that a busy tenant delays only itself.
    pub group: Option<String>,
    /// Hidden for this long after it was sent, at most 900.
    pub delay_s: u16,
    /// String attributes, at most ten.
    pub attributes: BTreeMap<String, String>,
}

/// All queues of one deployment. A queue is named by what follows the common prefix: `events`,
/// `events-dlq`, `{crm}-live`.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    url_prefix: String,
}

impl Queues {
    /// `url_prefix` is what all queue URLs begin with, as in
    /// `https://sqs.eu-west-1.amazonaws.com/123456789012/hub-`.
    pub fn new(client: Client, url_prefix: impl Into<String>) -> Self {
        Self {
            client,
            url_prefix: url_prefix.into(),
        }
    }

    /// Sends one message.
    pub async fn send(&self, queue: &str, message: Outgoing) -> Result<(), AwsError> {
        let results = self.send_batch(queue, vec![message]).await;
        results
            .into_iter()
            .next()
            .unwrap_or(Err(AwsError::Unavailable {
                operation: SEND,
                source: None,
            }))
    }

    /// Sends messages, in calls of at most ten entries and 1 MiB. What SQS would not take whatever
    /// we do is refused here, since it would take its neighbours in the call with it.
    #[instrument(skip_all, fields(queue = queue, messages = messages.len()))]
    pub async fn send_batch(
        &self,
        queue: &str,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<(), AwsError>> {
        let mut results = Results::new(SEND, messages.len());
        for (places, call) in batch::by_size(messages, &mut results) {
            results.settle(&places, self.send_call(queue, call).await);
        }
        results.into_vec()
    }

    /// Hides received messages for this long from now, whole seconds rounded up, 12 hours at most.
    /// Zero shows them.
    #[instrument(skip_all, fields(queue = queue, messages = receipts.len()))]
    pub async fn hide_batch(
        &self,
        queue: &str,
        receipts: Vec<(String, Duration)>,
    ) -> Vec<Result<(), AwsError>> {
        let mut results = Results::new(HIDE, receipts.len());
        for (places, call) in batch::by_count(receipts) {
            results.settle(&places, self.hide_call(queue, call).await);
        }
        results.into_vec()
    }

    /// Deletes received messages.
    #[instrument(skip_all, fields(queue = queue, messages = receipts.len()))]
    pub async fn delete_batch(
        &self,
        queue: &str,
        receipts: Vec<String>,
    ) -> Vec<Result<(), AwsError>> {
        let mut results = Results::new(DELETE, receipts.len());
        for (places, call) in batch::by_count(receipts) {
            results.settle(&places, self.delete_call(queue, call).await);
        }
        results.into_vec()
    }

    /// Up to ten messages, hidden from others for `hidden`. Functions are given theirs by Lambda;
    /// this is for redrive.
    #[instrument(skip_all, fields(queue = queue))]
    pub async fn receive(
        &self,
        queue: &str,
        hidden: Duration,
    ) -> Result<Vec<QueueMessage>, AwsError> {
        let url = self.url(queue);
        let answer = self
            .client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .visibility_timeout(hidden_s(hidden))
            // Any wait at all makes SQS ask all of its servers; without one it may miss messages
            // that are there.
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SenderId)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| classify(RECEIVE, error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(|message| received(&url, message))
            .collect())
    }

    /// Sends a received message on to a dead-letter queue, with the reason and the queue it came
    /// from. The original is deleted by the caller, after this: a death between leaves a duplicate,
    /// not a loss.
    pub async fn dead_letter(
        &self,
        from: &str,
        dead_letters: &str,
        message: &QueueMessage,
        reason: &str,
    ) -> Result<(), AwsError> {
        self.send(dead_letters, dead(from, message, reason)).await
    }

    async fn send_call(&self, queue: &str, messages: Vec<Outgoing>) -> Result<Answer, AwsError> {
        let entries = numbered(SEND, messages, outgoing_entry)?;
        let request = self
            .client
            .send_message_batch()
            .queue_url(self.url(queue))
            .set_entries(Some(entries));
        let answer = request
            .send()
            .await
            .map_err(|error| classify(SEND, error))?;
        Ok(Answer {
            done: answer
                .successful
                .into_iter()
                .map(|entry| entry.id)
                .collect(),
            failed: answer.failed,
        })
    }

    async fn hide_call(
        &self,
        queue: &str,
        receipts: Vec<(String, Duration)>,
    ) -> Result<Answer, AwsError> {
        let entries = numbered(HIDE, receipts, |id, (receipt, hidden)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
            entry
                .id(id)
                .receipt_handle(receipt)
                .visibility_timeout(hidden_s(hidden))
                .build()
        })?;
        let request = self
            .client
            .change_message_visibility_batch()
            .queue_url(self.url(queue))
            .set_entries(Some(entries));
        let answer = request
            .send()
            .await
            .map_err(|error| classify(HIDE, error))?;
        Ok(Answer {
            done: answer
                .successful
                .into_iter()
                .map(|entry| entry.id)
                .collect(),
            failed: answer.failed,
        })
    }

    async fn delete_call(&self, queue: &str, receipts: Vec<String>) -> Result<Answer, AwsError> {
        let entries = numbered(DELETE, receipts, |id, receipt| {
            DeleteMessageBatchRequestEntry::builder()
                .id(id)
                .receipt_handle(receipt)
                .build()
        })?;
        let request = self
            .client
            .delete_message_batch()
            .queue_url(self.url(queue))
            .set_entries(Some(entries));
        let answer = request
            .send()
            .await
            .map_err(|error| classify(DELETE, error))?;
        Ok(Answer {
            done: answer
                .successful
                .into_iter()
                .map(|entry| entry.id)
                .collect(),
            failed: answer.failed,
        })
    }

    /// The name of a queue as it is used here, from its full name: what follows the common prefix.
    pub fn name_of<'a>(&self, full: &'a str) -> &'a str {
        let common = self.url_prefix.rsplit('/').next().unwrap_or_default();
        full.strip_prefix(common).unwrap_or(full)
    }

    fn url(&self, queue: &str) -> String {
        format!("{}{queue}", self.url_prefix)
    }
}

/// Entries whose ids are their places in the call.
fn numbered<I, E>(
    operation: &'static str,
    items: Vec<I>,
    entry: impl Fn(String, I) -> Result<E, BuildError>,
) -> Result<Vec<E>, AwsError> {
    let entries = items
        .into_iter()
        .enumerate()
        .map(|(place, item)| entry(place.to_string(), item));
    entries
        .collect::<Result<_, _>>()
        .map_err(|error| AwsError::refused(operation, "ConstructionFailure", error.to_string()))
}

fn outgoing_entry(
    id: String,
    message: Outgoing,
) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(message.body)
        .set_message_group_id(message.group)
        .delay_seconds(message.delay_s.into());
    for (name, value) in message.attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()?;
        entry = entry.message_attributes(name, value);
    }
    entry.build()
}

fn received(url: &str, message: Message) -> QueueMessage {
    let mut system = message.attributes.unwrap_or_default();
    QueueMessage {
        id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        sender: system.remove(&MessageSystemAttributeName::SenderId),
        receives: system
            .get(&MessageSystemAttributeName::ApproximateReceiveCount)
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        source: url.rsplit('/').next().unwrap_or_default().to_owned(),
        sent_at_ms: system
            .get(&MessageSystemAttributeName::SentTimestamp)
            .and_then(|time| time.parse().ok()),
        attributes: message
            .message_attributes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.string_value?)))
            .collect(),
    }
}

/// A message's own attributes and ours, ten at most.
fn with_ours(
    own: &BTreeMap<String, String>,
    ours: Vec<(&'static str, String)>,
) -> BTreeMap<String, String> {
    let own = own
        .iter()
        .filter(|(name, _)| !OURS.contains(&name.as_str()))
        .take(MAX_ATTRIBUTES - ours.len())
        .map(|(name, value)| (name.clone(), value.clone()));
    let ours = ours
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    own.chain(ours).collect()
}

/// What goes back from a dead-letter queue: the message as it was, and what is known of its first
/// sending.
pub fn revived(
    message: &QueueMessage,
    sender: Option<String>,
    sent_at_ms: Option<i64>,
    group: Option<String>,
) -> Outgoing {
    let sender = sender.filter(|sender| !sender.is_empty());
    let ours = sender.map(|sender| (SENT_BY, sender)).into_iter();
    let ours = ours.chain(sent_at_ms.map(|at| (SENT_AT, at.to_string())));
    Outgoing {
        body: message.body.clone(),
        attributes: with_ours(&message.attributes, ours.collect()),
        group,
        ..Outgoing::default()
    }
}

/// What a dead-letter queue gets of a message. A message may bring ten attributes of its own and
/// ten is the limit, so ours take the place of the last ones: a message without a place in the
/// dead-letter queue would come back for ever.
fn dead(from: &str, message: &QueueMessage, reason: &str) -> Outgoing {
    let reason: String = reason
        .chars()
        .map(|c| if batch::may_be_sent(c) { c } else { ' ' })
        .take(MAX_REASON_CHARS)
        .collect();
    let reason = if reason.is_empty() {
        "none given".to_owned()
    } else {
        reason
    };
    let mut ours = vec![(SOURCE_QUEUE, from.to_owned()), (REASON, reason)];
    let sender = message.sender.clone().filter(|sender| !sender.is_empty());
    ours.extend(sender.map(|sender| (SENT_BY, sender)));
    ours.extend(message.sent_at_ms.map(|at| (SENT_AT, at.to_string())));
    let attributes = with_ours(&message.attributes, ours);
    Outgoing {
        body: message.body.clone(),
        attributes,
        ..Outgoing::default()
    }
}

/// Whole seconds that are not shorter than asked: a message back a moment early finds its lease
/// still held.
fn hidden_s(hidden: Duration) -> i32 {
    let rounded_up = hidden
        .as_secs()
        .saturating_add(u64::from(hidden.subsec_nanos() > 0));
    i32::try_from(rounded_up.min(MAX_HIDDEN_S)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: usize) -> QueueMessage {
        QueueMessage {
            id: "m".into(),
            receipt: "r".into(),
            body: "body".into(),
            sender: None,
            receives: 3,
            attributes: (0..attributes)
                .map(|n| (format!("a{n}"), n.to_string()))
                .collect(),
            ..QueueMessage::default()
        }
    }

    #[test]
    fn a_dead_letter_keeps_its_attributes_and_says_why() {
        let dead = dead("acme-live", &message(2), "no\u{0}mapping");
        let expected = [
            ("a0", "0"),
            ("a1", "1"),
            (REASON, "no mapping"),
            (SOURCE_QUEUE, "acme-live"),
        ];
        assert_eq!(
            dead.attributes,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
        assert_eq!(
            (dead.body.as_str(), dead.group, dead.delay_s),
            ("body", None, 0)
        );
    }

    #[test]
    fn a_dead_letter_can_always_be_sent() {
        let mut full = message(10);
        full.attributes.insert(REASON.into(), "of last time".into());
        let dead = dead("q", &full, &"ä".repeat(300));
        assert_eq!(dead.attributes.len(), 10);
        assert_eq!(dead.attributes[REASON], "ä".repeat(256));
        assert!(dead.attributes.contains_key("a7") && !dead.attributes.contains_key("a8"));
        assert_eq!(super::dead("q", &full, "").attributes[REASON], "none given");
    }

    #[test]
    fn hidden_seconds_are_rounded_up_and_capped() {
        for (hidden, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(2), 2),
            (Duration::from_millis(2_001), 3),
            (Duration::from_hours(12), 43_200),
            (Duration::from_secs(43_201), 43_200),
            (Duration::MAX, 43_200),
        ] {
            assert_eq!(hidden_s(hidden), expected, "{hidden:?}");
        }
    }
}
