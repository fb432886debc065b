//! SQS: a small server of standard queues, because none in process has an injected clock, fair queues, the cap on
//! messages in flight, or the duplicates and reorderings that real SQS has.
//!
//! Not here: FIFO queues, message move tasks, permissions, tags.

mod chance;
mod digest;
mod fault;
mod message;
mod queue;
mod receive;
mod requests;
mod send;
mod settings;
mod visibility;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::call::{Answer, Call, Service};
use crate::clock::Clock;
use crate::local_aws::{ACCOUNT, ENDPOINT, REGION};
use chance::Chance;
pub use chance::Unruly;
use fault::{Code, Fault};
pub(crate) use message::Delivery;
pub use message::QueuedMessage;
use queue::Queue;
pub use queue::QueueDepth;
use requests::{CreateQueue, ListQueues, OfQueue, QueueName, SetQueueAttributes};
use settings::Settings;

pub(crate) struct Sqs {
    clock: Clock,
    seed: u64,
    state: Mutex<State>,
}

struct State {
    queues: BTreeMap<String, Queue>,
    endpoint: String,
    ids: Chance,
    chance: Chance,
    unruly: Unruly,
    in_flight_cap: usize,
}

/// The ARN of a queue.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

impl Sqs {
    pub(crate) fn new(clock: Clock, seed: u64) -> Self {
        let state = State {
            queues: BTreeMap::new(),
            endpoint: ENDPOINT.to_owned(),
            ids: Chance::new(seed),
            chance: Chance::new(seed ^ 0x5eed),
            unruly: Unruly::default(),
            in_flight_cap: 120_000,
        };
        Self {
            clock,
            seed,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn set_endpoint(&self, base: &str) {
        base.trim_end_matches('/')
            .clone_into(&mut self.lock().endpoint);
    }

    pub(crate) fn set_unruly(&self, unruly: Unruly) {
        self.lock().unruly = unruly;
    }

    pub(crate) fn set_in_flight_cap(&self, cap: usize) {
        self.lock().in_flight_cap = cap;
    }

    pub(crate) async fn call(&self, call: &Call) -> Answer {
        match self.run(call).await {
            Ok(body) => Answer::json(Service::Sqs, 200, &body),
            Err(fault) => fault.answer(),
        }
    }

    async fn run(&self, call: &Call) -> Result<Value, Fault> {
        let body = &call.body;
        match call.operation.as_str() {
            "CreateQueue" => self.create_queue(&parse(body)?),
            "GetQueueUrl" => self.get_queue_url(&parse(body)?),
            "ListQueues" => Ok(self.list_queues(&parse(body)?)),
            "GetQueueAttributes" => self.get_queue_attributes(&parse(body)?),
            "SetQueueAttributes" => self.set_queue_attributes(&parse(body)?),
            "DeleteQueue" => self.delete_queue(&parse(body)?),
            "PurgeQueue" => self.purge_queue(&parse(body)?),
            "SendMessage" => self.send(parse(body)?, &call.principal),
            "SendMessageBatch" => self.send_batch(parse(body)?, &call.principal),
            "ReceiveMessage" => self.receive(&parse(body)?).await,
            "DeleteMessage" => self.delete(&parse(body)?),
            "DeleteMessageBatch" => self.delete_batch(&parse(body)?),
            "ChangeMessageVisibility" => self.change_visibility(&parse(body)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(&parse(body)?),
            other => Err(Fault::new(
                Code::InvalidAction,
                format!("The action {other} is not valid here."),
            )),
        }
    }

    fn create_queue(&self, request: &CreateQueue) -> Result<Value, Fault> {
        let name = &request.queue_name;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 80 || !name.chars().all(allowed) {
            return Err(Fault::parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let now_ms = self.now_ms();
        let mut state = self.lock();
        if let Some(queue) = state.queues.get(name) {
            if queue.settings.with(&request.attributes)? != queue.settings {
                let message = "A queue already exists with the same name and a different value for an attribute";
                return Err(Fault::new(Code::QueueNameExists, message));
            }
        } else {
            let settings = Settings::default().with(&request.attributes)?;
            state.check_redrive(&settings)?;
            state
                .queues
                .insert(name.clone(), Queue::new(name, settings, now_ms));
        }
        Ok(json!({ "QueueUrl": state.url(name) }))
    }

    fn get_queue_url(&self, request: &QueueName) -> Result<Value, Fault> {
        let state = self.lock();
        if !state.queues.contains_key(&request.queue_name) {
            return Err(Fault::no_queue());
        }
        Ok(json!({ "QueueUrl": state.url(&request.queue_name) }))
    }

    fn list_queues(&self, request: &ListQueues) -> Value {
        let state = self.lock();
        let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
        let names = state.queues.keys().filter(|name| name.starts_with(prefix));
        let urls: Vec<String> = names.map(|name| state.url(name)).collect();
        json!({ "QueueUrls": urls })
    }

    fn get_queue_attributes(&self, request: &OfQueue) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url, |_, queue, _| {
            let depth = queue.depth();
            let mut all = queue.settings.attributes();
            all.insert("QueueArn".into(), arn(&queue.name));
            all.insert(
                "ApproximateNumberOfMessages".into(),
                depth.visible.to_string(),
            );
            all.insert(
                "ApproximateNumberOfMessagesNotVisible".into(),
                depth.in_flight.to_string(),
            );
            all.insert(
                "ApproximateNumberOfMessagesDelayed".into(),
                depth.delayed.to_string(),
            );
            all.insert(
                "CreatedTimestamp".into(),
                (queue.created_ms / 1000).to_string(),
            );
            all.insert(
                "LastModifiedTimestamp".into(),
                (queue.changed_ms / 1000).to_string(),
            );
            all.retain(|name, _| {
                request
                    .attribute_names
                    .iter()
                    .any(|asked| asked == "All" || asked == name)
            });
            Ok(json!({ "Attributes": all }))
        })
    }

    fn set_queue_attributes(&self, request: &SetQueueAttributes) -> Result<Value, Fault> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let name = last_segment(&request.queue_url);
        let settings = state
            .queues
            .get(name)
            .ok_or_else(Fault::no_queue)?
            .settings
            .with(&request.attributes)?;
        state.check_redrive(&settings)?;
        state
            .queues
            .get_mut(name)
            .ok_or_else(Fault::no_queue)?
            .set_settings(settings, now_ms);
        Ok(json!({}))
    }

    fn delete_queue(&self, request: &OfQueue) -> Result<Value, Fault> {
        let removed = self.lock().queues.remove(last_segment(&request.queue_url));
        removed
            .ok_or_else(Fault::no_queue)?
            .arrivals
            .notify_waiters();
        Ok(json!({}))
    }

    fn purge_queue(&self, request: &OfQueue) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url, |_, queue, now_ms| {
            if queue
                .purged_ms
                .is_some_and(|before| now_ms < before + 60_000)
            {
                let message = format!(
                    "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                    queue.name
                );
                return Err(Fault::new(Code::PurgeQueueInProgress, message));
            }
            queue.purged_ms = Some(now_ms);
            queue.clear();
            Ok(json!({}))
        })
    }

    pub(crate) fn depths(&self) -> BTreeMap<String, QueueDepth> {
        let now_ms = self.now_ms();
        let depth = |queue: &mut Queue| {
            queue.settle(now_ms);
            (queue.name.clone(), queue.depth())
        };
        self.lock().queues.values_mut().map(depth).collect()
    }

    pub(crate) fn next_due(&self, queue: &str) -> Option<Timestamp> {
        let due_ms = self
            .with_queue(queue, |_, queue, now_ms| Ok(queue.next_due_ms(now_ms)))
            .ok()??;
        Timestamp::from_millisecond(due_ms).ok()
    }

    pub(crate) fn dump(&self) -> BTreeMap<String, Vec<QueuedMessage>> {
        let now_ms = self.now_ms();
        let messages = |queue: &mut Queue| {
            queue.settle(now_ms);
            let messages = queue.messages().map(message::Message::queued).collect();
            (queue.name.clone(), messages)
        };
        self.lock().queues.values_mut().map(messages).collect()
    }

    /// What wakes when something arrives. `None` without such a queue.
    pub(crate) fn arrivals(&self, queue: &str) -> Option<Arc<Notify>> {
        self.lock()
            .queues
            .get(last_segment(queue))
            .map(|queue| queue.arrivals.clone())
    }

    /// Runs on a queue that time has been let pass in. Takes its URL or its name.
    fn with_queue<T>(
        &self,
        url: &str,
        run: impl FnOnce(&mut Shared<'_>, &mut Queue, i64) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let State {
            queues,
            ids,
            chance,
            unruly,
            in_flight_cap,
            ..
        } = &mut *state;
        let queue = queues
            .get_mut(last_segment(url))
            .ok_or_else(Fault::no_queue)?;
        queue.settle(now_ms);
        let mut shared = Shared {
            ids,
            chance,
            unruly: *unruly,
            in_flight_cap: *in_flight_cap,
        };
        run(&mut shared, queue, now_ms)
    }

    fn now_ms(&self) -> i64 {
        (self.clock)().as_millisecond()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all queues share.
struct Shared<'a> {
    ids: &'a mut Chance,
    chance: &'a mut Chance,
    unruly: Unruly,
    in_flight_cap: usize,
}

impl State {
    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    fn check_redrive(&self, settings: &Settings) -> Result<(), Fault> {
        match &settings.redrive {
            Some(redrive) if !self.queues.contains_key(&redrive.target) => Err(Fault::parameter(
                "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
            )),
            _ => Ok(()),
        }
    }
}

fn last_segment(url: &str) -> &str {
    url.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::new(Code::MissingParameter, error.to_string()))
}
