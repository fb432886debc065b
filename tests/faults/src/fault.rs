//! What can go wrong with one call.

use std::{fmt, time::Duration};

/// How long the longest function may run, as in the template. Whatever runs longer is killed.
pub(crate) const FUNCTION_TIMEOUT: Duration = Duration::from_mins(2);
/// How late a call takes effect that nobody waits for any more: within what the engine reckons with.
pub(crate) const LATE: Duration = Duration::from_secs(30);
/// A slow answer that is still in time.
pub(crate) const SLOW: Duration = Duration::from_secs(5);

/// A class of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It never takes effect: AWS says 500, a CRM cannot be reached.
    ErrorBefore,
    /// It takes effect, and the connection breaks before the answer.
    ErrorAfter,
    /// It takes effect, and something on the way answers 500 or 502 instead.
    RefusedAfter,
    /// It takes effect, and no answer comes as long as anybody waits.
    TimeoutAfter,
    /// The worker dies before the call is sent.
    DeathBefore,
    /// It takes effect, and the worker dies before it reads the answer.
    DeathAfter,
    /// No answer comes as long as anybody waits, and it takes effect half a minute after it was sent.
    Late,
    /// It takes effect, and the answer takes five seconds.
    Slow,
    /// It takes effect, and the worker stands still until the platform kills it: meanwhile it holds its
    /// lease and its place.
    Frozen,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::RefusedAfter,
        Self::TimeoutAfter,
        Self::Late,
        Self::DeathBefore,
        Self::DeathAfter,
        Self::Slow,
        Self::Frozen,
    ];

    /// What it is called in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::ErrorBefore => "error before",
            Self::ErrorAfter => "error after",
            Self::RefusedAfter => "refused after",
            Self::TimeoutAfter => "timeout after",
            Self::Late => "late",
            Self::DeathBefore => "death before",
            Self::DeathAfter => "death after",
            Self::Slow => "slow",
            Self::Frozen => "frozen",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
