//! Queue attributes: their defaults and limits, and the redrive policy.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{Code, Fault};

/// The largest message, and the largest batch of messages: 1 MiB.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1_048_576;
/// 12 hours: the longest that a message may be in flight.
pub(crate) const MAX_VISIBILITY_S: i64 = 43_200;

/// What `CreateQueue` and `SetQueueAttributes` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) visibility_s: i64,
    pub(crate) delay_s: i64,
    pub(crate) max_message_bytes: usize,
    pub(crate) retention_s: i64,
    pub(crate) wait_s: i64,
    pub(crate) redrive: Option<Redrive>,
    /// Attributes that are kept and change nothing here: policies and encryption.
    inert: BTreeMap<String, String>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) target: String,
    pub(crate) max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    /// A number; a string of digits is taken too.
    max_receive_count: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_s: 30,
            delay_s: 0,
            max_message_bytes: MAX_MESSAGE_BYTES,
            retention_s: 345_600,
            wait_s: 0,
            redrive: None,
            inert: BTreeMap::new(),
        }
    }
}

impl Settings {
    pub(crate) fn retention_ms(&self) -> i64 {
        self.retention_s * 1000
    }

    /// These settings with the given attributes in their place.
    pub(crate) fn with(&self, attributes: &BTreeMap<String, String>) -> Result<Self, Fault> {
        let mut new = self.clone();
        for (name, value) in attributes {
            match name.as_str() {
                "VisibilityTimeout" => new.visibility_s = number(name, value, 0, MAX_VISIBILITY_S)?,
                "DelaySeconds" => new.delay_s = number(name, value, 0, 900)?,
                "MaximumMessageSize" => {
                    let most = i64::try_from(MAX_MESSAGE_BYTES).unwrap_or(i64::MAX);
                    let bytes = number(name, value, 1024, most)?;
                    new.max_message_bytes = usize::try_from(bytes).unwrap_or(MAX_MESSAGE_BYTES);
                }
                "MessageRetentionPeriod" => new.retention_s = number(name, value, 60, 1_209_600)?,
                "ReceiveMessageWaitTimeSeconds" => new.wait_s = number(name, value, 0, 20)?,
                "RedrivePolicy" => new.redrive = redrive(value)?,
                "Policy"
                | "RedriveAllowPolicy"
                | "KmsMasterKeyId"
                | "KmsDataKeyReusePeriodSeconds"
                | "SqsManagedSseEnabled" => {
                    new.inert.insert(name.clone(), value.clone());
                }
                _ => {
                    return Err(Fault::new(
                        Code::InvalidAttributeName,
                        format!("Unknown Attribute {name}."),
                    ));
                }
            }
        }
        Ok(new)
    }

    /// As `GetQueueAttributes` answers.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        let mut all = self.inert.clone();
        all.insert("VisibilityTimeout".into(), self.visibility_s.to_string());
        all.insert("DelaySeconds".into(), self.delay_s.to_string());
        all.insert(
            "MaximumMessageSize".into(),
            self.max_message_bytes.to_string(),
        );
        all.insert(
            "MessageRetentionPeriod".into(),
            self.retention_s.to_string(),
        );
        all.insert(
            "ReceiveMessageWaitTimeSeconds".into(),
            self.wait_s.to_string(),
        );
        if let Some(redrive) = &self.redrive {
            let policy = json!({
                "deadLetterTargetArn": super::arn(&redrive.target),
                "maxReceiveCount": redrive.max_receive_count,
            });
            all.insert("RedrivePolicy".into(), policy.to_string());
        }
        all
    }
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Result<i64, Fault> {
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| invalid(name))
}

/// An empty policy takes the redrive away.
fn redrive(value: &str) -> Result<Option<Redrive>, Fault> {
    if value.is_empty() {
        return Ok(None);
    }
    let policy: RedrivePolicy =
        serde_json::from_str(value).map_err(|_| invalid("RedrivePolicy"))?;
    let count = match &policy.max_receive_count {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    };
    let max_receive_count = count
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| invalid("RedrivePolicy"))?;
    let target = policy
        .dead_letter_target_arn
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    Ok(Some(Redrive {
        target,
        max_receive_count,
    }))
}

fn invalid(name: &str) -> Fault {
    // AWS documents InvalidAttributeValue and sends InvalidParameterValue for the numbers; the documented one here.
    Fault::new(
        Code::InvalidAttributeValue,
        format!("Invalid value for the parameter {name}."),
    )
}
