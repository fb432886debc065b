//! The clock that everything here reads, and its adapter for DynamoDB's time to live.
//!
//! Nothing in this crate asks the system for the time. What the libraries behind it still take from the system:
//! the creation dates of tables and secrets, and dynoxide's ten-minute window of `ClientRequestToken`.

use std::sync::Arc;

use jiff::Timestamp;

/// Reads the time; injected everywhere.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Our clock, as dynoxide wants it.
pub(crate) struct TableClock(pub(crate) Clock);

impl dynoxide::storage_backend::Clock for TableClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)().as_second()).unwrap_or(0)
    }

    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)().as_duration().as_secs_f64()
    }
}
