//! Sending, one message or ten.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::digest;
use super::fault::{Code, Fault};
use super::message::{Attributes, Message, Place};
use super::queue::Queue;
use super::requests::{Batch, Send};
use super::settings::{MAX_MESSAGE_BYTES, Settings};
use super::{Shared, Sqs};

impl Sqs {
    pub(crate) fn send(&self, request: Send, sender: &str) -> Result<Value, Fault> {
        let url = request.queue_url.clone();
        self.with_queue(&url, |shared, queue, now_ms| {
            check(&request, &queue.settings)?;
            Ok(Value::Object(accept(
                shared, queue, request, sender, now_ms,
            )))
        })
    }

    pub(crate) fn send_batch(&self, request: Batch<Send>, sender: &str) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url.clone(), |shared, queue, now_ms| {
            request.check(|entry| &entry.id)?;
            let total: usize = request.entries.iter().map(size).sum();
            if total > MAX_MESSAGE_BYTES {
                let message = format!("Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. You have sent {total} bytes.");
                return Err(Fault::new(Code::BatchRequestTooLong, message));
            }
            let (mut successful, mut failed) = (Vec::new(), Vec::new());
            for entry in request.entries {
                let id = entry.id.clone();
                match check(&entry, &queue.settings) {
                    Ok(()) => {
                        let mut sent = accept(shared, queue, entry, sender, now_ms);
                        sent.insert("Id".into(), id.into());
                        successful.push(Value::Object(sent));
                    }
                    Err(fault) => failed.push(fault.entry(&id)),
                }
            }
            Ok(json!({ "Successful": successful, "Failed": failed }))
        })
    }
}

fn accept(
    shared: &mut Shared<'_>,
    queue: &mut Queue,
    request: Send,
    sender: &str,
    now_ms: i64,
) -> Map<String, Value> {
    let message = Message {
        id: shared.ids.uuid(),
        body: request.message_body,
        attributes: request.message_attributes,
        system: request.message_system_attributes,
        group: Arc::from(request.message_group_id.unwrap_or_default()),
        sender: sender.to_owned(),
        sent_ms: now_ms,
        receive_count: 0,
        first_received_ms: None,
        died_in: None,
        jump: if shared.chance.hits(shared.unruly.reorder_per_mille) {
            shared.chance.up_to(32)
        } else {
            0
        },
        duplicate: false,
        place: Place::Delayed { until_ms: now_ms },
    };
    let mut answer = Map::new();
    answer.insert("MessageId".into(), message.id.clone().into());
    answer.insert(
        "MD5OfMessageBody".into(),
        digest::of_body(&message.body).into(),
    );
    if let Some(sum) = digest::of_attributes(&message.attributes) {
        answer.insert("MD5OfMessageAttributes".into(), sum.into());
    }
    if let Some(sum) = digest::of_attributes(&message.system) {
        answer.insert("MD5OfMessageSystemAttributes".into(), sum.into());
    }
    let delay_s = request.delay_seconds.unwrap_or(queue.settings.delay_s);
    queue.add(message, now_ms + delay_s * 1000);
    answer
}

fn check(request: &Send, settings: &Settings) -> Result<(), Fault> {
    if request.message_body.is_empty() {
        return Err(Fault::new(
            Code::MissingParameter,
            "The request must contain the parameter MessageBody.",
        ));
    }
    // Of Unicode, what XML 1.0 can carry.
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    if !request.message_body.chars().all(allowed) {
        let message = "Invalid characters were found in the message body.";
        return Err(Fault::new(Code::InvalidMessageContents, message));
    }
    if size(request) > settings.max_message_bytes {
        return Err(Fault::parameter(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            settings.max_message_bytes
        )));
    }
    if request
        .delay_seconds
        .is_some_and(|delay| !(0..=900).contains(&delay))
    {
        return Err(Fault::parameter(
            "Value for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
        ));
    }
    if request.message_deduplication_id.is_some() {
        return Err(Fault::parameter(
            "The request include parameter MessageDeduplicationId which is not valid for this queue type.",
        ));
    }
    if let Some(group) = &request.message_group_id
        && (group.is_empty() || group.len() > 128 || !group.chars().all(|c| c.is_ascii_graphic()))
    {
        return Err(Fault::parameter(
            "Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        ));
    }
    check_attributes(&request.message_attributes)
}

fn check_attributes(attributes: &Attributes) -> Result<(), Fault> {
    if attributes.len() > 10 {
        return Err(Fault::parameter(
            "Number of message attributes exceeds the allowed maximum 10.",
        ));
    }
    for (name, attribute) in attributes {
        let kind = attribute.data_type.split('.').next().unwrap_or_default();
        let fits = match kind {
            "String" | "Number" => attribute
                .string_value
                .as_ref()
                .is_some_and(|value| !value.is_empty()),
            "Binary" => attribute
                .binary_value
                .as_ref()
                .is_some_and(|value| STANDARD.decode(value).is_ok()),
            _ => false,
        };
        if name.is_empty() || name.len() > 256 || !fits {
            return Err(Fault::parameter(format!(
                "The message attribute '{name}' is invalid."
            )));
        }
    }
    Ok(())
}

/// Bytes of the body and of the attributes' names, types and values.
fn size(request: &Send) -> usize {
    let attributes = request.message_attributes.iter().map(|(name, attribute)| {
        let binary = attribute
            .binary_value
            .as_ref()
            .map_or(0, |value| STANDARD.decode(value).map_or(0, |v| v.len()));
        name.len()
            + attribute.data_type.len()
            + attribute.string_value.as_ref().map_or(0, String::len)
            + binary
    });
    request.message_body.len() + attributes.sum::<usize>()
}
