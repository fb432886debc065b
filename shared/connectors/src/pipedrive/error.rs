//! Pipedrive's errors: where code, message and fields stand in a body, and what its headers say of limits.

use std::mem;

use http::{HeaderValue, header::RETRY_AFTER};
use hub_domain::{Verdict, Write};
use serde_json::Value;

use super::body::NOTE;
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet_but, or_look_again, short},
};

/// What is left of the day, by the header that is documented and the one that is not.
const DAY: [&str; 2] = ["x-daily-requests-left", "x-daily-ratelimit-token-remaining"];
/// The dearest call we make costs so many tokens.
const DEAREST: u64 = 20;
/// What introduces the field that was not accepted.
const VALIDATION: &str = "Validation failed: ";
/// What we say of a person or an organization that may be gone.
const LINKS: [&str; 2] = ["participants", "org_id"];

/// The verdict on a call that is about no record, so that none is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let verdict = manifest.verdict(&timed(reply), &error(reply));
    blameless(verdict, reply)
}

/// The verdict on a record that was refused.
pub(super) fn of_write(manifest: &Manifest, write: &Write, reply: &Reply) -> Verdict {
    let mut error = error(reply);
    let link = error
        .fields
        .iter()
        .any(|field| LINKS.contains(&field.as_str()));
    let shown = discreet_but(&error.message, write, NOTE);
    let told = mem::replace(&mut error.message, shown);
    let verdict = manifest.verdict_told(&timed(reply), &told, &error);
    let reason = format!("{} {}", error.code, error.message);
    or_look_again(verdict, link, reason)
}

/// The reply with the wait that a limit's own header names, where there is no `Retry-After`.
fn timed(reply: &Reply) -> Reply {
    let mut reply = reply.clone();
    let reset = reply.header("x-ratelimit-reset").map(str::to_owned);
    let wait =
        reset.filter(|_| reply.status == http::StatusCode::TOO_MANY_REQUESTS && !is_day(&reply));
    if let Some(Ok(wait)) = wait.map(|wait| HeaderValue::from_str(&wait)) {
        reply.headers.entry(RETRY_AFTER).or_insert(wait);
    }
    reply
}

/// Whether the budget of the day is spent: what is left pays for no call.
fn is_day(reply: &Reply) -> bool {
    let left = |name: &&str| reply.header(name)?.trim().parse::<u64>().ok();
    DAY.iter().filter_map(left).any(|left| left < DEAREST)
}

/// What a body says. The gateway has a number as its code, v2 a word; a page of HTML has neither.
fn error(reply: &Reply) -> Fields {
    let body = reply.json().filter(Value::is_object);
    let status = reply.status.as_u16();
    let found = body.clone().unwrap_or_default();
    let code = match status {
        429 if is_day(reply) => "DAILY_BUDGET".to_owned(),
        429 => "RATE_LIMIT".to_owned(),
        403 if body.is_none() => "LOCKED_OUT".to_owned(),
        _ => text_at(&found, "/code"),
    };
    let message = text_at(&found, "/error");
    let named = message
        .strip_prefix(VALIDATION)
        .and_then(|rest| rest.split_once(':'));
    // `participants.person_id` is about the participants.
    let field = named.and_then(|(name, _)| name.split(['.', '[']).next());
    let is_name = |name: &&str| {
        let mut letters = name.bytes();
        letters.all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty()
    };
    Fields {
        code,
        fields: field
            .filter(is_name)
            .map(str::to_owned)
            .into_iter()
            .collect(),
        message: short(&message),
    }
}
