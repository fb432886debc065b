//! The quotas: calls in a minute, points in a minute (queries and mutations apart), calls in a day.

use std::collections::VecDeque;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::errors::limited;
use super::run::day;
use super::settings::Settings;
use crate::oauth::Answer;

const MINUTE_S: i64 = 60;
/// What a refused call costs of the day.
const REFUSED: f64 = 0.1;

#[derive(Debug, Default)]
pub(super) struct Limits {
    calls: VecDeque<Timestamp>,
    /// Points of queries and of mutations, and when they were spent.
    points: [VecDeque<(Timestamp, i64)>; 2],
    today: Option<(Date, f64)>,
}

fn since(now: Timestamp, at: Timestamp) -> i64 {
    now.duration_since(at).as_secs()
}

impl Limits {
    fn today(&mut self, now: Timestamp) -> &mut f64 {
        let day = day(now);
        let fresh = self.today.filter(|(counted, _)| *counted == day);
        &mut self.today.insert(fresh.unwrap_or((day, 0.0))).1
    }

    fn recent(&mut self, now: Timestamp) -> usize {
        while self
            .calls
            .front()
            .is_some_and(|at| since(now, *at) >= MINUTE_S)
        {
            self.calls.pop_front();
        }
        self.calls.len()
    }

    fn bucket(&mut self, is_mutation: bool) -> &mut VecDeque<(Timestamp, i64)> {
        let [queries, mutations] = &mut self.points;
        if is_mutation { mutations } else { queries }
    }

    /// The points that are left, and in how many seconds the oldest come back.
    pub(super) fn left(
        &mut self,
        is_mutation: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> (i64, i64) {
        let bucket = self.bucket(is_mutation);
        while bucket
            .front()
            .is_some_and(|(at, _)| since(now, *at) >= MINUTE_S)
        {
            bucket.pop_front();
        }
        let used: i64 = bucket.iter().map(|(_, points)| points).sum();
        let reset = bucket
            .front()
            .map_or(MINUTE_S, |(at, _)| MINUTE_S - since(now, *at));
        (settings.complexity_budget - used, reset)
    }

    /// Counts a call, or answers in its place.
    pub(super) fn admit(&mut self, settings: &Settings, now: Timestamp) -> Result<(), Answer> {
        if self.recent(now) >= settings.minute_calls {
            *self.today(now) += REFUSED;
            let oldest = self.calls.front().copied().unwrap_or(now);
            let code = "Minute limit rate exceeded";
            return Err(limited(code, code, MINUTE_S - since(now, oldest)));
        }
        if settings
            .daily_calls
            .is_some_and(|most| *self.today(now) + 1.0 > most)
        {
            *self.today(now) += REFUSED;
            let seconds = seconds_to_midnight(now);
            return Err(limited(
                "DAILY_LIMIT_EXCEEDED",
                "Daily limit exceeded",
                seconds,
            ));
        }
        self.calls.push_back(now);
        *self.today(now) += 1.0;
        Ok(())
    }

    /// Spends points, or answers in place of the document.
    pub(super) fn spend(
        &mut self,
        points: i64,
        is_mutation: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Answer> {
        let (left, reset) = self.left(is_mutation, settings, now);
        if points > left {
            let message = "Complexity budget exhausted";
            return Err(limited("COMPLEXITY_BUDGET_EXHAUSTED", message, reset));
        }
        self.bucket(is_mutation).push_back((now, points));
        Ok(())
    }

    /// The headers of every answer.
    pub(super) fn label(
        &mut self,
        answer: Answer,
        is_mutation: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Answer {
        let calls = settings.minute_calls;
        let left = calls.saturating_sub(self.recent(now));
        let budget = settings.complexity_budget;
        let (points, reset) = self.left(is_mutation, settings, now);
        let ends = if points <= 0 {
            format!(";t={reset}")
        } else {
            String::new()
        };
        answer
            .with("ratelimit-policy", format!(
                "\"minuteRate\";q={calls};w=60, \"concurrency\";q=100;qu=\"concurrent-requests\", \"complexityMinute\";q={budget};w=60;qu=\"content-bytes\""
            ))
            .with("ratelimit", format!(
                "\"minuteRate\";r={left}, \"concurrency\";r=99, \"complexityMinute\";r={points}{ends}"
            ))
    }

    pub(super) fn shown(&mut self, settings: &Settings, now: Timestamp) -> Value {
        let (queries, _) = self.left(false, settings, now);
        let (mutations, _) = self.left(true, settings, now);
        json!({
            "minute": { "used": self.recent(now), "max": settings.minute_calls },
            "day": { "used": *self.today(now), "max": settings.daily_calls },
            "complexity": { "queries_left": queries, "mutations_left": mutations, "max": settings.complexity_budget },
        })
    }
}

/// Until the day of UTC is over.
pub(super) fn seconds_to_midnight(now: Timestamp) -> i64 {
    let second = now.as_second().rem_euclid(86_400);
    SignedDuration::from_secs(86_400 - second).as_secs()
}
