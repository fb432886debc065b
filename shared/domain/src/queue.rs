//! What a queue hands to a handler, and what the handler answers for each message.
//!
//! The shape is SQS's, without its types: the Lambda shell fills it, the engine reads it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

/// One message as received from a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueMessage {
    /// The queue's id of the message; the name a partial batch failure uses.
    pub id: String,
    /// The handle of this one receive; what a change of visibility needs.
    pub receipt: String,
    /// The body, as sent.
    pub body: String,
    /// The sender's identity as the queue saw it, never as the message claims it.
    pub sender: Option<String>,
    /// How often the message has been received, this time included (at least 1).
    pub receives: u32,
    /// The full name of the queue it was received from.
    pub source: String,
    /// When it was sent, by the queue's clock, in milliseconds since 1970.
    pub sent_at_ms: Option<i64>,
    /// String attributes that the sender set.
    pub attributes: BTreeMap<String, String>,
}

/// What should happen to one message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueAction {
    /// It is dealt with, whatever the outcome was: delete it.
    Delete,
    /// It comes again after this time (0 to 15 minutes); it stays in the queue.
    Again(Duration),
    /// It waits outside the queue: its delivery is marked, then it is deleted here. What releases the
    /// delivery sends a message of its own.
    Hold {
        /// Until when; `None` for as long as its connection is not in use.
        until: Option<Timestamp>,
    },
    /// It goes to the dead-letter queue with this reason, then is deleted here.
    DeadLetter(String),
}
