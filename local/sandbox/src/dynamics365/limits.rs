//! Service protection: requests, execution time and concurrency of the last five minutes, and a wait that
//! grows while a caller does not keep to it.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::settings::Settings;
use crate::oauth::{Answer, Trouble};

const WINDOW_MS: i64 = 300_000;
/// The first wait in seconds, and the longest.
const FIRST_WAIT: i64 = 10;
const LONGEST_WAIT: i64 = 300;

#[derive(Debug, Default)]
pub(super) struct Limits {
    /// When each request of the window began, and how long it took.
    taken: VecDeque<(i64, u64)>,
    /// Refusals in a row.
    refused: u32,
    /// Until when every request is refused, and for which reason.
    until: Option<(i64, Trouble)>,
}

impl Limits {
    fn settle(&mut self, now: i64) {
        while self
            .taken
            .front()
            .is_some_and(|(at, _)| *at <= now - WINDOW_MS)
        {
            self.taken.pop_front();
        }
    }

    fn spent_ms(&self) -> u64 {
        self.taken.iter().map(|(_, ms)| ms).sum()
    }

    /// Counts requests, or refuses them all.
    pub(super) fn admit(
        &mut self,
        requests: usize,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let now = now.as_millisecond();
        self.settle(now);
        if let Some((until, trouble)) = self.until.filter(|(until, _)| now < *until) {
            let _ = until;
            return Err(self.refuse(trouble, settings, now));
        }
        let count = u64::try_from(self.taken.len() + requests).unwrap_or(u64::MAX);
        let under_way = |(at, ms): &&(i64, u64)| now < at.saturating_add_unsigned(*ms);
        let together = self.taken.iter().filter(under_way).count() + 1;
        let trouble = if count > settings.request_limit {
            Trouble::RateLimit
        } else if self.spent_ms() >= settings.execution_limit_ms {
            Trouble::DailyLimit
        } else if settings.overlap && together as u64 > settings.concurrency_limit {
            Trouble::Concurrency
        } else {
            self.refused = 0;
            self.until = None;
            for _ in 0..requests {
                self.taken.push_back((now, settings.execution_ms));
            }
            return Ok(());
        };
        Err(self.refuse(trouble, settings, now))
    }

    fn refuse(&mut self, trouble: Trouble, settings: &Settings, now: i64) -> Refusal {
        let refusal = self.refusal(trouble, settings);
        let wait = refusal.retry_after.unwrap_or_default();
        // Requests at the same time are over when the others are; the other two wait for the window.
        let held = if trouble == Trouble::Concurrency {
            0
        } else {
            wait * 1_000
        };
        self.until = Some((now + held, trouble));
        refusal
    }

    /// The refusal of a limit; each in a row asks for a longer wait.
    pub(super) fn refusal(&mut self, trouble: Trouble, settings: &Settings) -> Refusal {
        let wait = FIRST_WAIT
            .saturating_mul(1 << self.refused.min(5))
            .min(LONGEST_WAIT);
        self.refused = self.refused.saturating_add(1);
        let (code, message) = match trouble {
            Trouble::Concurrency => (
                "0x80072326",
                format!("Number of concurrent requests exceeded the limit of {}.", settings.concurrency_limit),
            ),
            Trouble::DailyLimit => (
                "0x80072321",
                "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window \
                 of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try \
                 again later."
                    .to_owned(),
            ),
            Trouble::RateLimit | Trouble::Server => (
                "0x80072322",
                format!(
                    "Number of requests exceeded the limit of {} over time window of 300 seconds.",
                    settings.request_limit
                ),
            ),
        };
        Refusal {
            retry_after: Some(wait),
            ..Refusal::new(429, code, message)
        }
    }

    /// The headers of every answer.
    pub(super) fn label(&mut self, answer: Answer, settings: &Settings, now: Timestamp) -> Answer {
        self.settle(now.as_millisecond());
        let used = u64::try_from(self.taken.len()).unwrap_or(u64::MAX);
        let left_ms = settings.execution_limit_ms.saturating_sub(self.spent_ms());
        answer
            .with(
                "x-ms-ratelimit-burst-remaining-xrm-requests",
                settings.request_limit.saturating_sub(used).to_string(),
            )
            .with(
                "x-ms-ratelimit-time-remaining-xrm-requests",
                format!("{}.{:02}", left_ms / 1_000, left_ms % 1_000 / 10),
            )
    }

    /// How they stand.
    pub(super) fn shown(&mut self, settings: &Settings, now: Timestamp) -> Value {
        self.settle(now.as_millisecond());
        json!({
            "requests": { "used": self.taken.len(), "max": settings.request_limit },
            "execution_ms": { "used": self.spent_ms(), "max": settings.execution_limit_ms },
        })
    }
}
