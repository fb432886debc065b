//! The vendor's own ways to fail.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::Pipedrive;
use super::company::Company;
use super::errors::{Refusal, failed, locked_out, mismatch};
use super::kinds::Kind;
use crate::frame::{Fault, FaultKind, Param, ParamKind, SEARCH_LAG};
use crate::oauth::{Answer, Trouble};

pub(super) const OWN: &[FaultKind] = &[
    FaultKind::plain("missing_scopes"),
    FaultKind::plain("cloudflare"),
    FaultKind::plain("unpaid"),
    FaultKind::plain("feature_capping"),
    SEARCH_LAG,
    FaultKind::with(
        "record_error",
        &[
            Param::text("object"),
            Param::optional("status", ParamKind::Integer { min: 400, max: 599 }),
            Param::text("code"),
            Param::text("error"),
        ],
    ),
];

/// Applies a fault of this CRM alone; `Some` is the answer in place of the real one.
pub(super) fn apply(company: &mut Company, fault: &Fault, now: Timestamp) -> Option<Answer> {
    company.now = now;
    match fault.name.as_str() {
        "missing_scopes" => Some(mismatch()),
        "cloudflare" => Some(locked_out()),
        "unpaid" => Some(failed(
            402,
            "Company account is not open (possible reason: trial expired, payment details not entered)",
        )),
        "feature_capping" => {
            let error = "The limit of the plan is reached";
            Some(Refusal::new(403, "feature_capping_deals_limit", error).answer(2))
        }
        "search_lag" => {
            let seconds = fault.integer("seconds").unwrap_or_default();
            company.freeze(i64::try_from(seconds).unwrap_or_default());
            None
        }
        // It waits for the next record that is written, in this request or a later one.
        _ => {
            let kind = fault.text("object").and_then(Kind::by_path);
            let status = fault.integer("status").and_then(|s| u16::try_from(s).ok());
            let code = fault.text("code").unwrap_or("ERR_BAD_REQUEST");
            let error = fault.text("error").unwrap_or("The record was refused");
            let refusal = Refusal::new(status.unwrap_or(400), code, error);
            company.armed.push((kind, refusal));
            None
        }
    }
}

/// The common faults in the vendor's words.
pub(super) fn troubled(
    crm: &mut Pipedrive,
    trouble: Trouble,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Answer {
    let limited = |remaining: u64, reset: &str| {
        failed(429, "request over limit")
            .with("x-ratelimit-limit", "80")
            .with("x-ratelimit-remaining", "0")
            .with("x-ratelimit-reset", reset)
            .with("x-daily-ratelimit-token-remaining", remaining.to_string())
    };
    match trouble {
        Trouble::RateLimit | Trouble::Concurrency => limited(29_000, "2"),
        Trouble::DailyLimit => {
            let personal = crm
                .caller(request, now)
                .is_some_and(|(_, bucket, _)| bucket.personal);
            let answer = limited(0, "2");
            if personal {
                return answer.with("x-daily-requests-left", "0");
            }
            answer
        }
        Trouble::Server => failed(500, "Internal server error"),
    }
}
