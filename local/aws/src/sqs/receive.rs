//! Receiving: by a client's `ReceiveMessage` with its long poll, or by the event-source poller.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::chance::Chance;
use super::fault::{Code, Fault};
use super::message::{Delivery, Receipt};
use super::queue::Queue;
use super::requests::Receive;
use super::settings::MAX_VISIBILITY_S;
use super::{Shared, Sqs, arn};

impl Sqs {
    pub(crate) async fn receive(&self, request: &Receive) -> Result<Value, Fault> {
        let most = in_range(
            "MaxNumberOfMessages",
            request.max_number_of_messages.unwrap_or(1),
            1,
            10,
        )?;
        let visibility_s = request.visibility_timeout;
        if let Some(visibility_s) = visibility_s {
            in_range("VisibilityTimeout", visibility_s, 0, MAX_VISIBILITY_S)?;
        }
        let queue_wait_s =
            self.with_queue(&request.queue_url, |_, queue, _| Ok(queue.settings.wait_s))?;
        let wait_s = in_range(
            "WaitTimeSeconds",
            request.wait_time_seconds.unwrap_or(queue_wait_s),
            0,
            20,
        )?;
        let deadline = Instant::now() + Duration::from_secs(wait_s.unsigned_abs());
        let system = [
            &request.attribute_names[..],
            &request.message_system_attribute_names[..],
        ]
        .concat();
        loop {
            let arrivals = self
                .arrivals(&request.queue_url)
                .ok_or_else(Fault::no_queue)?;
            let arrived = arrivals.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let found = self.take(
                &request.queue_url,
                usize::try_from(most).unwrap_or(1),
                visibility_s,
            )?;
            if found.capped && wait_s == 0 {
                let message = "Too many messages in flight for this queue.";
                return Err(Fault::new(Code::OverLimit, message));
            }
            if !found.deliveries.is_empty() || Instant::now() >= deadline {
                let messages = found.deliveries.iter();
                let messages: Vec<Value> = messages
                    .map(|d| d.to_receive_json(&system, &request.message_attribute_names))
                    .collect();
                let mut answer = Map::new();
                if !messages.is_empty() {
                    answer.insert("Messages".into(), json!(messages));
                }
                return Ok(Value::Object(answer));
            }
            let wake = self
                .wake(&request.queue_url)
                .map_or(deadline, |wake| wake.min(deadline));
            tokio::select! {
                () = &mut arrived => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// The instant at which the next hidden message becomes visible, if there is one.
    pub(crate) fn wake(&self, queue: &str) -> Option<Instant> {
        let due = self.next_due(queue)?;
        Some(Instant::now() + until(due, (self.clock)()))
    }

    /// Takes up to `most` messages at once, without waiting.
    pub(crate) fn take(
        &self,
        url: &str,
        most: usize,
        visibility_s: Option<i64>,
    ) -> Result<Found, Fault> {
        let seed = self.seed;
        let (found, dead, target) = self.with_queue(url, |shared, queue, now_ms| {
            let hidden_ms = visibility_s.unwrap_or(queue.settings.visibility_s) * 1000;
            let mut found = Found::default();
            let mut dead = Vec::new();
            while found.deliveries.len() < most {
                if queue.depth().in_flight >= shared.in_flight_cap {
                    found.capped = found.deliveries.is_empty();
                    break;
                }
                let Some(serial) = queue.next() else { break };
                if exhausted(queue, serial) {
                    dead.extend(queue.remove(serial));
                    continue;
                }
                let Some(message) = queue.deliver(serial, now_ms, hidden_ms).cloned() else {
                    break;
                };
                let receipt = Receipt {
                    serial,
                    receive: message.receive_count,
                };
                let stamp = Chance::new(seed ^ (serial << 20) ^ u64::from(receipt.receive)).draw();
                let receipt = receipt.write(&queue.name, stamp);
                found.deliveries.push(Delivery { message, receipt });
            }
            for delivery in &found.deliveries {
                leave_copy(shared, queue, delivery, now_ms);
            }
            Ok((
                found,
                dead,
                queue
                    .settings
                    .redrive
                    .as_ref()
                    .map(|redrive| redrive.target.clone()),
            ))
        })?;
        if let (false, Some(target)) = (dead.is_empty(), target) {
            let source = arn(super::last_segment(url));
            // A dead-letter queue that was deleted meanwhile loses the messages, as on AWS.
            let _ = self.with_queue(&target, |_, queue, now_ms| {
                for mut message in dead {
                    message.died_in = Some(source.clone());
                    queue.add(message, now_ms);
                }
                Ok(())
            });
        }
        Ok(found)
    }
}

/// What a receive found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) deliveries: Vec<Delivery>,
    /// Nothing, because too many messages are in flight.
    pub(crate) capped: bool,
}

/// Received as often as the redrive policy allows: the next receive moves it instead.
fn exhausted(queue: &Queue, serial: u64) -> bool {
    match (&queue.settings.redrive, queue.get(serial)) {
        (Some(redrive), Some(message)) => message.receive_count >= redrive.max_receive_count,
        _ => false,
    }
}

/// At-least-once delivery, made to happen: a copy that outlives the deletion of the original.
fn leave_copy(shared: &mut Shared<'_>, queue: &mut Queue, delivery: &Delivery, now_ms: i64) {
    if delivery.message.duplicate || !shared.chance.hits(shared.unruly.duplicate_per_mille) {
        return;
    }
    let delay_ms = if shared.chance.hits(500) {
        0
    } else {
        shared.chance.up_to(30_000)
    };
    let mut copy = delivery.message.clone();
    copy.duplicate = true;
    queue.add(copy, now_ms + i64::try_from(delay_ms).unwrap_or(0));
}

/// At least a millisecond, so that what cannot be received now is not asked for in a tight loop.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(due.duration_since(now)).unwrap_or_default();
    wait.max(Duration::from_millis(1))
}

fn in_range(name: &str, value: i64, least: i64, most: i64) -> Result<i64, Fault> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Fault::parameter(format!(
        "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
    )))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sqs::parse;

    /// Straight to the server: through the SDK it would take a minute.
    #[test]
    fn a_hundred_and_twenty_thousand_may_be_in_flight() {
        let sqs = Sqs::new(Arc::new(|| Timestamp::UNIX_EPOCH), 0);
        let create = parse(br#"{ "QueueName": "q" }"#).unwrap();
        sqs.create_queue(&create).unwrap();
        for _ in 0..120_001 {
            let send = parse(br#"{ "QueueUrl": "q", "MessageBody": "x" }"#).unwrap();
            sqs.send(send, "AKID").unwrap();
        }
        for _ in 0..12_000 {
            assert_eq!(sqs.take("q", 10, None).unwrap().deliveries.len(), 10);
        }
        let found = sqs.take("q", 10, None).unwrap();
        assert!(found.capped && found.deliveries.is_empty());
    }
}
