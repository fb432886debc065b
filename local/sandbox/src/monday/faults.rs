//! The vendor's own ways to fail.

use super::Monday;
use super::errors::{Refusal, conflict, failed, limited, missing_permission};
use crate::frame::{Fault, FaultKind, Param, ParamKind};
use crate::oauth::Answer;

pub(super) const OWN: &[FaultKind] = &[
    FaultKind::plain("missing_scopes"),
    FaultKind::plain("complexity_limit"),
    FaultKind::plain("idempotency_conflict"),
    FaultKind::plain("locked"),
    FaultKind::plain("blocked"),
    FaultKind::with(
        "record_error",
        &[
            Param::text("board"),
            Param::text("code"),
            Param::text("message"),
            Param::text("column"),
            Param::optional("status", ParamKind::Integer { min: 200, max: 599 }),
        ],
    ),
    FaultKind::plain("internal_after_write"),
];

/// Applies a fault of this CRM alone; `Some` is the answer in place of the real one.
pub(super) fn apply(crm: &mut Monday, fault: &Fault) -> Option<Answer> {
    let internal = "Internal server error";
    Some(match fault.name.as_str() {
        "missing_scopes" => Answer::json(200, missing_permission()),
        "complexity_limit" => limited(
            "COMPLEXITY_BUDGET_EXHAUSTED",
            "Complexity budget exhausted",
            7,
        ),
        "idempotency_conflict" => conflict(),
        "locked" => failed(423, "Resource is currently locked", "RESOURCE_LOCKED"),
        "blocked" => failed(
            429,
            "The API is temporarily blocked",
            "API_TEMPORARILY_BLOCKED",
        ),
        // They wait for the next mutation, in this request or a later one.
        "internal_after_write" => {
            let refusal = Refusal::new(500, "INTERNAL_SERVER_ERROR", internal);
            crm.account.armed.push((None, refusal, true));
            return None;
        }
        _ => {
            let status = fault
                .integer("status")
                .and_then(|status| u16::try_from(status).ok());
            let code = fault.text("code").unwrap_or("INTERNAL_SERVER_ERROR");
            let message = fault.text("message").unwrap_or(internal);
            let mut refusal = Refusal::new(status.unwrap_or(500), code, message);
            if let Some(column) = fault.text("column") {
                refusal.data.insert("column_id".to_owned(), column.into());
            }
            let board = fault.text("board").and_then(|id| id.parse().ok());
            crm.account.armed.push((board, refusal, false));
            return None;
        }
    })
}
