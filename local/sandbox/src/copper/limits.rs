//! The limits: calls in a rolling minute and bulk calls in a second, each user's own. No header tells of them.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::settings::Settings;

#[derive(Debug, Default)]
pub(super) struct Limits {
    calls: BTreeMap<String, VecDeque<Timestamp>>,
    bulk: BTreeMap<String, VecDeque<Timestamp>>,
}

fn recent(times: &mut VecDeque<Timestamp>, seconds: i64, now: Timestamp) -> usize {
    let since = now.checked_sub(SignedDuration::from_secs(seconds));
    let since = since.unwrap_or(Timestamp::MIN);
    while times.front().is_some_and(|at| *at <= since) {
        times.pop_front();
    }
    times.len()
}

impl Limits {
    /// Counts a call, unless it is one too many. What is refused does not count.
    pub(super) fn admit(
        &mut self,
        user: &str,
        is_bulk: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> bool {
        let calls = self.calls.entry(user.to_owned()).or_default();
        let bulk = self.bulk.entry(user.to_owned()).or_default();
        let is_full = recent(calls, 60, now) >= settings.per_minute;
        let no_bulk = is_bulk && recent(bulk, 1, now) >= settings.bulk_per_second;
        if is_full || no_bulk {
            return false;
        }
        calls.push_back(now);
        if is_bulk {
            bulk.push_back(now);
        }
        true
    }
}
