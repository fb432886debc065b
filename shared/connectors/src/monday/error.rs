//! monday.com's errors: most of them stand in a 200, each with the alias it is about.

use std::mem;

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use hub_domain::{Verdict, Write};
use serde_json::Value;

use super::gone;
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet, or_look_again, short, unreadable},
};

/// The limit that ends at midnight of UTC.
const DAY: &str = "DAILY_LIMIT_EXCEEDED";
const DAY_S: i64 = 86_400;

/// One entry of `errors`.
struct Entry {
    /// The alias it is about; empty for the document.
    alias: String,
    fields: Fields,
    /// The status it names, if that is one of an error.
    status: Option<StatusCode>,
    /// When to ask again, in seconds.
    wait: Option<u64>,
    /// The type of the column it is about.
    column_type: String,
}

fn entries(reply: &Reply) -> Vec<Entry> {
    let body = reply.json().unwrap_or_default();
    if let Some(errors) = body.get("errors").and_then(Value::as_array) {
        return errors.iter().map(entry).collect();
    }
    // What older versions answer.
    let old = body.get("error_code").or_else(|| body.get("error_message"));
    old.map(|_| entry(&body)).into_iter().collect()
}

fn entry(error: &Value) -> Entry {
    let text = |pointers: &[&str]| {
        let mut found = pointers.iter().map(|pointer| text_at(error, pointer));
        found.find(|text| !text.is_empty()).unwrap_or_default()
    };
    let number = |pointers: &[&str]| {
        let mut found = pointers
            .iter()
            .filter_map(|pointer| error.pointer(pointer)?.as_u64());
        found.next()
    };
    let message = error.as_str().map(str::to_owned);
    let message = message.unwrap_or_else(|| text(&["/message", "/error_message"]));
    let code = text(&["/extensions/code", "/error_code"]);
    let status = number(&["/extensions/status_code", "/status_code"]);
    let status = status.and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let column = text(&["/extensions/error_data/column_id"]);
    Entry {
        alias: text(&["/path/0"]),
        fields: Fields {
            // The limit of the minute has no code, as some answers have it.
            code: if code.is_empty() {
                message.clone()
            } else {
                code
            },
            message: short(&message),
            fields: Some(column)
                .filter(|column| !column.is_empty())
                .into_iter()
                .collect(),
        },
        status: status.filter(|status| status.as_u16() >= 400),
        wait: number(&["/extensions/retry_in_seconds", "/retry_in_seconds"]),
        column_type: text(&["/extensions/error_data/column_type"]),
    }
}

/// Whether anything went wrong.
pub(super) fn is_any(reply: &Reply) -> bool {
    !entries(reply).is_empty()
}

/// Whether the server failed, by the status of the answer or of an error in it.
pub(super) fn is_failure(reply: &Reply) -> bool {
    let is_failure = |status: StatusCode| status.is_server_error() || status.as_u16() == 408;
    let mut entries = entries(reply).into_iter();
    is_failure(reply.status)
        || entries.any(|entry| {
            entry.fields.code == "INTERNAL_SERVER_ERROR" || entry.status.is_some_and(is_failure)
        })
}

/// The verdict on an answer without its own error: on the status alone, or that it cannot be read.
fn silent(manifest: &Manifest, reply: &Reply) -> Verdict {
    if reply.status.is_success() {
        return unreadable("it has neither the record nor an error");
    }
    let nothing = Fields {
        code: String::new(),
        message: String::new(),
        fields: Vec::new(),
    };
    manifest.verdict(reply, &nothing)
}

fn judged(manifest: &Manifest, reply: &Reply, told: &str, entry: &Entry) -> Verdict {
    let mut reply = reply.clone();
    if reply.status.is_success() {
        reply.status = entry.status.unwrap_or(StatusCode::BAD_REQUEST);
    }
    let midnight = (entry.fields.code == DAY).then(|| {
        let into = reply.at.as_second().rem_euclid(DAY_S);
        u64::try_from(DAY_S - into).unwrap_or_default()
    });
    if let Some(wait) = midnight.or(entry.wait) {
        let wait = HeaderValue::from(wait);
        if midnight.is_some() {
            reply.headers.insert(RETRY_AFTER, wait);
        } else {
            reply.headers.entry(RETRY_AFTER).or_insert(wait);
        }
    }
    manifest.verdict_told(&reply, told, &entry.fields)
}

/// The verdict on a call that is about no record, so that none is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let first = entries(reply).into_iter().next();
    let verdict = match &first {
        Some(entry) => judged(manifest, reply, &entry.fields.message, entry),
        None => silent(manifest, reply),
    };
    blameless(verdict, reply)
}

/// The verdict on a record that was not written: by its own error, else by one of the document.
pub(super) fn of_write(manifest: &Manifest, write: &Write, alias: &str, reply: &Reply) -> Verdict {
    let mut all = entries(reply);
    let own = all.iter().position(|entry| entry.alias == alias);
    let place = own.or_else(|| all.iter().position(|entry| entry.alias.is_empty()));
    let Some(place) = place else {
        return silent(manifest, reply);
    };
    let mut entry = all.swap_remove(place);
    if entry.fields.code == "ResourceNotFoundException" && write.id.is_some() {
        return gone();
    }
    let shown = discreet(&entry.fields.message, write);
    let told = mem::replace(&mut entry.fields.message, shown);
    let verdict = judged(manifest, reply, &told, &entry);
    let is_about_link = entry.column_type == "board_relation";
    let reason = format!("{} {}", entry.fields.code, entry.fields.message);
    or_look_again(verdict, is_about_link, reason)
}
