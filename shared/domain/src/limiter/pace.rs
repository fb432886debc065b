//! A limit over seconds: calls at even times, over a window that is taken longer by what is not
//! known of their arrival.
//!
//! `n` calls in a window `W`, arrival uncertain by `D`: one call each `(W + D) / n`. Any `n + 1` of
//! them leave over at least `W + D`, so they arrive over at least `W`, and no window holds them all.
//! Where hardly anything is going on a worker gets some *free* calls instead, which it may make at
//! any time for a while: as long as they may lie in a window with others, the others get so many fewer.

use serde::{Deserialize, Serialize};

use super::{Chunk, Margin, Micros, Rule, SECOND, Seen, Want};

/// The largest lease, and the longest: larger ones write less and lose more with a worker that dies.
const LARGEST: u32 = 16;
const LONGEST: Micros = 5 * SECOND;
/// The same where others use the limit: the first calls of a lease know least of what is left.
const LARGEST_SHARED: u32 = 40;
/// How long free calls may be used.
const FREE_FOR: Micros = 20 * SECOND;
/// The write of a lease takes this long: no call is planned before.
const WRITE: Micros = SECOND / 40;
/// Leases that are remembered, to tell our calls from others' in what the CRM says is used.
const REMEMBERED: usize = 12;
/// Thousandths, so that what others use may be a fraction.
const MILLI: u32 = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    /// The limit, as the CRM told it last or the manifest says.
    #[serde(rename = "l")]
    limit: u32,
    #[serde(rename = "w")]
    window: Micros,
    /// The first moment that is not given out.
    #[serde(rename = "n", default)]
    next: Micros,
    /// Calls in a window, in thousandths, that others make.
    #[serde(rename = "o", default)]
    others: u32,
    /// The same as a refusal showed it, where the CRM does not tell; it fades.
    #[serde(rename = "b", default)]
    backed_off: u32,
    /// When `others` or `backed_off` was brought up to date.
    #[serde(rename = "a", default)]
    at: Micros,
    /// Free calls: worker, how many, until when they may be made.
    #[serde(rename = "f", default)]
    free: Vec<(u32, u32, Micros)>,
    /// The last leases: first call, step, how many.
    #[serde(rename = "g", default)]
    given: Vec<(Micros, Micros, u32)>,
}

impl Pace {
    pub(super) fn new(rule: &Rule) -> Self {
        Self {
            limit: rule.requests.max(1),
            window: rule.window,
            ..Self::default()
        }
    }

    /// Whether others use the limit too, so that a worker has to look at what is left.
    /// A few calls that cannot be told from our own under way do not make it so.
    pub(super) fn is_shared(&self) -> bool {
        self.others > self.limit * SHARED_PERCENT * MILLI / 100
    }

    /// What is left to others.
    fn held_back(&self) -> u32 {
        let seen = if self.others == 0 {
            0
        } else {
            self.others
                .saturating_sub(self.limit * EAGER_PERCENT * MILLI / 100)
        };
        seen.max(self.backed_off)
    }

    /// The time from one call to the next.
    fn step(&self, margin: Margin) -> Micros {
        let all = self.limit.saturating_mul(MILLI);
        let free: u32 = self.free.iter().map(|free| free.1 * MILLI).sum();
        let kept = self.held_back().min(all - all / 20);
        let ours = i64::from(all.saturating_sub(kept).saturating_sub(free).max(all / 40));
        let stretched = (self.window + margin.spread()) * i64::from(MILLI);
        (stretched + ours - 1) / ours.max(1)
    }

    fn forget(&mut self, margin: Margin, now: Micros) {
        self.fade(now);
        let gone = now - self.window - margin.spread();
        self.free.retain(|(_, _, until)| *until > gone);
        for (first, step, count) in &mut self.given {
            let old = (gone - KNOWN - *first).div_euclid(*step).max(0);
            let old = u32::try_from(old).unwrap_or(u32::MAX).min(*count);
            *first += *step * i64::from(old);
            *count -= old;
        }
        self.given.retain(|(.., count)| *count > 0);
    }

    /// When the next call could be.
    pub(super) fn next_at(&mut self, margin: Margin, now: Micros) -> Micros {
        self.forget(margin, now);
        self.next
    }

    /// The first moment that is not given out.
    pub(super) fn next(&self) -> Micros {
        self.next
    }

    /// A worker has made all its free calls, the last one then: room is kept for them no longer than
    /// that moment asks for.
    pub(super) fn spent(&mut self, worker: u32, at: Micros) {
        for (holder, _, until) in &mut self.free {
            if *holder == worker {
                *until = at.min(*until);
            }
        }
    }

    /// Calls that were given out and not made: they are not ours in what is used.
    pub(super) fn unused(&mut self, mut calls: u32) {
        for (.., count) in self.given.iter_mut().rev() {
            let less = calls.min(count.saturating_sub(1));
            *count -= less;
            calls -= less;
        }
    }

    pub(super) fn take(
        &mut self,
        margin: Margin,
        want: Want,
        worker: u32,
        now: Micros,
        paused: Micros,
        from: Micros,
    ) -> Chunk {
        if let Some(count) = self.free_calls(margin, want, worker, now, paused) {
            let until = now + FREE_FOR;
            self.free.push((worker, count, until));
            self.next = now;
            self.remember((now, 1, count));
            return Chunk::Free { count, until };
        }
        let step = self.step(margin);
        let longest = u32::try_from(LONGEST / step).unwrap_or(LARGEST);
        let largest = if self.is_shared() {
            LARGEST_SHARED
        } else {
            LARGEST
        };
        let most = want.up_to.min(longest).min(largest);
        let count = most.max(want.need);
        let first = self.next.max(now + WRITE).max(paused).max(from);
        self.next = first + step * i64::from(count);
        self.remember((first, step, count));
        Chunk::Paced { first, step, count }
    }

    /// How many free calls there are: none while the limit is in use. What was given out before must
    /// be so long ago that it and the free calls fit one window.
    fn free_calls(
        &self,
        margin: Margin,
        want: Want,
        worker: u32,
        now: Micros,
        paused: Micros,
    ) -> Option<u32> {
        let count = (self.limit / 10).max(want.need);
        let taken: u32 = self.free.iter().map(|free| free.1).sum();
        let has_some = self
            .free
            .iter()
            .any(|free| free.0 == worker && free.2 > now);
        let step = self.step(margin);
        let idle = self.next + step * i64::from(count + 2) + margin.spread() <= now;
        let fits = self.limit >= 20 && taken + count <= self.limit / 2;
        let calm = self.held_back() == 0 && paused <= now;
        (fits && idle && calm && !has_some).then_some(count)
    }

    fn remember(&mut self, lease: (Micros, Micros, u32)) {
        // While the limit is in use each lease goes on where the one before ends.
        if let Some((first, step, count)) = self.given.last_mut()
            && *step == lease.1
            && *first + *step * i64::from(*count) == lease.0
        {
            *count += lease.2;
            return;
        }
        if self.given.len() >= REMEMBERED {
            self.join_oldest();
        }
        self.given.push(lease);
    }

    /// Makes one lease of the two oldest: their calls at even times.
    fn join_oldest(&mut self) {
        let (first, _, count) = self.given.remove(0);
        if let Some(oldest) = self.given.first_mut() {
            let end = oldest.0 + oldest.1 * i64::from(oldest.2);
            oldest.2 += count;
            oldest.0 = first;
            oldest.1 = ((end - first) / i64::from(oldest.2.max(1))).max(1);
        }
    }

    /// Our calls in the window before a moment, as far as they were given out.
    fn ours(&self, at: Micros) -> u32 {
        let from = at - self.window;
        let count = |(first, step, count): &(Micros, Micros, u32)| {
            let until = |moment: Micros| ((moment - first).div_euclid(*step) + 1).max(0);
            let both = until(at).min(i64::from(*count)) - until(from).min(i64::from(*count));
            u32::try_from(both).unwrap_or(0)
        };
        self.given.iter().map(count).sum()
    }

    /// What the CRM says is left tells what others use: what is used and was not given out to us. Says
    /// whether nobody had told it for long, so that the other workers should know even if this one takes no
    /// lease now.
    pub(super) fn learn(&mut self, rule: &Rule, seen: Seen, now: Micros) -> bool {
        if seen.at < now - KNOWN {
            return false;
        }
        if let Some(limit) = seen.limit {
            // A header of another meaning than ours does not get to speed us up tenfold.
            self.limit = limit.clamp(1, rule.requests.saturating_mul(10));
        }
        let elapsed = (seen.at - self.at).clamp(0, self.window);
        if elapsed == 0 {
            return false;
        }
        let used = self.limit.saturating_sub(seen.left);
        // The CRM counted when the call arrived, half a round trip ago.
        let ours = self.ours(seen.at - TRIP);
        let others = used.saturating_sub(ours) * MILLI;
        let pace = if others > self.others { RISING } else { 1 };
        let weight = (elapsed * pace * 1_000 / self.window).min(1_000);
        let blended =
            i64::from(self.others) + (i64::from(others) - i64::from(self.others)) * weight / 1_000;
        self.others = u32::try_from(blended).unwrap_or(0);
        // A call or two under way is nobody else's.
        if self.others < (MILLI * 5 / 2).max(self.limit * MILLI / 20) {
            self.others = 0;
        }
        // What the CRM tells says more than a refusal.
        self.backed_off = 0;
        self.at = seen.at;
        elapsed > NEWS && self.is_shared()
    }

    /// What a refusal showed is believed less and less: two hundredths of the limit less with each window.
    fn fade(&mut self, now: Micros) {
        let elapsed = (now - self.at).clamp(0, 100 * self.window);
        let fading = i64::from(self.limit * MILLI) / 50 * elapsed / self.window;
        // Too short a time fades nothing, and counts with the next.
        if self.backed_off > 0 && fading > 0 {
            let fading = u32::try_from(fading).unwrap_or(u32::MAX);
            self.backed_off = self.backed_off.saturating_sub(fading);
            self.at = now;
        }
    }

    /// A refusal that nobody expected: others use the limit too, and more of it than was known.
    pub(super) fn refused(&mut self, now: Micros) {
        self.fade(now);
        self.at = self.at.max(now);
        // Where the CRM tells what is left, that says more than a refusal.
        if self.others == 0 {
            let all = self.limit * MILLI;
            self.backed_off = (self.backed_off + all / 10).min(all - all / 20);
        }
    }
}

/// What a reply said is of use for so long; our own calls are remembered as much longer.
const KNOWN: Micros = 4 * SECOND;
/// What nobody told for so long is worth a write by itself.
const NEWS: Micros = SECOND;
/// That others use more is believed so much faster than that they use less: too slow means refusals.
const RISING: i64 = 3;
/// Half a round trip to a CRM.
const TRIP: Micros = SECOND / 14;
/// So much of what others use on average is tried all the same: they do not use it at every moment,
/// and a worker leaves a call out where the reply before it says that hardly anything is left.
const EAGER_PERCENT: u32 = 12;
/// Less than this of the limit cannot be told from our own calls under way.
const SHARED_PERCENT: u32 = 9;
