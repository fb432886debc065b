//! A CRM of this test: small, with any kind of idempotency, and unlucky on request. It goes through the
//! real engine.

mod connector;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use hub_connectors::ReadBack;
use hub_domain::{QueueMessage, Timestamp, ledger::LedgerEntry, mapping::RecordKind};
use hub_engine::{Registry, Transport, TransportError, deliver::deliver, deliveries, ingest};
use hub_world::{INGEST, World, payload};
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

pub(crate) use connector::Acme;

/// What goes wrong at one writing call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Luck {
    Good,
    /// Nothing is applied, and no answer comes.
    LostBefore,
    /// It is applied, and no answer comes.
    LostAfter,
    /// Nothing is applied, and the worker dies.
    DeathBefore,
    /// It is applied, and the worker dies.
    DeathAfter,
    /// It is applied, and the server fails at its answer.
    FailedAfter,
    /// Nothing is applied: a limit.
    Limit,
    /// The worker hears nothing; it is applied so many seconds after it was sent.
    Late(u64),
    /// It is applied, and takes so many seconds.
    Slow(u64),
}

/// A record as the CRM holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) at: Timestamp,
}

#[derive(Default)]
struct State {
    held: Vec<Held>,
    made: usize,
    /// What was answered to a key of a request, and when it came first.
    remembered: BTreeMap<String, (Timestamp, Value)>,
    luck: VecDeque<Luck>,
    /// How many pages of what it holds it shows before a limit stops it.
    shows: Option<usize>,
    calls: Vec<String>,
    /// Steps that were made, by key.
    steps: Vec<String>,
    /// Keys that are refused.
    refused: Vec<String>,
}

/// The CRM and everything around it.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) world: Arc<World>,
    state: Arc<Mutex<State>>,
    connection: String,
    lag: Duration,
    window: Duration,
}

pub(crate) const SESSION: &str = "ses_demo_meeting";
/// The most records of a page.
const PAGE: usize = 2;

impl Machine {
    /// A session waits to be delivered to a CRM of this kind.
    pub(crate) async fn new(seed: u64, connector: Acme) -> Self {
        let crm = "acme".parse().unwrap();
        let connectors = Registry::default().with(&crm, Arc::new(connector));
        let world = World::with(seed, connectors).await;
        world.organization("org_demo").await;
        let reply = json!({ "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 360_000 });
        let connection = world.connection("org_demo", "acme", reply).await;
        let machine = Self {
            world: Arc::new(world),
            state: Arc::default(),
            connection: connection.to_string(),
            lag: Duration::ZERO,
            window: Duration::from_mins(30),
        };
        machine
            .accept(payload("session.completed.meeting.json"))
            .await;
        machine
    }

    /// It shows what it holds so much later.
    pub(crate) fn lags(self, lag: Duration) -> Self {
        Self { lag, ..self }
    }

    async fn accept(&self, event: Value) {
        let hub = self.world.hub(INGEST, World::no_crm());
        let accepted = ingest::accept(&hub, &[event]).await;
        assert!(
            accepted.iter().all(|one| one.outcome.is_ok()),
            "{accepted:?}"
        );
    }

    /// The session once more, with another title: its next revision.
    pub(crate) async fn change(&self, title: &str) {
        let mut event = payload("session.completed.meeting.json");
        event["id"] = json!(format!("evt_{title}"));
        event["timestamp"] = json!("2026-11-20T16:46:00Z");
        event["payload"]["session"]["title"] = json!(title);
        self.accept(event).await;
    }

    /// What happens to the next writing calls.
    pub(crate) fn luck(&self, luck: &[Luck]) {
        self.state.lock().unwrap().luck.extend(luck);
    }

    /// It shows so many pages of what it holds, and then there is a limit, once.
    pub(crate) fn limit_after(&self, pages: usize) {
        self.state.lock().unwrap().shows = Some(pages);
    }

    /// What it answers somebody who asks for the tasks of the session.
    pub(crate) async fn tasks(&self) -> Vec<ReadBack> {
        let hub = self.world.hub("api", self.transport());
        let keys = self
            .held()
            .into_iter()
            .map(|(key, _)| key.replacen('s', SESSION, 1));
        let keys = keys.filter(|key| key.contains("-task-")).collect();
        let admin = World::admin("org_demo");
        let connection = self.connection.parse().unwrap();
        deliveries::read_back(&hub, &admin, &connection, RecordKind::Task, "tasks", keys)
            .await
            .unwrap()
    }

    pub(crate) fn refuse(&self, key: &str) {
        self.state.lock().unwrap().refused.push(key.to_owned());
    }

    /// Somebody deletes the record of a key.
    pub(crate) fn delete(&self, key: &str) {
        self.state.lock().unwrap().held.retain(|one| one.key != key);
    }

    pub(crate) fn accepts_all(&self) {
        self.state.lock().unwrap().refused.clear();
    }

    /// One receive of the message; whether it stays in the queue, as it does when the worker dies.
    pub(crate) async fn receive(&self, revision: u64, remaining: Duration) -> bool {
        let hub = self.world.hub("deliver", self.transport());
        let crm = "acme".parse().unwrap();
        let body = json!({ "v": 1, "organization": "org_demo", "connection": self.connection,
            "session": SESSION, "event": "evt_demo_meeting", "revision": revision });
        let message = QueueMessage {
            id: "m".to_owned(),
            receipt: "r".to_owned(),
            body: body.to_string(),
            receives: 1,
            source: "hub-acme-live".to_owned(),
            ..QueueMessage::default()
        };
        let is_deadly = |luck: &Luck| matches!(luck, Luck::DeathBefore | Luck::DeathAfter);
        let may_die = self.state.lock().unwrap().luck.iter().any(is_deadly);
        let work = deliver(&hub, &crm, vec![message], remaining);
        if !may_die {
            return !work.await.is_empty();
        }
        // Whoever hears nothing of the CRM is gone by then.
        let work = tokio::time::timeout(Duration::from_secs(10), work).await;
        work.map_or(true, |stays| !stays.is_empty())
    }

    /// Receives until the message is gone.
    pub(crate) async fn work(&self, revision: u64) {
        for _ in 0..40 {
            if !self.receive(revision, Duration::from_mins(2)).await {
                return;
            }
            tokio::time::sleep(Duration::from_secs(40)).await;
        }
        panic!("it never ends: {:?}", self.delivery().await);
    }

    pub(crate) async fn delivery(&self) -> LedgerEntry {
        let hub = self.world.hub("api", World::no_crm());
        let filter = deliveries::DeliveryFilter::default();
        let page = deliveries::list(&hub, &World::admin("org_demo"), &filter, None, 100)
            .await
            .unwrap();
        page.deliveries.into_iter().next().unwrap()
    }

    /// The calls since the last look.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// The steps since the last look.
    pub(crate) fn steps(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().steps)
    }

    /// Titles by key, a record that is there twice twice.
    pub(crate) fn held(&self) -> Vec<(String, String)> {
        let state = self.state.lock().unwrap();
        let mut held: Vec<_> = state
            .held
            .iter()
            .map(|one| (one.key.replace(SESSION, "s"), one.title.clone()))
            .collect();
        held.sort();
        held
    }

    fn transport(&self) -> Transport {
        let machine = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: http::Request<bytes::Bytes>| {
            let machine = machine.clone();
            async move {
                let call = request.uri().path().trim_start_matches('/').to_owned();
                let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                machine.state.lock().unwrap().calls.push(call.clone());
                match call.as_str() {
                    "people" => World::json(200, &json!({})),
                    "find" => machine.find(&body),
                    _ => machine.write(body).await,
                }
            }
        }))
    }

    async fn write(self, body: Value) -> hub_world::Answer {
        let luck = self.state.lock().unwrap().luck.pop_front();
        let lost = || Err(TransportError::Lost("the test lost it".to_owned()));
        match luck.unwrap_or(Luck::Good) {
            Luck::Good => World::json(200, &self.apply(&body)),
            Luck::LostBefore => lost(),
            Luck::LostAfter => {
                self.apply(&body);
                lost()
            }
            Luck::DeathBefore => std::future::pending().await,
            Luck::DeathAfter => {
                self.apply(&body);
                std::future::pending().await
            }
            Luck::FailedAfter => {
                self.apply(&body);
                World::json(502, &json!({}))
            }
            Luck::Limit => World::json(429, &json!({})),
            Luck::Late(seconds) => {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    self.apply(&body);
                });
                std::future::pending().await
            }
            Luck::Slow(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                World::json(200, &self.apply(&body))
            }
        }
    }

    /// What it holds, by pages. Each begins with the last record of the one before, as the pages of a list
    /// that is asked by time do.
    fn find(&self, body: &Value) -> hub_world::Answer {
        let now = self.world.clock.now();
        let mut state = self.state.lock().unwrap();
        match state.shows {
            Some(0) => {
                state.shows = None;
                return World::json(429, &json!({}));
            }
            Some(pages) => state.shows = Some(pages - 1),
            None => {}
        }
        let shows = |one: &&Held| {
            let age = Duration::try_from(now.duration_since(one.at)).unwrap_or_default();
            age >= self.lag && body["keys"].as_array().unwrap().contains(&json!(one.key))
        };
        let from: usize = body["from"]
            .as_str()
            .map_or(0, |from| from.parse().unwrap());
        let found: Vec<Value> = state
            .held
            .iter()
            .filter(shows)
            .map(|one| json!({ "key": one.key, "id": one.id }))
            .collect();
        let page = found.iter().skip(from).take(PAGE).collect::<Vec<_>>();
        let more = (from + PAGE < found.len()).then(|| (from + PAGE - 1).to_string());
        World::json(200, &json!({ "found": page, "more": more }))
    }

    fn apply(&self, body: &Value) -> Value {
        let now = self.world.clock.now();
        let mut state = self.state.lock().unwrap();
        let writes = body["writes"].as_array().unwrap();
        let answers: Vec<Value> = writes
            .iter()
            .map(|write| self.apply_one(&mut state, write, now))
            .collect();
        json!(answers)
    }

    fn apply_one(&self, state: &mut State, write: &Value, now: Timestamp) -> Value {
        let text = |name: &str| write[name].as_str().unwrap_or_default().to_owned();
        let (key, id, token) = (text("key"), text("id"), text("token"));
        if state.refused.contains(&key) {
            return json!({ "refused": true });
        }
        if let Some((first, answer)) = state.remembered.get(&token)
            && !token.is_empty()
            && now.duration_since(*first).as_secs() < i64::try_from(self.window.as_secs()).unwrap()
        {
            return answer.clone();
        }
        if write["state"] == json!(true) {
            let of = text("of");
            assert!(
                state.held.iter().any(|one| one.id == of),
                "{key} before its record"
            );
            state.steps.push(key);
            return json!({ "id": of });
        }
        if !id.is_empty() && write["create"] != json!(true) {
            if let Some(known) = state.held.iter_mut().find(|one| one.id == id) {
                known.title = text("title");
                return json!({ "id": id });
            }
            // A CRM that lets us choose makes it under that id.
            if write["chosen"] != json!(true) {
                return json!({ "gone": true });
            }
        }
        if write["chosen"] == json!(true) && state.held.iter().any(|one| one.id == id) {
            return json!({ "exists": true });
        }
        let id = if id.is_empty() {
            state.made += 1;
            format!("r{}", state.made)
        } else {
            id
        };
        state.held.push(Held {
            id: id.clone(),
            key,
            title: text("title"),
            at: now,
        });
        let answer = json!({ "id": id });
        state.remembered.insert(token, (now, answer.clone()));
        answer
    }
}
