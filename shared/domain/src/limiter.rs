//! The limiter of one CRM account: how many calls when, how many at once, and whether any at all.
//!
//! One item, one state machine: [`Limiter`]. It knows no clock and does no I/O: whoever read the item
//! asks it for a lease ([`Limiter::lease`]) and writes it back if nobody else did. A lease is a chunk
//! of calls, so one write serves many of them; a worker keeps it in its [`Book`]. A worker that dies
//! takes its lease along: fewer calls are made than could be, never more.
//!
//! It refuses to wait: the answer is a moment.

mod book;
mod breaker;
mod budget;
mod pace;
mod terms;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use book::{Book, Take};
pub use breaker::{Breaker, FAILURES_IN_A_ROW, Passage};
pub use terms::{Ask, Chunk, Decision, Lane, Margin, Rule, Seen, Terms, Want, Why};

/// Microseconds since 1970: the calls of a bucket may be 40 ms apart, and a millisecond of each
/// would be 2 % of the limit.
pub type Micros = i64;
/// A second.
pub const SECOND: Micros = 1_000_000;
/// How far ahead a lease may begin. Whoever would wait longer is told to come again, so that no lease
/// is taken for work that is gone by then.
pub const HORIZON: Micros = 2 * SECOND;
/// How long a mark of live work keeps bulk work from new leases.
const LIVE_FOR: Micros = 3 * SECOND;
/// Bulk work that took no lease for so long is over.
const BULK_FOR: Micros = 60 * SECOND;
/// The time a call may take; then its place among those at once is free again.
const CALL: Micros = 30 * SECOND;

/// What is known of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Bucket {
    /// Nothing before this moment: the CRM said so.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    paused: Micros,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pace: Option<pace::Pace>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    budget: Option<budget::Budget>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(value: &Micros) -> bool {
    *value == 0
}

/// The state of one CRM account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limiter {
    #[serde(rename = "l", default)]
    buckets: BTreeMap<String, Bucket>,
    /// Whether the CRM is there.
    #[serde(rename = "k", default)]
    pub breaker: Breaker,
    /// Live work was seen: until when bulk waits.
    #[serde(rename = "v", default)]
    live: Micros,
    /// When bulk work took a lease last: without it nobody has to know of live work that waits.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    bulk: Micros,
    /// Who may have calls under way: worker, how many, until when.
    #[serde(rename = "h", default)]
    holders: Vec<(u32, u32, Micros)>,
}

impl Limiter {
    /// Answers an ask. What it takes must be written before it is used.
    pub fn lease(&mut self, terms: &Terms, ask: &Ask, now: Micros) -> Decision {
        let later = |until, why, write| Decision::Wait { until, why, write };
        let probe = match self.breaker.pass(now) {
            Passage::Closed => false,
            Passage::Probe => true,
            Passage::Open { until } => return later(until, Why::Open, false),
        };
        let mut news = self.mark(ask.lane, now);
        if ask.lane == Lane::Bulk && self.live > now {
            return later(self.live, Why::Live, false);
        }
        news |= self.learn(terms, ask, now);
        let at_once = match self.at_once(terms, ask, now) {
            Ok(places) => places,
            Err(until) => return later(until, Why::AtOnce, news),
        };
        // First look, then take: a bucket that cannot give leaves the others as they are.
        let mut latest = None;
        // A call is made when all of its rules let it: what is paced begins with the last of them.
        let mut from = ask.from;
        for (rule, want) in terms.rules.iter().zip(&ask.wants) {
            if want.need == 0 {
                continue;
            }
            let bucket = self.bucket(rule);
            let free = bucket.free_at(rule, terms.margin, want.need, now);
            if let Err(until) = free {
                latest = latest.max(Some(until));
            }
            from = from.max(bucket.begins());
        }
        if let Some(until) = latest {
            return later(until, Why::Limit, news);
        }
        let mut shared = false;
        let mut chunks = Vec::new();
        for (place, rule) in terms.rules.iter().enumerate() {
            let want = ask.wants.get(place).copied().unwrap_or_default();
            if want.need == 0 {
                chunks.push(Chunk::None);
                continue;
            }
            let up_to = if probe { want.need } else { want.up_to };
            let bucket = self.bucket(rule);
            shared |= bucket.pace.as_ref().is_some_and(pace::Pace::is_shared);
            let want = Want { up_to, ..want };
            chunks.push(if rule.is_budget() {
                bucket.budget(rule).take(rule, want, probe, now)
            } else {
                let paused = bucket.paused;
                bucket
                    .pace(rule)
                    .take(terms.margin, want, ask.worker, now, paused, from)
            });
        }
        if let Some((places, until)) = at_once {
            self.holders.retain(|(worker, ..)| *worker != ask.worker);
            self.holders.push((ask.worker, places, until));
        }
        if probe {
            self.breaker.probing(now);
        }
        if ask.lane == Lane::Bulk {
            self.bulk = now;
        }
        Decision::Granted {
            chunks,
            at_once,
            probe,
            shared,
        }
    }

    /// The CRM refused a call for a limit: nothing of the rules that the call counts for before
    /// `until`. A limit that did not name itself pauses them all.
    pub fn refused(&mut self, terms: &Terms, wants: &[Want], until: Micros, now: Micros) {
        for (rule, want) in terms.rules.iter().zip(wants) {
            if want.need == 0 {
                continue;
            }
            let bucket = self.bucket(rule);
            bucket.paused = bucket.paused.max(until);
            if !rule.is_budget() {
                bucket.pace(rule).refused(now);
            }
        }
    }

    /// Marks live work; says whether that is worth a write by itself.
    fn mark(&mut self, lane: Lane, now: Micros) -> bool {
        if lane == Lane::Bulk {
            return false;
        }
        let lapsed = self.live <= now;
        self.live = now + LIVE_FOR;
        lapsed && now < self.bulk + BULK_FOR
    }

    /// Takes up what the worker saw; says whether others have waited for that so long that it is worth a write.
    fn learn(&mut self, terms: &Terms, ask: &Ask, now: Micros) -> bool {
        let mut news = false;
        for (place, rule) in terms.rules.iter().enumerate() {
            let seen = ask.seen.get(place).copied().flatten();
            let spent = ask.spent.get(place).copied().flatten();
            let bucket = self.bucket(rule);
            if rule.is_budget() {
                if let Some(seen) = seen {
                    bucket.budget(rule).learn(seen);
                }
                continue;
            }
            let pace = bucket.pace(rule);
            if let Some(at) = spent {
                pace.spent(ask.worker, at);
            }
            pace.unused(ask.unused.get(place).copied().unwrap_or_default());
            if let Some(seen) = seen {
                news |= pace.learn(rule, seen, now);
            }
        }
        news
    }

    /// Places among the calls at once, or when to ask again. A dead worker's come back by themselves.
    fn at_once(
        &mut self,
        terms: &Terms,
        ask: &Ask,
        now: Micros,
    ) -> Result<Option<(u32, Micros)>, Micros> {
        let Some(most) = terms.at_once else {
            return Ok(None);
        };
        self.holders.retain(|(_, _, until)| *until > now);
        let others = self.holders.iter().filter(|held| held.0 != ask.worker);
        let taken: u32 = others.clone().map(|held| held.1).sum();
        // A dozen workers at most share the places, which keeps the item small.
        let share = (most / 12).max(1);
        let places = share.min(most.saturating_sub(taken));
        if places == 0 {
            let first = others.map(|held| held.2).min();
            return Err(first.unwrap_or(now + SECOND).min(now + HORIZON));
        }
        Ok(Some((places, now + 2 * CALL)))
    }

    fn bucket(&mut self, rule: &Rule) -> &mut Bucket {
        self.buckets.entry(rule.name.clone()).or_default()
    }
}

impl Bucket {
    fn pace(&mut self, rule: &Rule) -> &mut pace::Pace {
        self.pace.get_or_insert_with(|| pace::Pace::new(rule))
    }

    fn budget(&mut self, rule: &Rule) -> &mut budget::Budget {
        self.budget.get_or_insert_with(|| budget::Budget::new(rule))
    }

    /// The first moment at which a paced call could be made.
    fn begins(&self) -> Micros {
        let next = self.pace.as_ref().map_or(0, pace::Pace::next);
        next.max(self.paused)
    }

    /// Whether `need` calls can be given now; else when to ask again.
    fn free_at(
        &mut self,
        rule: &Rule,
        margin: Margin,
        need: u32,
        now: Micros,
    ) -> Result<(), Micros> {
        if self.paused > now + HORIZON {
            return Err(self.paused);
        }
        if rule.is_budget() {
            if self.paused > now {
                return Err(self.paused);
            }
            return self.budget(rule).free_at(rule, need, now);
        }
        let next = self.pace(rule).next_at(margin, now);
        if next > now + HORIZON {
            return Err(next - HORIZON);
        }
        Ok(())
    }
}
