//! What the limiter is asked, by which terms, and what it answers.

use super::{Micros, SECOND};

/// From this window on a limit is a budget: nobody waits for its next call, so calls are counted and
/// not spread over the window.
const BUDGET_FROM: Micros = 600 * SECOND;

/// Where the work came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A person may be waiting.
    Live,
    /// Backfills and syncs: they yield.
    Bulk,
}

/// What is not known of the time at which a call arrives. The window is taken longer by it.
#[derive(Debug, Clone, Copy)]
pub struct Margin {
    /// The spread of the network: the slowest way to the CRM less the fastest.
    pub jitter: Micros,
    /// How late a call may leave.
    pub late: Micros,
    /// How far the clocks of two workers may be apart. Lambda's clocks follow Amazon Time Sync, to
    /// well under a millisecond, which `late` covers.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html>
    pub skew: Micros,
}

impl Default for Margin {
    fn default() -> Self {
        Self {
            jitter: SECOND / 10,
            late: SECOND / 100,
            skew: 0,
        }
    }
}

impl Margin {
    pub(super) fn spread(self) -> Micros {
        self.jitter + self.late + self.skew
    }
}

/// A limit of a CRM account.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it is called in the item.
    pub name: String,
    /// Calls, or what they cost, in a window.
    pub requests: u32,
    /// The window.
    pub window: Micros,
    /// How many of a hundred are left to the customer's other applications, of a budget.
    pub reserve_percent: u32,
}

impl Rule {
    /// Whether calls are counted, and not spread over the window.
    pub fn is_budget(&self) -> bool {
        self.window >= BUDGET_FROM
    }
}

/// Everything a CRM allows one account.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Its limits.
    pub rules: Vec<Rule>,
    /// Calls at once.
    pub at_once: Option<u32>,
    /// What is not known of times.
    pub margin: Margin,
}

/// What a reply said of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What is left.
    pub left: u32,
    /// The limit itself, where the reply names it.
    pub limit: Option<u32>,
    /// When the reply came.
    pub at: Micros,
}

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Which worker: a number of its own.
    pub worker: u32,
    /// Of which lane its work is.
    pub lane: Lane,
    /// Calls wanted of each rule, in order: what is needed now, and what would be used. Nothing of a rule of
    /// which enough is held.
    pub wants: Vec<Want>,
    /// A call before this moment is of no use: what is held of another rule begins then.
    pub from: Micros,
    /// What replies said of each rule since the last lease.
    pub seen: Vec<Option<Seen>>,
    /// When the worker spent its last free call of each rule, if it has spent all.
    pub spent: Vec<Option<Micros>>,
    /// Calls of each rule that were leased and not made.
    pub unused: Vec<u32>,
}

/// How much of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Want {
    /// Without it there is no lease.
    pub need: u32,
    /// Up to this many are welcome.
    pub up_to: u32,
}

/// What a worker got of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// Nothing, for nothing was wanted.
    None,
    /// Calls at these times.
    Paced {
        /// The first.
        first: Micros,
        /// From one to the next.
        step: Micros,
        /// How many.
        count: u32,
    },
    /// Calls at any time until then.
    Free {
        /// How many.
        count: u32,
        /// Until when.
        until: Micros,
    },
}

/// Why there is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The calls up to the horizon are given out, or a budget is spent, or the CRM said wait.
    Limit,
    /// As many calls as may run at once do.
    AtOnce,
    /// Live work comes first.
    Live,
    /// The CRM did not answer again and again.
    Open,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A lease, once the state is written.
    Granted {
        /// Per rule.
        chunks: Vec<Chunk>,
        /// Places among the calls at once, and until when.
        at_once: Option<(u32, Micros)>,
        /// Whether this is the one call that tries whether the CRM is back.
        probe: bool,
        /// Whether other applications use the same limit.
        shared: bool,
    },
    /// Come again then.
    Wait {
        /// When.
        until: Micros,
        /// Why.
        why: Why,
        /// Whether the state changed, so that it has to be written all the same.
        write: bool,
    },
}
