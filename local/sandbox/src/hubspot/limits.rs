//! The quotas: ten rolling seconds per app, searches per second, calls per day.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer::Answer;
use super::errors::{Outcome, Refusal};
use super::settings::Settings;
use super::times;

const WINDOW_S: i64 = 10;

/// Which app is calling: each has a bucket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    OAuth,
    Private,
}

#[derive(Debug, Default)]
pub(super) struct Limits {
    oauth: VecDeque<Timestamp>,
    private: VecDeque<Timestamp>,
    searches: VecDeque<Timestamp>,
    today: Option<(Date, u64)>,
}

/// How many of these are younger than so many seconds; forgets the others.
fn recent(times: &mut VecDeque<Timestamp>, seconds: i64, now: Timestamp) -> u64 {
    let since = times::shifted(now, -seconds);
    while times.front().is_some_and(|at| *at <= since) {
        times.pop_front();
    }
    u64::try_from(times.len()).unwrap_or(u64::MAX)
}

impl Limits {
    fn bucket(&mut self, app: App) -> &mut VecDeque<Timestamp> {
        match app {
            App::OAuth => &mut self.oauth,
            App::Private => &mut self.private,
        }
    }

    fn most(app: App, settings: &Settings) -> u64 {
        match app {
            App::OAuth => settings.ten_secondly_limit,
            App::Private => settings.private_ten_secondly_limit,
        }
    }

    /// Calls since midnight, in the account's time zone, which is UTC.
    fn today(&mut self, now: Timestamp) -> &mut u64 {
        let day = times::day(now);
        let fresh = self.today.filter(|(counted, _)| *counted == day);
        &mut self.today.insert(fresh.unwrap_or((day, 0))).1
    }

    /// Counts a call, or refuses it. Refused calls do not count.
    pub(super) fn admit(
        &mut self,
        app: App,
        search: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Outcome<()> {
        if app == App::Private && *self.today(now) >= settings.daily_limit {
            return Err(Refusal::limit("DAILY"));
        }
        if search {
            if recent(&mut self.searches, 1, now) >= settings.search_limit {
                return Err(Refusal::limit("SECONDLY"));
            }
            self.searches.push_back(now);
        } else {
            let most = Self::most(app, settings);
            let bucket = self.bucket(app);
            if recent(bucket, WINDOW_S, now) >= most {
                return Err(Refusal::limit("TEN_SECONDLY_ROLLING"));
            }
            bucket.push_back(now);
        }
        *self.today(now) += 1;
        Ok(())
    }

    /// The headers of an answer. Those of a search have none; the daily ones are for private apps.
    pub(super) fn label(
        &mut self,
        answer: Answer,
        app: App,
        search: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Answer {
        if search {
            return answer;
        }
        let most = Self::most(app, settings);
        let left = most.saturating_sub(recent(self.bucket(app), WINDOW_S, now));
        let answer = answer
            .with_header("X-HubSpot-RateLimit-Max", most.to_string())
            .with_header("X-HubSpot-RateLimit-Remaining", left.to_string())
            .with_header("X-HubSpot-RateLimit-Interval-Milliseconds", "10000");
        if app == App::OAuth {
            return answer;
        }
        let left = settings.daily_limit.saturating_sub(*self.today(now));
        answer
            .with_header(
                "X-HubSpot-RateLimit-Daily",
                settings.daily_limit.to_string(),
            )
            .with_header("X-HubSpot-RateLimit-Daily-Remaining", left.to_string())
    }

    pub(super) fn used_today(&mut self, now: Timestamp) -> u64 {
        *self.today(now)
    }

    /// How they stand.
    pub(super) fn shown(&mut self, settings: &Settings, now: Timestamp) -> Value {
        json!({
            "ten_secondly": { "used": recent(&mut self.oauth, WINDOW_S, now), "max": settings.ten_secondly_limit },
            "private_ten_secondly": {
                "used": recent(&mut self.private, WINDOW_S, now), "max": settings.private_ten_secondly_limit },
            "search_secondly": { "used": recent(&mut self.searches, 1, now), "max": settings.search_limit },
            "daily": { "used": self.used_today(now), "max": settings.daily_limit },
        })
    }
}
