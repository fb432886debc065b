//! The minimal CRMs themselves.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hub_connectors::Idempotency;
use hub_domain::Timestamp;
use hub_engine::Clock;
use serde_json::{Value, json};

use super::{KEY, REMEMBERS_S, SHOWS_AFTER_S};

/// Whom it knows.
const PEOPLE: [(&str, &str); 2] = [("p1", "ada@acme.example"), ("p2", "ben@acme.example")];

#[derive(Debug, Clone)]
struct Record {
    object: String,
    key: String,
    made: Timestamp,
    body: Value,
}

#[derive(Default)]
struct State {
    records: BTreeMap<String, Record>,
    /// What was answered to the key of a request, and when.
    remembered: BTreeMap<String, (Timestamp, Value)>,
    is_busy: bool,
}

/// A minimal CRM.
pub struct Minimal {
    kind: Idempotency,
    clock: Clock,
    state: Mutex<State>,
}

impl fmt::Debug for Minimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minimal")
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

impl Minimal {
    pub(crate) fn new(kind: Idempotency, clock: Clock) -> Self {
        Self {
            kind,
            clock,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn handle(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let given = request.headers().get("authorization");
        let is_known = given.is_some_and(|given| given == format!("Bearer {KEY}").as_str());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let (status, answer) = match request.uri().path() {
            _ if !is_known => (401, Value::Null),
            _ if std::mem::take(&mut self.state().is_busy) => (503, Value::Null),
            "/account" => (200, json!({ "id": "account-1" })),
            "/people" => (200, people(&body)),
            "/find" => (200, self.find(&body)),
            "/write" => (200, self.write(&body)),
            _ => (404, Value::Null),
        };
        let mut response = http::Response::new(Bytes::from(answer.to_string()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        response
    }

    /// The next call is answered with 503.
    pub(crate) fn is_busy(&self) {
        self.state().is_busy = true;
    }

    /// Everything it holds, by object.
    pub(crate) fn objects(&self) -> Value {
        let mut objects: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (id, record) in &self.state().records {
            let shown = json!({ "id": id, "key": record.key, "body": record.body });
            objects
                .entry(record.object.clone())
                .or_default()
                .push(shown);
        }
        json!(objects)
    }

    /// What holds these keys, as far as it shows that yet.
    fn find(&self, body: &Value) -> Value {
        let now = self.clock.now();
        let state = self.state();
        let is_shown = |record: &Record| {
            let age = now.duration_since(record.made);
            let is_old = Duration::try_from(age).is_ok_and(|age| age.as_secs() >= SHOWS_AFTER_S);
            is_old || matches!(self.kind, Idempotency::Upsert | Idempotency::UniqueKey)
        };
        let keys = body["keys"].as_array();
        let is_asked = |record: &Record| {
            let is_key = keys.is_some_and(|keys| keys.iter().any(|key| *key == *record.key));
            is_key && self.kind != Idempotency::None && record.object == text(body, "object")
        };
        let found = state
            .records
            .iter()
            .filter(|(_, record)| is_asked(record) && is_shown(record));
        found
            .map(|(id, record)| json!({ "key": record.key, "id": id }))
            .collect()
    }

    fn write(&self, body: &Value) -> Value {
        let now = self.clock.now();
        let mut state = self.state();
        let writes = body.as_array().into_iter().flatten();
        writes
            .map(|write| self.one(&mut state, write, now))
            .collect()
    }

    fn one(&self, state: &mut State, write: &Value, now: Timestamp) -> Value {
        let (token, key) = (text(write, "token"), text(write, "key"));
        if self.kind == Idempotency::IdempotencyKey
            && !token.is_empty()
            && let Some((at, answer)) = state.remembered.get(token)
            && now.duration_since(*at).as_secs() < i64::try_from(REMEMBERS_S).unwrap_or(0)
        {
            return answer.clone();
        }
        let is_create = write["create"] == json!(true);
        let by_key = || {
            let mut records = state.records.iter();
            let found = records.find(|(_, record)| record.key == key);
            found.map(|(id, _)| id.clone())
        };
        let given = text(write, "id").to_owned();
        let id = match self.kind {
            Idempotency::Upsert => by_key(),
            Idempotency::UniqueKey if is_create && by_key().is_some() => {
                return json!({ "error": "exists" });
            }
            Idempotency::ClientId if is_create && state.records.contains_key(&given) => {
                return json!({ "error": "exists" });
            }
            Idempotency::ClientId => Some(given),
            _ if is_create => None,
            _ if !state.records.contains_key(&given) => return json!({ "error": "gone" }),
            _ => Some(given),
        };
        let id = id.unwrap_or_else(|| format!("r{}", state.records.len() + 1));
        let body = json!({ "fields": write["fields"], "people": write["people"] });
        let record = state.records.entry(id.clone()).or_insert_with(|| Record {
            object: text(write, "object").to_owned(),
            key: key.to_owned(),
            made: now,
            body: Value::Null,
        });
        record.body = body;
        let answer = json!({ "id": id });
        state
            .remembered
            .insert(token.to_owned(), (now, answer.clone()));
        answer
    }
}

fn people(body: &Value) -> Value {
    let asked = body["emails"].as_array();
    let known = PEOPLE
        .into_iter()
        .filter(|(_, email)| asked.is_some_and(|asked| asked.iter().any(|one| one == email)));
    known
        .map(|(id, email)| json!({ "object": "people", "rank": 0, "id": id, "email": email }))
        .collect()
}
