//! What each plan allows: data, enforced in one place, the engine's `plans`.

use std::fmt;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::event::PlanTier;

/// How much of each thing a plan allows; `None` is as much as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// CRM connections, whatever their state.
    pub connections: Option<u64>,
    /// Syncs in a calendar month, by UTC. One sync is one event accepted for one connection.
    pub syncs: Option<u64>,
}

/// A plan, its name as liveprompt says it, and what it allows.
type Row = (PlanTier, &'static str, Allowance);

const STARTER: Row = (
    PlanTier::Starter,
    "starter",
    Allowance {
        connections: Some(1),
        syncs: Some(1_000),
    },
);
const PROFESSIONAL: Row = (
    PlanTier::Professional,
    "professional",
    Allowance {
        connections: Some(3),
        syncs: None,
    },
);
const ENTERPRISE: Row = (
    PlanTier::Enterprise,
    "enterprise",
    Allowance {
        connections: None,
        syncs: None,
    },
);

/// Every plan, from the smallest to the largest.
pub const PLANS: [Row; 3] = [STARTER, PROFESSIONAL, ENTERPRISE];

/// What a plan counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// CRM connections.
    Connections,
    /// Syncs of a month.
    Syncs,
}

impl Counted {
    /// Its name in problems.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Syncs => "syncs",
        }
    }

    /// How much of it a plan allows.
    pub fn allowed(self, allowance: Allowance) -> Option<u64> {
        match self {
            Self::Connections => allowance.connections,
            Self::Syncs => allowance.syncs,
        }
    }

    fn words(self, count: u64) -> String {
        let plural = if count == 1 { "" } else { "s" };
        match self {
            Self::Connections => format!("{count} CRM connection{plural}"),
            Self::Syncs => format!("{count} sync{plural} a month"),
        }
    }
}

impl PlanTier {
    /// Its name, as liveprompt says it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it allows.
    pub fn allows(self) -> Allowance {
        self.row().2
    }

    fn row(self) -> Row {
        match self {
            Self::Starter => STARTER,
            Self::Professional => PROFESSIONAL,
            Self::Enterprise => ENTERPRISE,
        }
    }
}

/// A plan's limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// The plan.
    pub plan: PlanTier,
    /// What it limits.
    pub counted: Counted,
    /// How much it allows.
    pub limit: u64,
    /// How much there is: more than the limit after a change to a smaller plan.
    pub used: u64,
}

impl LimitReached {
    /// The smallest plan that has room for one more.
    fn larger(&self) -> Option<(&'static str, Option<u64>)> {
        PLANS
            .iter()
            .map(|(_, name, allowance)| (*name, self.counted.allowed(*allowance)))
            .find(|(_, most)| most.is_none_or(|most| most > self.used))
    }
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = self.counted.words(self.limit);
        let (plan, used) = (self.plan.name(), self.used);
        write!(f, "the plan {plan} allows {allowed} (in use: {used})")?;
        match self.larger() {
            Some((name, Some(most))) => {
                write!(f, "; the plan {name} allows {}", self.counted.words(most))
            }
            Some((name, None)) => write!(f, "; the plan {name} has no such limit"),
            None => Ok(()),
        }
    }
}

/// A calendar month, by UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// As in `2026-11`.
    pub name: String,
    /// When the next one begins.
    pub ends_at: Timestamp,
}

impl Month {
    /// The month of a moment.
    pub fn of(at: Timestamp) -> Self {
        let day = at.to_zoned(TimeZone::UTC).date();
        let next = day
            .first_of_month()
            .checked_add(1.month())
            .and_then(|first| first.to_zoned(TimeZone::UTC));
        Self {
            name: format!("{:04}-{:02}", day.year(), day.month()),
            ends_at: next.map_or(Timestamp::MAX, |first| first.timestamp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_are_those_of_the_price_list() {
        for (plan, name, connections, syncs) in [
            (PlanTier::Starter, "starter", Some(1), Some(1_000)),
            (PlanTier::Professional, "professional", Some(3), None),
            (PlanTier::Enterprise, "enterprise", None, None),
        ] {
            assert_eq!(plan.name(), name);
            assert_eq!(plan.allows(), Allowance { connections, syncs });
            assert_eq!(serde_json::to_value(plan).unwrap(), name);
        }
        for (plan, name, allowance) in PLANS {
            assert_eq!((plan.name(), plan.allows()), (name, allowance));
        }
    }

    #[test]
    fn a_limit_says_what_would_be_right() {
        let reached = |plan, counted, limit, used| {
            LimitReached {
                plan,
                counted,
                limit,
                used,
            }
            .to_string()
        };
        assert_eq!(
            reached(PlanTier::Starter, Counted::Connections, 1, 1),
            "the plan starter allows 1 CRM connection (in use: 1); the plan professional allows 3 CRM connections"
        );
        assert_eq!(
            reached(PlanTier::Starter, Counted::Connections, 1, 5),
            "the plan starter allows 1 CRM connection (in use: 5); the plan enterprise has no such limit"
        );
        assert_eq!(
            reached(PlanTier::Starter, Counted::Syncs, 1_000, 1_000),
            "the plan starter allows 1000 syncs a month (in use: 1000); the plan professional has no such limit"
        );
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for (at, name, ends_at) in [
            ("2026-11-20T12:00:00Z", "2026-11", "2026-12-01T00:00:00Z"),
            ("2026-11-01T00:00:00Z", "2026-11", "2026-12-01T00:00:00Z"),
            (
                "2026-12-31T23:59:59.999Z",
                "2026-12",
                "2027-01-01T00:00:00Z",
            ),
            ("2028-02-29T00:00:00Z", "2028-02", "2028-03-01T00:00:00Z"),
        ] {
            let month = Month::of(at.parse().unwrap());
            assert_eq!(
                (month.name.as_str(), month.ends_at.to_string().as_str()),
                (name, ends_at)
            );
        }
    }
}
