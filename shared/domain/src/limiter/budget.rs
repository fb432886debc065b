//! A limit over an hour or a day: calls are counted, in 24 blocks of the window.
//!
//! What falls into any window is never more than the last 25 blocks, so the limit holds for a rolling
//! window as for one that begins at midnight, at 24/25 of it at worst.

use serde::{Deserialize, Serialize};

use super::{Chunk, Micros, Rule, SECOND, Seen, Want};

/// How long a lease of a budget may be used.
const VALID: Micros = 300 * SECOND;
/// The calls of the largest lease.
const LARGEST: u32 = 64;
/// A lease takes at most this part of what is left.
const PART: u32 = 100;
const BLOCKS: i64 = 24;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Budget {
    /// The number of the newest block.
    #[serde(rename = "n")]
    newest: i64,
    /// What was given out per block, the newest first.
    #[serde(rename = "c")]
    counts: Vec<u32>,
    /// The limit as the CRM told it last.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    /// What the CRM said was left, when, and what was given out since.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    told: Option<(u32, Micros, u32)>,
}

fn block(rule: &Rule) -> Micros {
    (rule.window / BLOCKS).max(1)
}

impl Budget {
    pub(super) fn new(_: &Rule) -> Self {
        Self::default()
    }

    pub(super) fn learn(&mut self, seen: Seen) {
        if self.told.is_some_and(|(_, at, _)| at > seen.at) {
            return;
        }
        self.limit = seen.limit.or(self.limit);
        self.told = Some((seen.left, seen.at, 0));
    }

    fn turn(&mut self, rule: &Rule, now: Micros) {
        let newest = now.div_euclid(block(rule)).max(self.newest);
        let passed = usize::try_from(newest - self.newest).unwrap_or(usize::MAX);
        let keep = usize::try_from(BLOCKS + 1).unwrap_or(25);
        self.counts
            .splice(0..0, std::iter::repeat_n(0, passed.min(keep)));
        self.counts.resize(keep, 0);
        self.newest = newest;
    }

    /// What may be given out. Other applications are known by what the CRM tells, for a block's time.
    fn left(&self, rule: &Rule, now: Micros) -> u32 {
        let limit = self.limit.unwrap_or(rule.requests);
        let reserve = u64::from(limit) * u64::from(rule.reserve_percent.min(100)) / 100;
        let reserve = u32::try_from(reserve).unwrap_or(limit);
        let ours: u32 = self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n));
        let by_counts = limit.saturating_sub(ours);
        let by_crm = self
            .told
            .filter(|(_, at, _)| now - at < block(rule))
            .map_or(by_counts, |(left, _, since)| left.saturating_sub(since));
        by_counts.min(by_crm).saturating_sub(reserve)
    }

    pub(super) fn free_at(&mut self, rule: &Rule, need: u32, now: Micros) -> Result<(), Micros> {
        self.turn(rule, now);
        if self.left(rule, now) >= need {
            return Ok(());
        }
        Err((self.newest + 1) * block(rule))
    }

    /// A large chunk, many calls like the one that it is asked for, unless it is to be one: what is not used
    /// is made good by what the CRM says is left.
    pub(super) fn take(&mut self, rule: &Rule, want: Want, one: bool, now: Micros) -> Chunk {
        let calls = if one { 0 } else { LARGEST };
        let most = calls.saturating_mul(want.need);
        let most = most.min(self.left(rule, now) / PART);
        let count = most.max(want.need);
        if let Some(newest) = self.counts.first_mut() {
            *newest = newest.saturating_add(count);
        }
        if let Some((_, _, since)) = &mut self.told {
            *since = since.saturating_add(count);
        }
        // To the end of the block at most: a call counts where it is made.
        let end = (self.newest + 1) * block(rule);
        Chunk::Free {
            count,
            until: end.min(now + VALID),
        }
    }
}
