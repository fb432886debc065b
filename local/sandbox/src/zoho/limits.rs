//! The credits of rolling twenty-four hours, for the whole org.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::settings::Settings;
use super::times::shifted;
use crate::oauth::Answer;

const DAY_S: i64 = 86_400;
/// In front of what is left.
const LEFT: &str = "x-api-credits-remaining";

#[derive(Debug, Default)]
pub(super) struct Limits {
    spent: VecDeque<(Timestamp, u64)>,
}

/// No credit is left.
pub(super) fn exhausted() -> Answer {
    let message = "You have exhausted the API credits of your organization";
    let refusal = Refusal::new(429, "TOO_MANY_REQUESTS", message);
    refusal.answer().with(LEFT, "0")
}

/// Too many calls at the same time.
pub(super) fn crowded() -> Answer {
    let message = "You have crossed the maximum number of concurrent calls";
    Refusal::new(429, "TOO_MANY_REQUESTS", message).answer()
}

impl Limits {
    fn used(&mut self, now: Timestamp) -> u64 {
        let since = shifted(now, -DAY_S);
        while self.spent.front().is_some_and(|(at, _)| *at <= since) {
            self.spent.pop_front();
        }
        self.spent.iter().map(|(_, cost)| cost).sum()
    }

    /// Counts a call, or answers in its place. What is refused costs nothing.
    pub(super) fn admit(
        &mut self,
        cost: u64,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Answer> {
        if self.used(now) + cost > settings.credits() {
            return Err(exhausted());
        }
        self.spent.push_back((now, cost));
        Ok(())
    }

    /// What is left is told once half of it is used.
    pub(super) fn label(&mut self, answer: Answer, settings: &Settings, now: Timestamp) -> Answer {
        let (used, most) = (self.used(now), settings.credits());
        if used.saturating_mul(2) <= most {
            return answer;
        }
        answer.with(LEFT, most.saturating_sub(used).to_string())
    }

    pub(super) fn shown(&mut self, settings: &Settings, now: Timestamp) -> Value {
        json!({ "credits": { "used": self.used(now), "max": settings.credits() } })
    }
}
