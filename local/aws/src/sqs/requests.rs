//! The requests of the SQS JSON protocol, as far as they are understood here.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fault::{Code, Fault};
use super::message::Attributes;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueName {
    pub(crate) queue_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    pub(crate) queue_name_prefix: Option<String>,
}

/// `GetQueueAttributes`, `DeleteQueue` and `PurgeQueue`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OfQueue {
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// `SendMessage`, and an entry of its batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Send {
    #[serde(default)]
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) id: String,
    pub(crate) message_body: String,
    pub(crate) delay_seconds: Option<i64>,
    #[serde(default)]
    pub(crate) message_attributes: Attributes,
    #[serde(default)]
    pub(crate) message_system_attributes: Attributes,
    pub(crate) message_group_id: Option<String>,
    pub(crate) message_deduplication_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Receive {
    pub(crate) queue_url: String,
    /// The older name of the next.
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
    #[serde(default)]
    pub(crate) message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub(crate) message_attribute_names: Vec<String>,
    pub(crate) max_number_of_messages: Option<i64>,
    pub(crate) visibility_timeout: Option<i64>,
    pub(crate) wait_time_seconds: Option<i64>,
}

/// `DeleteMessage` and `ChangeMessageVisibility`, and an entry of their batches.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OfMessage {
    #[serde(default)]
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) visibility_timeout: Option<i64>,
}

/// Any batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: serde::de::DeserializeOwned")]
pub(crate) struct Batch<T> {
    pub(crate) queue_url: String,
    #[serde(default = "Vec::new")]
    pub(crate) entries: Vec<T>,
}

impl<T> Batch<T> {
    /// What refuses a batch as a whole: its length, and the ids of its entries.
    pub(crate) fn check(&self, id: impl Fn(&T) -> &str) -> Result<(), Fault> {
        if self.entries.is_empty() {
            let message = "There should be at least one entry in the request.";
            return Err(Fault::new(Code::EmptyBatchRequest, message));
        }
        if self.entries.len() > 10 {
            let message = format!(
                "Maximum number of entries per request are 10. You have sent {}.",
                self.entries.len()
            );
            return Err(Fault::new(Code::TooManyEntriesInBatchRequest, message));
        }
        let mut seen = std::collections::BTreeSet::new();
        for entry in &self.entries {
            let id = id(entry);
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || id.len() > 80 || !id.chars().all(allowed) {
                let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
                return Err(Fault::new(Code::InvalidBatchEntryId, message));
            }
            if !seen.insert(id) {
                return Err(Fault::new(
                    Code::BatchEntryIdsNotDistinct,
                    format!("Id {id} repeated."),
                ));
            }
        }
        Ok(())
    }
}
