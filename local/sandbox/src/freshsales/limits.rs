//! What an account may ask: calls in an hour, for all users and programs together, and in a minute.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Settings;
use super::errors::limited;
use super::store::shifted;
use crate::oauth::Answer;

const HOUR_S: i64 = 3_600;
const MINUTE_S: i64 = 60;

/// The calls of the last hour.
#[derive(Debug, Default)]
pub(super) struct Limits {
    calls: VecDeque<Timestamp>,
}

impl Limits {
    /// When the calls of the last `seconds` were made, the oldest first.
    fn recent(&self, seconds: i64, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let since = shifted(now, -seconds);
        let calls = self.calls.iter().copied();
        calls.skip_while(move |at| *at <= since)
    }

    fn count(&self, seconds: i64, now: Timestamp) -> u64 {
        u64::try_from(self.recent(seconds, now).count()).unwrap_or(u64::MAX)
    }

    /// Counts a call, or answers in its place. What is refused does not count.
    pub(super) fn admit(&mut self, settings: &Settings, now: Timestamp) -> Result<(), Answer> {
        let gone = shifted(now, -HOUR_S);
        while self.calls.front().is_some_and(|at| *at <= gone) {
            self.calls.pop_front();
        }
        for (most, window) in [
            (settings.hourly(), HOUR_S),
            (settings.minutely_calls, MINUTE_S),
        ] {
            if self.count(window, now) >= most {
                let oldest = self.recent(window, now).next().unwrap_or(now);
                let wait = shifted(oldest, window).duration_since(now).as_secs();
                return Err(limited(wait.max(1), settings.wrapped_limits));
            }
        }
        self.calls.push_back(now);
        Ok(())
    }

    /// The headers of an answer, which no documentation names.
    pub(super) fn label(&self, answer: Answer, settings: &Settings, now: Timestamp) -> Answer {
        if !settings.limit_headers {
            return answer;
        }
        let most = settings.hourly();
        let left = most.saturating_sub(self.count(HOUR_S, now));
        answer
            .with("x-ratelimit-limit", most.to_string())
            .with("x-ratelimit-remaining", left.to_string())
    }

    pub(super) fn shown(&self, settings: &Settings, now: Timestamp) -> Value {
        json!({
            "hour": { "used": self.count(HOUR_S, now), "max": settings.hourly() },
            "minute": { "used": self.count(MINUTE_S, now), "max": settings.minutely_calls },
        })
    }
}
