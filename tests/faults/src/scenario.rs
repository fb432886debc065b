//! What liveprompt and people do in a run: steps with their times, and what has to be there in the end.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    history::Wanted,
    lab::{Lab, ORG},
    marker::{self, Versions, marker},
};

/// What somebody does.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// liveprompt posts events, and again until they are accepted.
    Post(Vec<Value>),
    /// liveprompt puts an event into the queue.
    Enqueue(Value),
    /// Somebody puts something into a queue that is no message of ours.
    Poison(&'static str, &'static str),
    /// The CRM ends the access token; a receiver does not believe the next message.
    ExpireToken,
    /// The CRM or receiver answers the next call with 5xx, and does nothing.
    Busy,
    /// Somebody takes the grant away at the CRM; a receiver is gone until it is mended.
    Revoke,
    /// An admin pauses the connection or webhook.
    Pause,
    /// An admin stores a configuration that means the same: a mapping as a new version, another secret.
    Reconfigure,
    /// The clock jumps ahead by so many seconds, whatever is on its way.
    Jump(u64),
    /// An admin sees to it that the connection or webhook is in use.
    Mend,
}

/// What somebody does, and when, counted from the beginning of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// How long liveprompt waits before it sends again what was not accepted.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it tries.
const TRIES: usize = 200;

pub(crate) fn step(at: u64, act: Act) -> Step {
    Step {
        at: Duration::from_secs(at),
        act,
    }
}

/// The core: an action item that comes before its session and is written alone, the session with its
/// participants, its summary, another action item, a change of the first one, a second revision; a token
/// that ends between, and two messages that are none.
pub(crate) fn core() -> Vec<Step> {
    let s = "ses_lab1";
    vec![
        step(0, Act::Post(vec![item("evt_1", s, "a1", 1, 1)])),
        step(1, Act::Poison("events", "not an event")),
        step(2, Act::Poison("live", "not a reference")),
        step(960, Act::Post(vec![session("evt_2", s, 1, 2)])),
        step(980, Act::Enqueue(summary("evt_3", s, 1, 3))),
        step(1_000, Act::Post(vec![item("evt_4", s, "a2", 1, 4)])),
        // The same once more: liveprompt did not hear the answer.
        step(1_005, Act::Post(vec![item("evt_4", s, "a2", 1, 4)])),
        step(1_010, Act::ExpireToken),
        step(1_020, Act::Post(vec![item("evt_5", s, "a1", 2, 5)])),
        step(1_030, Act::Busy),
        step(1_040, Act::Post(vec![session("evt_6", s, 2, 6)])),
    ]
}

/// The same steps with the sessions before everything else, each a minute after the other.
pub(crate) fn sessions_first(steps: &[Step]) -> Vec<Step> {
    let (sessions, others) = parted(steps);
    spaced(sessions.into_iter().chain(others), 60)
}

/// The same steps with the sessions after everything else, so much later that the rest is written alone.
pub(crate) fn sessions_last(steps: &[Step]) -> Vec<Step> {
    let (sessions, others) = parted(steps);
    spaced(others.into_iter().chain(sessions), 1_000)
}

/// Sessions, and everything else.
fn parted(steps: &[Step]) -> (Vec<&Step>, Vec<&Step>) {
    steps.iter().partition(|step| match &step.act {
        Act::Post(events) => events
            .iter()
            .any(|event| event["type"] == "session.completed"),
        _ => false,
    })
}

fn spaced<'a>(steps: impl Iterator<Item = &'a Step>, seconds: u64) -> Vec<Step> {
    (0..)
        .zip(steps)
        .map(|(place, one)| step(place * seconds, one.act.clone()))
        .collect()
}

/// The same steps, a second after the other.
pub(crate) fn at_once(steps: &[Step]) -> Vec<Step> {
    spaced(steps.iter(), 1)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "payloads are written in place"
)]
fn event(id: &str, kind: &str, minute: u32, payload: Value) -> Value {
    let timestamp = format!("2026-11-20T11:{minute:02}:00Z");
    json!({ "id": id, "type": kind, "organizationId": ORG, "timestamp": timestamp, "payload": payload })
}

/// A session with two people the CRM knows and one it does not.
pub(crate) fn session(id: &str, session: &str, version: u32, minute: u32) -> Value {
    let title = format!("{} Discovery", marker(session, version));
    let body = json!({
        "id": session, "title": title, "kind": "meeting",
        "created_at": "2026-11-20T10:00:00Z", "duration_seconds": 2700,
        "host": { "name": "Hana", "email": "hana@seller.example" },
        "participants": [
            { "name": "Ada Moreno", "email": "ada@acme.example" },
            { "name": "Ben", "email": "ben@acme.example" },
            { "name": "Nobody", "email": "nobody@nowhere.example" },
            { "name": "Hana", "email": "hana@seller.example" }],
    });
    event(
        id,
        "session.completed",
        minute,
        json!({ "sessionId": session, "session": body }),
    )
}

/// A session's summary.
pub(crate) fn summary(id: &str, session: &str, version: u32, minute: u32) -> Value {
    let text = format!(
        "{} Acme wants to expand.",
        marker(&format!("{session}-summary"), version)
    );
    let body = json!({ "text": text, "format": "text" });
    event(
        id,
        "summary.generated",
        minute,
        json!({ "sessionId": session, "summary": body }),
    )
}

/// An action item.
pub(crate) fn item(id: &str, session: &str, item: &str, version: u32, minute: u32) -> Value {
    let title = format!(
        "{} Send pricing",
        marker(&format!("{session}-task-{item}"), version)
    );
    let body =
        json!({ "id": item, "title": title, "status": "open", "due_at": "2026-12-24T10:00:00Z" });
    event(
        id,
        "action_item.created",
        minute,
        json!({ "sessionId": session, "action_item": body }),
    )
}

/// What has to be at the CRM once these events were accepted: a record for each session that completed and
/// for each action item. A session's record says what is known of all of its parts; a summary without its
/// session waits for it.
pub(crate) fn wanted<'a>(accepted: impl Iterator<Item = &'a Value>) -> Vec<Wanted> {
    let mut sessions: BTreeMap<String, Versions> = BTreeMap::new();
    for event in accepted {
        let Some(session) = event["payload"]["sessionId"].as_str() else {
            continue;
        };
        let parts = sessions.entry(session.to_owned()).or_default();
        for (part, version) in marker::newest(&event.to_string()) {
            let newest = parts.entry(part).or_insert(version);
            *newest = version.max(*newest);
        }
    }
    let mut wanted = Vec::new();
    for (session, parts) in sessions {
        for (part, version) in &parts {
            let says = if *part == session {
                parts.clone()
            } else {
                Versions::from([(part.clone(), *version)])
            };
            if !part.ends_with("-summary") {
                wanted.push(Wanted {
                    key: part.clone(),
                    matter: session.clone(),
                    says,
                });
            }
        }
    }
    wanted
}

impl Lab {
    /// Does one step after the other, each at its time. What follows a jump of the clock comes as long after
    /// it as it would have: it is the clock that jumps, not what people do.
    pub(crate) async fn drive(&self, steps: &[Step]) {
        let mut begun = Instant::now();
        for Step { at, act } in steps {
            tokio::time::sleep_until(begun + *at).await;
            self.act(act).await;
            if let Act::Jump(seconds) = act {
                begun += Duration::from_secs(*seconds);
            }
            self.bell.notify_one();
        }
    }

    async fn act(&self, act: &Act) {
        match act {
            Act::Post(events) => self.post(events).await,
            Act::Enqueue(event) => {
                let body = event.to_string();
                let signed = self.world.sign(body.as_bytes()).into_iter();
                let attributes = signed.map(|(name, value)| (name.to_owned(), value));
                self.put("liveprompt", "events", body, attributes.collect())
                    .await;
                self.accepted(std::slice::from_ref(event));
            }
            Act::Poison(queue, body) => {
                self.tell(|told| {
                    told.poison.insert((*body).to_owned());
                });
                let queue = match *queue {
                    "live" => format!("{}-live", self.crm),
                    other => other.to_owned(),
                };
                self.put("somebody", &queue, (*body).to_owned(), BTreeMap::new())
                    .await;
            }
            Act::Busy => self.remote.is_busy(),
            Act::ExpireToken => self.remote.end_token(),
            Act::Revoke => self.remote.revoke(),
            Act::Pause => self.pause().await,
            Act::Reconfigure => self.reconfigure().await,
            Act::Jump(seconds) => tokio::time::advance(Duration::from_secs(*seconds)).await,
            Act::Mend => self.mend().await,
        }
    }

    async fn post(&self, events: &[Value]) {
        let body = match events {
            [one] => one.to_string(),
            many => Value::from(many).to_string(),
        };
        for _ in 0..TRIES {
            match self.post_events(body.clone()).await {
                Some(reply) if reply.status == 202 => return self.accepted(events),
                Some(reply) if reply.status.is_client_error() => {
                    let refusal = format!("{}: {}", reply.status, reply.text);
                    return self.tell(|told| told.refused.push(refusal));
                }
                // Not accepted, or nobody heard whether it was.
                _ => tokio::time::sleep(AGAIN_AFTER).await,
            }
        }
        self.tell(|told| told.refused.push(format!("never accepted: {body}")));
    }

    fn accepted(&self, events: &[Value]) {
        self.tell(|told| {
            for event in events {
                let id = event["id"].as_str().unwrap_or_default().to_owned();
                told.accepted.insert(id, event.clone());
            }
        });
    }
}
