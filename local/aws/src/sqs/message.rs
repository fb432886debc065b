//! A message, the forms in which it leaves, and the receipt that a receive hands out.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::digest;

/// Message attributes by name. Sorted, as the MD5 sum wants them.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// One typed message attribute, in SQS's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// As Base64, as it travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
    pub(crate) data_type: String,
}

impl Attribute {
    /// As Lambda's SQS event has it.
    fn to_event(&self) -> Value {
        let mut value = Map::new();
        value.insert("dataType".into(), self.data_type.clone().into());
        value.insert("stringListValues".into(), json!([]));
        value.insert("binaryListValues".into(), json!([]));
        if let Some(text) = &self.string_value {
            value.insert("stringValue".into(), text.clone().into());
        }
        if let Some(binary) = &self.binary_value {
            value.insert("binaryValue".into(), binary.clone().into());
        }
        Value::Object(value)
    }
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Visible { rank: u64 },
    Delayed { until_ms: i64 },
    InFlight { since_ms: i64, until_ms: i64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    /// Only `AWSTraceHeader` exists.
    pub(crate) system: Attributes,
    /// The group, empty without one.
    pub(crate) group: Arc<str>,
    pub(crate) sender: String,
    pub(crate) sent_ms: i64,
    pub(crate) receive_count: u32,
    pub(crate) first_received_ms: Option<i64>,
    /// The queue a dead letter came from.
    pub(crate) died_in: Option<String>,
    /// How many places a reordered message jumps ahead, once.
    pub(crate) jump: u64,
    /// A second copy, as an unruly queue makes them.
    pub(crate) duplicate: bool,
    pub(crate) place: Place,
}

/// A message as it stands in a queue, for inspection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueuedMessage {
    /// The id that `SendMessage` answered with.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// The message attributes, in SQS's JSON.
    pub message_attributes: Value,
    /// The group, if it has one.
    pub group: Option<String>,
    /// The access key id of the sender.
    pub sender_id: String,
    /// How often it has been received.
    pub receive_count: u32,
}

impl Message {
    /// The system attributes, as strings.
    pub(crate) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::from([
            ("SenderId", self.sender.clone()),
            ("SentTimestamp", self.sent_ms.to_string()),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
        ]);
        if let Some(first) = self.first_received_ms {
            all.insert("ApproximateFirstReceiveTimestamp", first.to_string());
        }
        if !self.group.is_empty() {
            all.insert("MessageGroupId", self.group.to_string());
        }
        if let Some(arn) = &self.died_in {
            all.insert("DeadLetterQueueSourceArn", arn.clone());
        }
        if let Some(trace) = self
            .system
            .get("AWSTraceHeader")
            .and_then(|a| a.string_value.clone())
        {
            all.insert("AWSTraceHeader", trace);
        }
        all
    }

    pub(crate) fn queued(&self) -> QueuedMessage {
        QueuedMessage {
            message_id: self.id.clone(),
            body: self.body.clone(),
            message_attributes: json!(self.attributes),
            group: (!self.group.is_empty()).then(|| self.group.to_string()),
            sender_id: self.sender.clone(),
            receive_count: self.receive_count,
        }
    }
}

/// What one receive hands out.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    pub(crate) receipt: String,
}

impl Delivery {
    /// As `ReceiveMessage` answers, with the attributes that were asked for.
    pub(crate) fn to_receive_json(&self, system: &[String], attributes: &[String]) -> Value {
        let message = &self.message;
        let mut all = Map::new();
        all.insert("MessageId".into(), message.id.clone().into());
        all.insert("ReceiptHandle".into(), self.receipt.clone().into());
        all.insert("MD5OfBody".into(), digest::of_body(&message.body).into());
        all.insert("Body".into(), message.body.clone().into());
        let asked = |name: &str| {
            system
                .iter()
                .any(|pattern| pattern == "All" || pattern == name)
        };
        let mut system = message.system_attributes();
        system.retain(|name, _| asked(name));
        if !system.is_empty() {
            all.insert("Attributes".into(), json!(system));
        }
        let mut chosen = message.attributes.clone();
        chosen.retain(|name, _| attributes.iter().any(|pattern| matches(pattern, name)));
        if let Some(sum) = digest::of_attributes(&chosen) {
            all.insert("MD5OfMessageAttributes".into(), sum.into());
            all.insert("MessageAttributes".into(), json!(chosen));
        }
        Value::Object(all)
    }

    /// As a record of Lambda's SQS event.
    pub(crate) fn to_event_record(&self, queue_arn: &str) -> Value {
        let message = &self.message;
        let attributes = message.attributes.iter();
        let attributes: Map<_, _> = attributes
            .map(|(name, attribute)| (name.clone(), attribute.to_event()))
            .collect();
        json!({
            "messageId": message.id,
            "receiptHandle": self.receipt,
            "body": message.body,
            "attributes": message.system_attributes(),
            "messageAttributes": attributes,
            "md5OfBody": digest::of_body(&message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": crate::REGION,
        })
    }
}

/// `All`, `.*`, `prefix.*` or a whole name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    }
}

/// What a receipt handle says: which message, and which receive of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) serial: u64,
    pub(crate) receive: u32,
}

impl Receipt {
    pub(crate) fn write(&self, queue: &str, stamp: u64) -> String {
        URL_SAFE_NO_PAD.encode(format!(
            "{queue} {} {} {stamp:016x}",
            self.serial, self.receive
        ))
    }

    /// `None` for a handle that this queue never gave out.
    pub(crate) fn read(handle: &str, queue: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let mut parts = text.split(' ');
        if parts.next()? != queue {
            return None;
        }
        Some(Self {
            serial: parts.next()?.parse().ok()?,
            receive: parts.next()?.parse().ok()?,
        })
    }
}
