//! The quotas: a budget of tokens a day for the whole company, calls in two seconds for each token,
//! searches in two seconds, and the door that closes on whoever goes on regardless.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::errors::{failed, locked_out};
use super::settings::Settings;
use super::times::shifted;
use crate::oauth::Answer;

const WINDOW_S: i64 = 2;
const SEARCHES: u64 = 10;
/// Over how long refusals are counted, and for how long the door stays closed.
const PATIENCE_S: i64 = 10;
const LOCKED_S: i64 = 60;

/// Who calls, as far as quotas go.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) token: String,
    /// A personal token, in contrast to an app's.
    pub(super) personal: bool,
}

#[derive(Debug, Default)]
pub(super) struct Limits {
    calls: BTreeMap<String, VecDeque<Timestamp>>,
    searches: BTreeMap<String, VecDeque<Timestamp>>,
    refused: BTreeMap<String, VecDeque<Timestamp>>,
    locked: BTreeMap<String, Timestamp>,
    today: Option<(Date, u64)>,
}

fn recent(times: &mut VecDeque<Timestamp>, seconds: i64, now: Timestamp) -> u64 {
    let since = shifted(now, -seconds);
    while times.front().is_some_and(|at| *at <= since) {
        times.pop_front();
    }
    u64::try_from(times.len()).unwrap_or(u64::MAX)
}

fn day(now: Timestamp) -> Date {
    jiff::tz::Offset::UTC.to_datetime(now).date()
}

impl Limits {
    /// Tokens spent since midnight of the server, which is UTC.
    fn today(&mut self, now: Timestamp) -> &mut u64 {
        let day = day(now);
        let fresh = self.today.filter(|(counted, _)| *counted == day);
        &mut self.today.insert(fresh.unwrap_or((day, 0))).1
    }

    /// Counts a call, or answers in its place. What is refused costs nothing.
    pub(super) fn admit(
        &mut self,
        bucket: &Bucket,
        (cost, search): (u64, bool),
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Answer> {
        if self
            .locked
            .get(&bucket.token)
            .is_some_and(|until| now < *until)
        {
            return Err(locked_out());
        }
        let spent = *self.today(now) + cost > settings.budget();
        let calls = self.calls.entry(bucket.token.clone()).or_default();
        let full = recent(calls, WINDOW_S, now) >= settings.burst(bucket.personal);
        let searches = self.searches.entry(bucket.token.clone()).or_default();
        let no_search = search && recent(searches, WINDOW_S, now) >= SEARCHES;
        if spent || full || no_search {
            return Err(self.refuse(bucket, settings, now));
        }
        calls.push_back(now);
        if search {
            searches.push_back(now);
        }
        *self.today(now) += cost;
        Ok(())
    }

    fn refuse(&mut self, bucket: &Bucket, settings: &Settings, now: Timestamp) -> Answer {
        let refused = self.refused.entry(bucket.token.clone()).or_default();
        refused.push_back(now);
        let often = recent(refused, PATIENCE_S, now);
        if bucket.personal && often > u64::try_from(settings.block_after).unwrap_or(u64::MAX) {
            refused.clear();
            let until = shifted(now, LOCKED_S);
            self.locked.insert(bucket.token.clone(), until);
            return locked_out();
        }
        failed(429, "request over limit")
    }

    /// The headers of an answer; `writes` is whether it was a POST or a PUT.
    pub(super) fn label(
        &mut self,
        answer: Answer,
        bucket: &Bucket,
        writes: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Answer {
        if answer.kind.starts_with("text/html") {
            return answer;
        }
        let most = settings.burst(bucket.personal);
        let calls = self.calls.entry(bucket.token.clone()).or_default();
        let left = most.saturating_sub(recent(calls, WINDOW_S, now));
        let oldest = calls.front().copied();
        let reset = oldest.map_or(0, |at| shifted(at, WINDOW_S).duration_since(now).as_secs());
        let left = if answer.status == 429 { 0 } else { left };
        let budget = settings.budget();
        let today = budget.saturating_sub(*self.today(now));
        let answer = answer
            .with("x-ratelimit-limit", most.to_string())
            .with("x-ratelimit-remaining", left.to_string())
            .with("x-ratelimit-reset", reset.clamp(1, WINDOW_S).to_string());
        let answer = if settings.daily_headers {
            answer
                .with("x-daily-ratelimit-token-limit", budget.to_string())
                .with("x-daily-ratelimit-token-remaining", today.to_string())
        } else {
            answer
        };
        if bucket.personal && writes {
            return answer.with("x-daily-requests-left", today.to_string());
        }
        answer
    }

    pub(super) fn shown(&mut self, settings: &Settings, now: Timestamp) -> Value {
        json!({ "daily_tokens": { "used": *self.today(now), "max": settings.budget() } })
    }
}
