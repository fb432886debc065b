//! The vendor's own ways to fail.

use super::calls::mismatch;
use super::org::Org;
use super::refusal::Refusal;
use crate::frame::{Fault, FaultKind, Param, SEARCH_LAG};
use crate::oauth::Answer;

pub(super) const OWN: &[FaultKind] = &[
    FaultKind::plain("missing_scopes"),
    SEARCH_LAG,
    FaultKind::with(
        "record_error",
        &[
            Param::text("module"),
            Param::text("code"),
            Param::text("message"),
            Param::text("api_name"),
        ],
    ),
];

/// Applies a fault of this CRM alone; `Some` is the answer in place of the real one.
pub(super) fn apply(org: &mut Org, fault: &Fault) -> Option<Answer> {
    match fault.name.as_str() {
        "missing_scopes" => Some(mismatch()),
        "search_lag" => {
            let seconds = fault.integer("seconds").unwrap_or_default();
            org.freeze(i64::try_from(seconds).unwrap_or_default());
            None
        }
        // It waits for the next record that is written, in this request or a later one.
        _ => {
            let code = fault.text("code").unwrap_or("RECORD_LOCKED");
            let message = fault.text("message").unwrap_or("record locked");
            let refusal = Refusal::new(400, code, message);
            let refusal = match fault.text("api_name") {
                Some(name) => refusal.with("api_name", name),
                None => refusal,
            };
            let module = fault.text("module").map(str::to_owned);
            org.armed.push((module, refusal));
            None
        }
    }
}
