//! The circuit breaker: whether a CRM that did not answer is asked again.

use serde::{Deserialize, Serialize};

use super::{Micros, SECOND};

/// So many failures in a row open it.
pub const FAILURES_IN_A_ROW: u32 = 5;
/// Failures further apart than this are not in a row.
const ROW: Micros = 120 * SECOND;
/// How long it is open at first; each failed probe doubles it.
const FIRST_OPEN: Micros = 15 * SECOND;
/// The longest it is open.
const LONGEST_OPEN: Micros = 300 * SECOND;
/// How long a probe may take; then another may try.
const PROBE: Micros = 30 * SECOND;

/// Closed, open until a moment, or half open: then one call tries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures in a row.
    #[serde(rename = "f", default)]
    failures: u32,
    /// When the last one was.
    #[serde(rename = "a", default)]
    failed_at: Micros,
    /// How often it opened since it was closed last; 0 is closed.
    #[serde(rename = "o", default)]
    opened: u32,
    /// Open until then.
    #[serde(rename = "u", default)]
    until: Micros,
    /// A probe is under way until then.
    #[serde(rename = "p", default)]
    probe: Micros,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Yes.
    Closed,
    /// Yes, this one alone: it tries whether the CRM is back.
    Probe,
    /// No.
    Open {
        /// When to ask again.
        until: Micros,
    },
}

impl Breaker {
    /// Whether a call may be made now.
    pub fn pass(&self, now: Micros) -> Passage {
        if self.opened == 0 {
            Passage::Closed
        } else if self.until > now {
            Passage::Open { until: self.until }
        } else if self.probe > now {
            // The probe answers in a moment, unless its worker died.
            let until = self.probe.min(now + 2 * SECOND);
            Passage::Open { until }
        } else {
            Passage::Probe
        }
    }

    /// Whether a success has to be told: there are failures it ends.
    pub fn is_troubled(&self) -> bool {
        self.failures > 0 || self.opened > 0
    }

    pub(super) fn probing(&mut self, now: Micros) {
        self.probe = now + PROBE;
    }

    /// The CRM did not answer, or answered that it cannot. `dice` (0 to 999) is the jitter. While it is
    /// open only a probe's failure counts: whoever had begun before tells nothing new.
    pub fn failed(&mut self, probe: bool, now: Micros, dice: u32) {
        if self.opened > 0 && !probe {
            return;
        }
        if now - self.failed_at > ROW {
            self.failures = 0;
        }
        self.failures += 1;
        self.failed_at = now;
        if probe || self.failures >= FAILURES_IN_A_ROW {
            let doubled = FIRST_OPEN << self.opened.min(10);
            self.opened += 1;
            // Half of it and up to as much again, so that the probes of many connections spread.
            let open = doubled.min(LONGEST_OPEN);
            self.until = now + open / 2 + open / 2 * i64::from(dice.min(999)) / 1_000;
            self.probe = 0;
        }
    }

    /// The CRM answered. While it is open only the probe's answer closes it.
    pub fn succeeded(&mut self, probe: bool) {
        if self.opened == 0 || probe {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Micros = 1_000_000_000;

    fn open() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 0..5 {
            assert_eq!(breaker.pass(T + n), Passage::Closed, "{n} failures");
            breaker.failed(false, T + n, 999);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_between_starts_anew() {
        let mut breaker = open();
        assert!(matches!(breaker.pass(T + 10), Passage::Open { .. }));
        breaker = Breaker::default();
        for n in 0..4 {
            breaker.failed(false, T + n, 0);
        }
        breaker.succeeded(false);
        breaker.failed(false, T, 0);
        assert_eq!(breaker.pass(T), Passage::Closed);
        // Nor are failures that are minutes apart.
        for n in 1..20 {
            breaker.failed(false, T + n * 121 * SECOND, 0);
        }
        assert_eq!(breaker.pass(T + 20 * 121 * SECOND), Passage::Closed);
    }

    #[test]
    fn one_probe_goes_first_and_decides() {
        let mut breaker = open();
        let later = T + 15 * SECOND;
        assert_eq!(breaker.pass(later), Passage::Probe);
        breaker.probing(later);
        let until = later + 2 * SECOND;
        assert_eq!(breaker.pass(later), Passage::Open { until });
        // Others that had begun before say nothing.
        breaker.succeeded(false);
        breaker.failed(false, later, 0);
        assert_eq!(breaker.pass(later), Passage::Open { until });
        let mut closed = breaker.clone();
        closed.succeeded(true);
        assert_eq!(closed, Breaker::default());
        // A probe that fails opens it for twice as long, up to five minutes.
        let mut opens = Vec::new();
        let mut now = later;
        for _ in 0..7 {
            breaker.failed(true, now, 999);
            let Passage::Open { until } = breaker.pass(now) else {
                panic!("it is open");
            };
            opens.push((until - now + SECOND / 2) / SECOND);
            now = until;
        }
        assert_eq!(opens, [30, 60, 120, 240, 300, 300, 300]);
        // A probe whose worker died does not keep the next one out for ever.
        breaker.probing(now);
        assert_eq!(breaker.pass(now + PROBE), Passage::Probe);
    }
}
