//! The common faults, sorted: those that end tokens are applied, the others are left to the CRM's
//! own words.

use jiff::Timestamp;

use super::Tables;
use crate::frame::Fault;

/// A fault the CRM answers in place of the real answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    RateLimit,
    DailyLimit,
    Concurrency,
    Server,
}

/// Applies what ends tokens (then `None`); `access_too` is whether the vendor ends access tokens with
/// their grant.
pub(crate) fn trouble(
    tables: &mut Tables,
    fault: &Fault,
    access_too: bool,
    now: Timestamp,
) -> Option<Trouble> {
    match fault.name.as_str() {
        "expire_access_token" => {
            tables.expire(now);
            None
        }
        "revoke_refresh_token" => {
            tables.end_all(access_too);
            None
        }
        "rate_limit" => Some(Trouble::RateLimit),
        "daily_limit" => Some(Trouble::DailyLimit),
        "concurrency_limit" => Some(Trouble::Concurrency),
        _ => Some(Trouble::Server),
    }
}
