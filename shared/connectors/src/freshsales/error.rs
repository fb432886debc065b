//! Freshsales' errors. It has no codes: ours are told from the status, the text, and whether it is JSON.

use std::mem;

use hub_domain::{Verdict, Write};
use serde_json::Value;

use super::body::DESCRIPTION;
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet_but, or_look_again, short},
};

/// How the text of a 400 shows that a limit was reached behind it.
const WRAPPED: [&str; 2] = ["response_code :: 429", "Too many requests"];

/// The verdict on a call that is about no record, so that none is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let verdict = manifest.verdict(reply, &error(reply));
    blameless(verdict, reply)
}

/// The verdict on a record that was refused.
pub(super) fn of_write(manifest: &Manifest, write: &Write, reply: &Reply) -> Verdict {
    let mut error = error(reply);
    let shown = discreet_but(&error.message, write, DESCRIPTION);
    let told = mem::replace(&mut error.message, shown);
    let text = error.message.to_lowercase();
    let begins = |word: &str| told.to_lowercase().starts_with(word);
    // "From date can't be blank" is about `from_date`.
    let named = write.fields.keys();
    error.fields = named
        .filter(|name| text.contains(&name.replace('_', " ")))
        .cloned()
        .collect();
    if error.code == "INVALID" && begins("owner") {
        "OWNER".clone_into(&mut error.code);
    }
    let verdict = manifest.verdict_told(reply, &told, &error);
    let reason = format!("{} {}", error.code, error.message);
    or_look_again(verdict, begins("targetable"), reason)
}

/// Whether it says that the record is not there. A page of HTML says that of the address.
pub(super) fn is_gone(reply: &Reply) -> bool {
    let is_page = !reply.body.is_empty() && reply.json().is_none();
    reply.status == http::StatusCode::NOT_FOUND && !is_page
}

/// What a body says: a list of messages under `errors`, or one `message`; a page of HTML says neither.
fn error(reply: &Reply) -> Fields {
    let body = reply.json().filter(Value::is_object);
    let found = body.clone().unwrap_or_default();
    let message = match found.pointer("/errors/message") {
        Some(Value::Array(messages)) => {
            let messages = messages.iter().filter_map(Value::as_str);
            messages.collect::<Vec<_>>().join("; ")
        }
        Some(Value::String(message)) => message.clone(),
        _ => text_at(&found, "/message"),
    };
    let is_wrapped = WRAPPED.iter().any(|text| message.contains(text));
    let code = match reply.status.as_u16() {
        401 | 408 | 500.. => "",
        429 => "RATE_LIMIT",
        400 if is_wrapped => "WRAPPED_RATE_LIMIT",
        _ if body.is_none() && !reply.body.is_empty() => "WEB_PAGE",
        300..=399 => "WEB_PAGE",
        403 => "ACCESS_DENIED",
        404 => "NOT_FOUND",
        _ if message.contains("is not unique") => "NOT_UNIQUE",
        _ => "INVALID",
    };
    Fields {
        code: code.to_owned(),
        message: short(&message),
        fields: Vec::new(),
    }
}
