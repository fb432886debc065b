//! Customers' own receivers of webhooks, each at a host of its own.

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, StatusCode};
use hub_sandbox::Sandbox;
use hub_world::Reply;
use serde_json::{Value, json};

use crate::Machine;

/// A webhook and what receives it.
pub struct Hook {
    /// The webhook's id.
    pub id: String,
    /// Its signing secret.
    pub secret: String,
    /// What receives it.
    pub receiver: Sandbox,
    /// Where that is.
    pub host: String,
}

impl Hook {
    /// The messages that were taken, by their `webhook-id`; none may have come with different bytes.
    pub fn messages(&self) -> BTreeMap<String, Value> {
        let state = self.receiver.state();
        let found = state["messages"].as_object().cloned().unwrap_or_default();
        for (id, message) in &found {
            assert_eq!(message["differs"], false, "{id}: {message}");
        }
        found.into_iter().collect()
    }

    /// The ids of the events that were taken, in order; none may be there twice.
    pub fn events(&self) -> Vec<String> {
        let messages = self.messages();
        let ids = messages.values().map(|message| &message["body"]["id"]);
        let mut ids: Vec<String> = ids
            .map(|id| id.as_str().unwrap_or_default().to_owned())
            .collect();
        ids.sort();
        let mut once = ids.clone();
        once.dedup();
        assert_eq!(once, ids, "an event came under two ids");
        ids
    }
}

impl Machine {
    /// A webhook of an organization, at a receiver of its own that knows its secret.
    pub async fn hook(&self, organization: &str, host: &str, more: Value) -> Hook {
        let clock = self.world.clock.clone();
        let url = format!("https://{host}");
        let receiver = Sandbox::new("receiver", &url, Arc::new(move || clock.now()), 7);
        let receiver = receiver.expect("a receiver");
        self.wire.add_receiver(host, &receiver);
        let mut new = json!({ "name": host, "url": format!("{url}/events"), "events": ["session.completed"] });
        if let (Value::Object(new), Value::Object(more)) = (&mut new, more) {
            new.extend(more);
        }
        let path = "/api/integrations/webhooks";
        let made = self.api(organization, Method::POST, path, Some(&new)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let made = made.json();
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        let (id, secret) = (text("id"), text("secret"));
        let known = receiver.set(&json!({ "secrets": [secret] }));
        known.expect("the receiver's settings");
        // Every function knows it by then.
        tokio::time::sleep(std::time::Duration::from_secs(31)).await;
        Hook {
            id,
            secret,
            receiver,
            host: host.to_owned(),
        }
    }

    /// A call that an admin makes of one webhook: `""`, or `/recover` and the like.
    pub async fn of_hook(
        &self,
        organization: &str,
        method: Method,
        id: &str,
        what: &str,
        body: Option<&Value>,
    ) -> Reply {
        let path = format!("/api/integrations/webhooks/{id}{what}");
        self.api(organization, method, &path, body).await
    }

    /// The deliveries to a webhook, by event.
    pub async fn hook_deliveries(&self, organization: &str, id: &str) -> BTreeMap<String, Value> {
        let path = format!("/api/deliveries?webhook={id}");
        let reply = self.api(organization, Method::GET, &path, None).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let items = reply.json()["items"].as_array().cloned();
        let of = |item: Value| (item["event"].as_str().unwrap_or_default().to_owned(), item);
        items.unwrap_or_default().into_iter().map(of).collect()
    }
}
