//! What a receiver may answer in place of taking a message.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::json;

use crate::{
    frame::{Fault, FaultKind, Param, ParamKind},
    oauth::Answer,
};

/// Where a redirect leads unless the fault says so: the address from which a Lambda function's runtime gets
/// its events.
const INSIDE: &str = "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next";
/// How long an answer is that nobody should read to its end.
const HUGE: u64 = 4 * 1024 * 1024;
/// How long to wait where the fault does not say.
const PAUSE_S: u64 = 7;

const SECONDS: Param = Param::required(
    "seconds",
    ParamKind::Integer {
        min: 0,
        max: 1_000_000,
    },
);

pub(super) const OWN: &[FaultKind] = &[
    FaultKind::plain("gone"),
    FaultKind::with(
        "redirect",
        &[
            Param::optional("status", ParamKind::Integer { min: 300, max: 399 }),
            Param::text("location"),
        ],
    ),
    FaultKind::plain("abort_message"),
    FaultKind::with(
        "huge_answer",
        &[Param::optional(
            "bytes",
            ParamKind::Integer {
                min: 1,
                max: 64 * 1024 * 1024,
            },
        )],
    ),
    FaultKind::with("retry_after", &[SECONDS]),
    FaultKind::with("retry_after_date", &[SECONDS]),
];

/// The answer of a fault; none for those that a receiver does not have.
pub(super) fn answer(fault: &Fault, now: Timestamp) -> Option<Answer> {
    let integer = |name, or| fault.integer(name).unwrap_or(or);
    let busy =
        |wait: &str| Answer::json(429, json!({ "error": "too many" })).with("retry-after", wait);
    let answer = match fault.name.as_str() {
        "gone" => Answer::json(410, json!({ "error": "gone" })),
        "redirect" => {
            let status = u16::try_from(integer("status", 302)).unwrap_or(302);
            Answer::new(status, "text/plain", "")
                .with("location", fault.text("location").unwrap_or(INSIDE))
        }
        "abort_message" => Answer::json(400, json!({ "error": "no more of this one" }))
            .with("webhook-delivery", "abort-message"),
        "huge_answer" => {
            let bytes = usize::try_from(integer("bytes", HUGE)).unwrap_or_default();
            Answer::new(200, "text/plain", "x".repeat(bytes))
        }
        "server_error" => Answer::json(500, json!({ "error": "it broke" })),
        "rate_limit" | "daily_limit" | "concurrency_limit" => busy(&PAUSE_S.to_string()),
        "retry_after" => busy(&integer("seconds", PAUSE_S).to_string()),
        "retry_after_date" => busy(&date(now, integer("seconds", PAUSE_S))),
        _ => return None,
    };
    Some(answer)
}

/// So many seconds from now, as HTTP writes a date (RFC 9110, 5.6.7).
fn date(now: Timestamp, seconds: u64) -> String {
    let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let then = now.saturating_add(wait).unwrap_or(now);
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&then)
        .unwrap_or_default()
}
