//! A webhook as the destination: how an admin handles it through the API, which events it takes, and which
//! messages its receiver has to hold.
//!
//! Each event that it takes is a message of its own: held under one id, with one body, in no order.

use std::time::Duration;

use http::{Method, StatusCode};
use hub_world::START;
use serde_json::{Value, json};

use crate::{
    history::{Held, Wanted, texts},
    lab::Lab,
    marker,
    scenario::{self, Act, Step, item, step},
};

/// What it takes, by type and by content: a condition on content is one more look at each event.
const TYPES: [&str; 2] = ["session.completed", "action_item.created"];
const SESSIONS: [&str; 2] = ["ses_lab1", "ses_lab2"];
/// What is longer than functions keep what they know of webhooks.
const KNOWN_AFTER: Duration = Duration::from_secs(31);
/// Events that wait for it at a time: more than go by the live queue when they are released.
const BACKLOG: u32 = 12;

/// The core scenario; then an event of a session that it does not take, and a receiver that is gone while a
/// dozen come at once: they are held, and go by the bulk queue once it is back, which is busy at first.
pub(crate) fn core() -> Vec<Step> {
    let backlog = (1..=BACKLOG).map(|n| {
        let id = format!("evt_b{n}");
        item(&id, "ses_lab2", &format!("b{n}"), 1, 20 + n)
    });
    let other = item("evt_7", "ses_lab3", "c1", 1, 7);
    let mut steps = scenario::core();
    steps.extend([
        step(1_100, Act::Post(vec![other])),
        step(1_200, Act::Revoke),
        step(1_210, Act::Post(backlog.collect())),
        // The first of the bulk queue comes again.
        step(1_290, Act::Busy),
        step(1_300, Act::Mend),
    ]);
    steps
}

/// Whether it takes an event.
pub(crate) fn takes(event: &Value) -> bool {
    let is_of = |known: &[&str], value: &Value| known.iter().any(|one| value == one);
    is_of(&TYPES, &event["type"]) && is_of(&SESSIONS, &event["payload"]["sessionId"])
}

/// A message for each event.
pub(crate) fn wanted<'a>(taken: impl Iterator<Item = &'a Value>) -> Vec<Wanted> {
    let message = |event: &Value| {
        let id = event["id"].as_str().unwrap_or_default().to_owned();
        Wanted {
            key: id.clone(),
            matter: id,
            says: marker::newest(&event.to_string()),
        }
    };
    taken.map(message).collect()
}

/// The messages, each under an id of its own.
pub(crate) fn held(objects: &Value) -> Vec<Held> {
    let messages = objects["message"].as_array();
    let message = |message: &Value| Held {
        object: "message".to_owned(),
        key: message["body"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        says: marker::newest(&texts(&message["body"]).join("\n")),
        differs: message["differs"] == true,
    };
    messages.into_iter().flatten().map(message).collect()
}

impl Lab {
    fn hook(&self, what: &str) -> String {
        format!("/webhooks/{}{what}", self.id)
    }

    /// Creates a webhook at the receiver; its id.
    pub(super) async fn new_webhook(&self) -> String {
        let new = json!({
            "name": "Laboratory", "url": format!("{}/events", self.remote.base_url()),
            "events": TYPES, "only": { "/payload/sessionId": SESSIONS },
        });
        let made = self.api(Method::POST, "/webhooks", Some(&new)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let made = made.json();
        self.remote.knows(&made["secret"]);
        // What comes from then on is for it.
        tokio::time::sleep(KNOWN_AFTER).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn make_active(&self, active: bool) {
        let change = json!({ "active": active });
        let done = self.api(Method::PATCH, &self.hook(""), Some(&change)).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }

    /// Replaces its secret. The receiver knows both.
    pub(super) async fn rotate(&self) {
        let done = self
            .api(Method::POST, &self.hook("/rotate-secret"), None)
            .await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        self.remote.knows(&done.json()["secret"]);
    }

    pub(super) async fn is_turned_off(&self) -> bool {
        let shown = self.api(Method::GET, &self.hook(""), None).await.json();
        !shown["off"].is_null()
    }

    /// The receiver is there again, and somebody makes the webhook active. What came while it was off was not
    /// for it, until somebody asks for it: once every function knows it by then.
    pub(super) async fn mend_webhook(&self) {
        self.remote.is_back();
        self.make_active(true).await;
        tokio::time::sleep(KNOWN_AFTER).await;
        let mut since = json!({ "since": START });
        loop {
            let path = self.hook("/replay-missing");
            let done = self.api(Method::POST, &path, Some(&since)).await;
            assert_eq!(done.status, StatusCode::OK, "{}", done.text);
            match &done.json()["next"] {
                Value::Null => return,
                next => since["cursor"] = next.clone(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{session, summary};

    #[test]
    fn it_takes_some_types_of_some_sessions() {
        let taken = [
            session("evt_1", "ses_lab1", 1, 1),
            item("evt_2", "ses_lab2", "a", 1, 1),
        ];
        let other = [
            summary("evt_3", "ses_lab1", 1, 1),
            item("evt_4", "ses_lab3", "a", 1, 1),
        ];
        assert!(taken.iter().all(takes) && !other.iter().any(takes));
        let wanted: Vec<String> = wanted(taken.iter())
            .into_iter()
            .map(|one| one.key)
            .collect();
        assert_eq!(wanted, ["evt_1", "evt_2"]);
    }

    #[test]
    fn a_message_is_told_by_its_event_and_says_what_its_body_says() {
        let event = item("evt_1", "ses_lab1", "a1", 3, 1);
        let held = held(&json!({ "message": [{ "id": "msg_1", "body": event, "differs": true }] }));
        let [one] = held.as_slice() else {
            panic!("{held:?}")
        };
        assert_eq!((one.key.as_str(), one.differs), ("evt_1", true));
        assert_eq!(one.says, marker::newest(&event.to_string()));
    }
}
