//! The vendor's own ways to fail.

use super::calls::mismatch;
use super::org::Org;
use super::refusal::Refusal;
use crate::frame::{Fault, FaultKind, Param, ParamKind};
use crate::oauth::Answer;

const fn optional(name: &'static str) -> Param {
    Param {
        name,
        kind: ParamKind::Text,
        required: false,
    }
}

pub(super) const OWN: &[FaultKind] = &[
    FaultKind {
        name: "missing_scopes",
        params: &[],
    },
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
            optional("module"),
            optional("code"),
            optional("message"),
            optional("api_name"),
        ],
    },
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
