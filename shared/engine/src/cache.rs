//! A small cache with an expiry: configuration that every delivery needs and that changes rarely.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hub_aws::Clock;
use hub_domain::Timestamp;

pub(crate) struct Cache<K, V> {
    clock: Clock,
    keep: Duration,
    most: usize,
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(clock: Clock, keep: Duration, most: usize) -> Self {
        Self {
            clock,
            keep,
            most,
            entries: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let now = self.clock.now();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .filter(|(until, _)| *until > now)
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let now = self.clock.now();
        let Ok(until) = now.checked_add(self.keep) else {
            return;
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most {
            entries.retain(|_, (until, _)| *until > now);
        }
        if entries.len() >= self.most {
            // All of them are fresh: the ones that end first make room.
            let mut ends: Vec<Timestamp> = entries.values().map(|(until, _)| *until).collect();
            ends.sort_unstable();
            if let Some(cut) = ends.get(ends.len() / 10).copied() {
                entries.retain(|_, (until, _)| *until > cut);
            }
        }
        entries.insert(key, (until, value));
    }

    pub(crate) fn forget(&self, key: &K) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}
