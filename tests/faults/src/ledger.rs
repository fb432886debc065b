//! What the hub itself says, read from its table and queues past all of its code.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::Lab;

/// A delivery as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it is of: a session, or an event.
    pub matter: String,
    /// Its status.
    pub status: String,
    /// The revision that has its final outcome.
    pub settled: u64,
    /// What a person is told.
    pub reason: String,
}

/// A message in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Which queue.
    pub queue: String,
    /// Its body.
    pub body: String,
    /// Its attributes, with the reason.
    pub attributes: String,
}

impl Lab {
    fn items(&self) -> Vec<Value> {
        let mut tables = self.world.aws.dump().expect("a dump").tables;
        tables.remove("hub").unwrap_or_default()
    }

    /// The deliveries of the connection or webhook.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let of = |item: &Value| {
            let matter = text(item, "sk").strip_prefix(&format!("{}#", self.id))?;
            is_of(item, "dlv").then(|| Entry {
                matter: matter.to_owned(),
                status: text(item, "st").to_owned(),
                settled: number(item, "sd"),
                reason: text(item, "rs").to_owned(),
            })
        };
        self.items().iter().filter_map(of).collect()
    }

    /// The revision at which each session stands.
    pub(crate) fn revisions(&self) -> BTreeMap<String, u64> {
        let items = self.items();
        let sessions = items.iter().filter(|item| is_of(item, "session"));
        let heads = sessions.filter(|item| !text(item, "sk").contains('#'));
        heads
            .map(|item| (text(item, "sk").to_owned(), number(item, "rev")))
            .collect()
    }

    /// The deliveries that are held.
    pub(crate) fn held(&self) -> Vec<String> {
        let items = self.items();
        let deliveries = items.iter().filter(|item| is_of(item, "dlv"));
        let held = deliveries.filter(|item| !text(item, "hp").is_empty());
        held.map(|item| format!("{} is held", text(item, "sk")))
            .collect()
    }

    /// What lies in dead-letter queues.
    pub(crate) fn dead(&self) -> Vec<Dead> {
        let queues = self.world.aws.dump().expect("a dump").queues;
        let dead = queues
            .into_iter()
            .filter(|(queue, _)| queue.ends_with("-dlq"));
        dead.flat_map(|(queue, messages)| {
            messages.into_iter().map(move |message| Dead {
                queue: queue.clone(),
                body: message.body,
                attributes: message.message_attributes.to_string(),
            })
        })
        .collect()
    }
}

fn is_of(item: &Value, class: &str) -> bool {
    text(item, "pk").split('#').nth(1) == Some(class)
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn number(item: &Value, name: &str) -> u64 {
    let text = item[name]["N"].as_str().unwrap_or_default();
    text.parse().unwrap_or_default()
}
