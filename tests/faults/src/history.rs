//! The history checker: what was accepted against what the CRM holds, the ledger says, and the dead-letter
//! queues keep. Pure, so it is itself tested on histories that are made up.
//!
//! It knows nothing of mappings: a record is ours if one of its values is our key, and what it says is told by
//! the markers in its texts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hub_domain::plan;
use serde_json::Value;

use crate::{
    ledger::{Dead, Entry},
    marker::{self, Versions},
};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Accepted, and not there.
    Lost,
    /// There more than once, or never asked for.
    Duplicated,
    /// An older content stands, or stood for a while, over a newer one.
    Stale,
    /// Kept out without a reason.
    Refused,
    /// Anything else that a run without faults does not leave behind.
    Different,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Lost,
        Self::Duplicated,
        Self::Stale,
        Self::Refused,
        Self::Different,
    ];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Stale => "stale",
            Self::Refused => "refused",
            Self::Different => "different",
        }
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What is wrong.
    pub wrong: Wrong,
    /// With what, and how.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.wrong.name(), self.what)
    }
}

/// A part that has a record of its own at the CRM, or an event that has a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Our key of the record; of a message its event.
    pub key: String,
    /// What its delivery is of: a session, or an event.
    pub matter: String,
    /// The newest version of each part that it says: its own, and for a session others too.
    pub says: Versions,
}

/// A record of the CRM that bears one of our keys, or a message that the receiver keeps under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its object.
    pub object: String,
    /// Our key; of a message its event.
    pub key: String,
    /// The markers in its texts.
    pub says: Versions,
    /// Whether something else came under the id of this message.
    pub differs: bool,
}

/// Everything that happened and was found.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What has to be there, by what was accepted.
    pub wanted: Vec<Wanted>,
    /// What was refused that should have been accepted.
    pub refused: Vec<String>,
    /// What each write that took effect said, in their order. Messages are no writes: they replace nothing.
    pub writes: Vec<Versions>,
    /// Our records at the CRM, or the messages that the receiver keeps.
    pub held: Vec<Held>,
    /// The ledger.
    pub entries: Vec<Entry>,
    /// The revision of each session, or event.
    pub revisions: BTreeMap<String, u64>,
    /// What lies in dead-letter queues.
    pub dead: Vec<Dead>,
    /// What belongs there.
    pub poison: BTreeSet<String>,
    /// Whether the CRM gives no way to tell if a write was made: then a delivery may be parked, with its
    /// reason, and what of it is missing is with a person.
    pub may_park: bool,
}

/// Our records among everything a CRM holds.
pub(crate) fn ours(objects: &Value, keys: &BTreeSet<String>) -> Vec<Held> {
    let mut found = Vec::new();
    for (object, records) in objects.as_object().into_iter().flatten() {
        for record in records.as_array().into_iter().flatten() {
            let texts = texts(record);
            if let Some(key) = key_of(record, &texts, keys) {
                found.push(Held {
                    object: object.clone(),
                    key,
                    says: marker::newest(&texts.join("\n")),
                    differs: false,
                });
            }
        }
    }
    found
}

/// Which of our keys a record bears: as a field, as the end of a mark within a text, `[… key]`, of which the
/// last counts, or as the id that we chose for it.
fn key_of(record: &Value, texts: &[&str], keys: &BTreeSet<String>) -> Option<String> {
    if let Some(key) = texts.iter().find(|text| is_ours(text, keys)) {
        return Some((*key).to_owned());
    }
    let marks = texts.iter().flat_map(|text| text.split(']'));
    let mut marks = marks.filter_map(|before| Some(before.rsplit_once('[')?.1.rsplit_once(' ')?.1));
    if let Some(key) = marks.rfind(|key| is_ours(key, keys)) {
        return Some(key.to_owned());
    }
    let own = ["id", "activityid"]
        .into_iter()
        .filter_map(|name| record[name].as_str());
    let own: BTreeSet<String> = own.map(str::to_ascii_lowercase).collect();
    keys.iter()
        .find(|key| own.contains(&plan::client_id(key)))
        .cloned()
}

/// A key that is wanted, or looks like one.
fn is_ours(text: &str, keys: &BTreeSet<String>) -> bool {
    keys.contains(text) || (text.starts_with("ses_lab") && !text.contains(' '))
}

/// Every text in a value.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

impl History {
    /// What is wrong.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |wrong, what| findings.push(Finding { wrong, what });
        self.records(&mut find);
        self.order(&mut find);
        self.ledger(&mut find);
        for dead in self
            .dead
            .iter()
            .filter(|dead| !self.poison.contains(&dead.body))
        {
            let Dead {
                queue,
                body,
                attributes,
            } = dead;
            find(Wrong::Lost, format!("{queue} has {body}: {attributes}"));
        }
        for refused in &self.refused {
            find(Wrong::Refused, refused.clone());
        }
        findings.sort();
        findings
    }

    /// Deliveries that wait for a person, where that is all that is left.
    pub fn parked(&self) -> usize {
        let matters: BTreeSet<&String> = self.wanted.iter().map(|wanted| &wanted.matter).collect();
        matters
            .iter()
            .filter(|matter| self.is_parked(matter))
            .count()
    }

    fn is_parked(&self, matter: &str) -> bool {
        let mut entries = self.entries.iter();
        self.may_park
            && entries.any(|entry| {
                entry.matter == matter && entry.status == "parked" && !entry.reason.is_empty()
            })
    }

    fn records(&self, find: &mut impl FnMut(Wrong, String)) {
        for wanted in &self.wanted {
            let Wanted { key, matter, says } = wanted;
            let held: Vec<&Held> = self.held.iter().filter(|held| held.key == *key).collect();
            if held.len() > 1 {
                find(
                    Wrong::Duplicated,
                    format!("{key} is there {} times", held.len()),
                );
            }
            if held.is_empty() && !self.is_parked(matter) {
                find(Wrong::Lost, format!("{key} is not there"));
            }
            for held in held {
                for (part, newest) in says {
                    let stands = held.says.get(part).copied().unwrap_or_default();
                    if stands >= *newest || self.is_parked(matter) {
                        continue;
                    }
                    let was_written = |write: &Versions| write.get(part) >= Some(newest);
                    let what = format!("{key} says version {stands} of {part}, not {newest}");
                    if self.writes.iter().any(was_written) {
                        find(Wrong::Stale, what);
                    } else {
                        find(Wrong::Lost, what);
                    }
                }
            }
        }
        for held in self.held.iter().filter(|held| held.differs) {
            let what = format!("{} came with different bytes under one id", held.key);
            find(Wrong::Different, what);
        }
        let is_wanted = |held: &&Held| self.wanted.iter().any(|wanted| wanted.key == held.key);
        for held in self.held.iter().filter(|held| !is_wanted(held)) {
            find(
                Wrong::Duplicated,
                format!("{} in {} was never asked for", held.key, held.object),
            );
        }
    }

    /// Nothing older was written over something newer, not even for a while.
    fn order(&self, find: &mut impl FnMut(Wrong, String)) {
        let mut newest = Versions::new();
        for write in &self.writes {
            for (part, version) in write {
                let stood = newest.entry(part.clone()).or_insert(*version);
                if *version < *stood {
                    let what = format!("version {version} of {part} was written over {stood}");
                    find(Wrong::Stale, what);
                }
                *stood = (*version).max(*stood);
            }
        }
    }

    fn ledger(&self, find: &mut impl FnMut(Wrong, String)) {
        let matters: BTreeSet<&String> = self.wanted.iter().map(|wanted| &wanted.matter).collect();
        for matter in matters {
            let Some(entry) = self.entries.iter().find(|entry| entry.matter == **matter) else {
                find(Wrong::Lost, format!("{matter} has no delivery"));
                continue;
            };
            let Entry {
                status,
                settled,
                reason,
                ..
            } = entry;
            let revision = self.revisions.get(matter).copied().unwrap_or_default();
            match status.as_str() {
                "parked" if reason.is_empty() => {
                    find(
                        Wrong::Refused,
                        format!("{matter} is parked without a reason"),
                    );
                }
                "parked" if self.may_park => {}
                "delivered" | "skipped" if *settled >= revision => {}
                _ => find(
                    Wrong::Lost,
                    format!("{matter} is {status} at revision {settled} of {revision}: {reason}"),
                ),
            }
        }
    }
}
