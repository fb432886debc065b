//! What winterbaume does not remember: every version with its age, request tokens, and when a deletion is final.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// AWS keeps about this many versions of a secret, and removes none that is younger than a day.
const MAX_VERSIONS: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    secrets: BTreeMap<String, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    versions: BTreeMap<String, Version>,
    final_deletion: Option<Timestamp>,
}

#[derive(Debug)]
struct Version {
    fingerprint: u64,
    created: Timestamp,
}

/// Whether a request token was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Not,
    Same,
    Different,
}

impl Ledger {
    pub(crate) fn created(&mut self, name: &str) {
        self.secrets.insert(name.to_owned(), Entry::default());
    }

    pub(crate) fn known(&self, name: &str, token: Option<&Value>, value: Option<&Value>) -> Known {
        let token = token.and_then(Value::as_str).unwrap_or_default();
        match self
            .secrets
            .get(name)
            .and_then(|entry| entry.versions.get(token))
        {
            None => Known::Not,
            Some(version) if version.fingerprint == fingerprint(value) => Known::Same,
            Some(_) => Known::Different,
        }
    }

    /// Drops what AWS would drop by now. False when the secret is full all the same.
    pub(crate) fn room(&mut self, name: &str, labelled: &[String], now: Timestamp) -> bool {
        let Some(entry) = self.secrets.get_mut(name) else {
            return true;
        };
        if entry.versions.len() >= MAX_VERSIONS {
            let day = SignedDuration::from_hours(24);
            entry.versions.retain(|id, version| {
                labelled.contains(id) || now.duration_since(version.created) < day
            });
        }
        entry.versions.len() < MAX_VERSIONS
    }

    pub(crate) fn put(&mut self, name: &str, id: &str, value: Option<&Value>, now: Timestamp) {
        let version = Version {
            fingerprint: fingerprint(value),
            created: now,
        };
        self.secrets
            .entry(name.to_owned())
            .or_default()
            .versions
            .insert(id.to_owned(), version);
    }

    pub(crate) fn versions(&self, name: &str) -> usize {
        self.secrets
            .get(name)
            .map_or(0, |entry| entry.versions.len())
    }

    /// Schedules a deletion; without a window it is done. Returns when it is final.
    pub(crate) fn deleted(&mut self, name: &str, now: Timestamp, days: i64) -> Timestamp {
        if days == 0 {
            self.secrets.remove(name);
            return now;
        }
        let at = now
            .checked_add(SignedDuration::from_hours(24 * days))
            .unwrap_or(Timestamp::MAX);
        self.secrets
            .entry(name.to_owned())
            .or_default()
            .final_deletion = Some(at);
        at
    }

    pub(crate) fn restored(&mut self, name: &str) {
        if let Some(entry) = self.secrets.get_mut(name) {
            entry.final_deletion = None;
        }
    }

    /// Forgets and names the secrets whose deletion is final now.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<String> {
        let due = |entry: &Entry| entry.final_deletion.is_some_and(|at| at <= now);
        let names: Vec<String> = self
            .secrets
            .iter()
            .filter(|(_, e)| due(e))
            .map(|(name, _)| name.clone())
            .collect();
        self.secrets.retain(|_, entry| !due(entry));
        names
    }
}

fn fingerprint(value: Option<&Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.and_then(Value::as_str).hash(&mut hasher);
    hasher.finish()
}
