//! The vendor's own ways to fail.

use jiff::Timestamp;

use super::account::Account;
use super::errors::Refusal;
use super::kinds::Kind;
use crate::frame::{Fault, FaultKind, Param, ParamKind, SEARCH_LAG};

pub(super) const OWN: &[FaultKind] = &[
    SEARCH_LAG,
    FaultKind::with(
        "record_error",
        &[
            Param::text("object"),
            Param::optional("status", ParamKind::Integer { min: 400, max: 599 }),
            Param::text("field"),
            Param::text("error"),
        ],
    ),
];

/// Applies a fault of this CRM alone, which shows in later answers.
pub(super) fn apply(account: &mut Account, fault: &Fault, now: Timestamp) {
    account.now = now;
    if fault.name == "search_lag" {
        let seconds = fault.integer("seconds").unwrap_or_default();
        account.freeze(i64::try_from(seconds).unwrap_or_default());
        return;
    }
    // It waits for the next record that is written, in this request or a later one.
    let kind = fault.text("object").and_then(Kind::by_path);
    let status = fault.integer("status").and_then(|s| u16::try_from(s).ok());
    let refusal = Refusal {
        status: status.unwrap_or(422),
        field: fault.text("field").unwrap_or_default().to_owned(),
        error: fault.text("error").unwrap_or("invalid").to_owned(),
    };
    account.armed.push((kind, refusal));
}
