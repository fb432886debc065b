//! The vendor's own ways to fail.

use jiff::Timestamp;

use super::account::Account;
use super::errors::Refusal;
use super::kinds::Kind;
use crate::frame::{Fault, FaultKind, Param, ParamKind};

const fn optional(name: &'static str, kind: ParamKind) -> Param {
    Param {
        name,
        kind,
        required: false,
    }
}

pub(super) const OWN: &[FaultKind] = &[
    FaultKind {
        name: "search_lag",
        params: &[Param {
            name: "seconds",
            kind: ParamKind::Integer {
                min: 1,
                max: 1_000_000,
            },
            required: true,
        }],
    },
    FaultKind {
        name: "record_error",
        params: &[
            optional("object", ParamKind::Text),
            optional("status", ParamKind::Integer { min: 400, max: 599 }),
            optional("field", ParamKind::Text),
            optional("error", ParamKind::Text),
        ],
    },
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
