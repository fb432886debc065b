//! What was read from Secrets Manager, for minutes, by the injected clock. Failures are not kept.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The order of questions: a later one has a greater ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

pub(super) struct Cache<T> {
    most: usize,
    kept: SignedDuration,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Counts questions and uses.
    ticks: u64,
    entries: HashMap<String, Entry<T>>,
}

struct Entry<T> {
    value: Arc<T>,
    asked_at: Timestamp,
    ticket: Ticket,
    used: u64,
}

impl<T> Cache<T> {
    pub(super) fn new(most: usize, kept: Duration) -> Self {
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        Self {
            most,
            kept,
            state: Mutex::new(State {
                ticks: 0,
                entries: HashMap::new(),
            }),
        }
    }

    pub(super) fn get(&self, name: &str, now: Timestamp) -> Option<Arc<T>> {
        let mut state = self.state();
        let used = state.tick();
        let entry = state.entries.get_mut(name)?;
        if now.duration_since(entry.asked_at) >= self.kept {
            state.entries.remove(name);
            return None;
        }
        entry.used = used;
        Some(Arc::clone(&entry.value))
    }

    /// To be drawn before the question whose answer is put.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.state().tick())
    }

    /// Keeps the value, unless the answer to a later question is there already; returns the one
    /// that is kept.
    pub(super) fn put(&self, name: &str, value: T, ticket: Ticket, asked_at: Timestamp) -> Arc<T> {
        let mut state = self.state();
        let used = state.tick();
        if let Some(newer) = state
            .entries
            .get(name)
            .filter(|entry| entry.ticket > ticket)
        {
            return Arc::clone(&newer.value);
        }
        let value = Arc::new(value);
        let entry = Entry {
            value: Arc::clone(&value),
            asked_at,
            ticket,
            used,
        };
        state.entries.insert(name.to_owned(), entry);
        if state.entries.len() > self.most {
            // A pass over a thousand entries costs microseconds, beside a call to Secrets Manager.
            let oldest = state
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(name, _)| name.clone());
            oldest.and_then(|name| state.entries.remove(&name));
        }
        value
    }

    pub(super) fn forget(&self, name: &str) {
        self.state().entries.remove(name);
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No code that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entries", &self.state().entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cache(most: usize) -> Cache<u32> {
        Cache::new(most, Duration::from_mins(10))
    }

    #[test]
    fn a_value_is_kept_for_its_time_from_the_question_on() {
        let cache = cache(2);
        cache.put("a", 1, cache.ticket(), at(0));
        assert_eq!(cache.get("a", at(599)).as_deref(), Some(&1));
        assert_eq!(cache.get("a", at(600)), None);
        assert_eq!(cache.get("a", at(0)), None, "removed");
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = cache(2);
        cache.put("a", 1, cache.ticket(), at(0));
        cache.put("b", 2, cache.ticket(), at(0));
        cache.get("a", at(1));
        cache.put("c", 3, cache.ticket(), at(1));
        let held: Vec<_> = ["a", "b", "c"]
            .map(|name| cache.get(name, at(2)).is_some())
            .into();
        assert_eq!(held, [true, false, true]);
    }

    #[test]
    fn the_answer_to_an_earlier_question_does_not_win() {
        let cache = cache(2);
        let (earlier, later) = (cache.ticket(), cache.ticket());
        cache.put("a", 2, later, at(0));
        assert_eq!(*cache.put("a", 1, earlier, at(5)), 2);
        assert_eq!(cache.get("a", at(6)).as_deref(), Some(&2));
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let cache = cache(2);
        cache.put("a", 1, cache.ticket(), at(0));
        cache.forget("a");
        assert_eq!(cache.get("a", at(0)), None);
    }
}
