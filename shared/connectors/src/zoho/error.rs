//! What an answer to a write means, record by record; where code, message and field stand; and which of two limits was met.

use std::{mem, time::Duration};

use http::StatusCode;
use hub_domain::{Plan, Verdict, Write};
use serde_json::Value;

use super::read::id;
use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet, short, unreadable},
};

/// A value that has to be unique is another record's.
const TAKEN: &str = "DUPLICATE_DATA";
/// The record that a change names is not there, in all words that the vendor may have for it.
const GONE: [&str; 3] = ["NO_RECORDS_FOUND", "NOT_FOUND", "RECORD_NOT_FOUND"];
/// What we say of people and companies that may be gone.
const LINKS: [&str; 4] = ["Who_Id", "What_Id", "Participants", "$se_module"];
/// What is left of the day.
const LEFT: &str = "x-api-credits-remaining";

/// One verdict per write, plan by plan.
pub(super) fn written(manifest: &Manifest, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
    let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
    let body = reply.json().unwrap_or_default();
    let rows = body.get("data").and_then(Value::as_array);
    match rows {
        Some(rows) if rows.len() == writes.len() => {
            let pairs = writes.into_iter().zip(rows);
            pairs
                .map(|(write, row)| record(manifest, write, row, reply))
                .collect()
        }
        _ if reply.status.is_success() => {
            vec![unreadable("it has another number of records"); writes.len()]
        }
        _ => vec![whole(manifest, reply); writes.len()],
    }
}

/// The verdict on one record by its row, which stands where the record stood.
fn record(manifest: &Manifest, write: &Write, row: &Value, reply: &Reply) -> Verdict {
    if text_at(row, "/status") == "success" || text_at(row, "/code") == "SUCCESS" {
        let id = row.get("details").and_then(id);
        return match (id, &write.id) {
            (Some(id), Some(known)) if id != *known => unreadable("the rows are in another order"),
            (Some(id), _) => Verdict::Done { id },
            (None, _) => unreadable("a record without an id"),
        };
    }
    let mut error = error(row);
    if error.code.is_empty() {
        return unreadable("a record without a result");
    }
    let names = |name: &str| error.fields.iter().any(|field| field == name);
    let is_mapped = error
        .fields
        .iter()
        .any(|field| write.fields.contains_key(field));
    if error.code == TAKEN && write.id.is_none() && !is_mapped {
        return again("it was made before: its key is taken");
    }
    if write.id.is_some() && (GONE.contains(&error.code.as_str()) || names("id")) {
        return again("it is no longer there");
    }
    let is_link = LINKS.into_iter().any(names);
    let shown = discreet(&error.message, write);
    let told = mem::replace(&mut error.message, shown);
    let verdict = manifest.verdict_told(&as_part(reply), &told, &error);
    // Somebody was deleted since the look-up: with the next attempt everybody is looked up again.
    if matches!(verdict, Verdict::Reject(_)) && is_link && write.id.is_none() {
        let fields = error.fields.join(", ");
        return Verdict::Retry {
            after: None,
            reason: format!("{} {} of {fields}", error.code, error.message),
        };
    }
    verdict
}

/// The reply as it would be if the record were the whole: a row has no status.
fn as_part(reply: &Reply) -> Reply {
    Reply {
        status: StatusCode::BAD_REQUEST,
        ..reply.clone()
    }
}

/// Wanted again at once, with the id that is then found by our key.
fn again(why: &str) -> Verdict {
    Verdict::Retry {
        after: Some(Duration::ZERO),
        reason: why.to_owned(),
    }
}

/// The verdict on a call that was refused as a whole, so that no record is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    let body = reply.json().unwrap_or_default();
    let mut error = error(&body);
    if reply.status == StatusCode::TOO_MANY_REQUESTS {
        error.code = limit(reply, &error).to_owned();
    }
    blameless(manifest.verdict(reply, &error), reply)
}

/// Both limits have one code: what is left of the credits, else the words, tell them apart.
fn limit(reply: &Reply, error: &Fields) -> &'static str {
    let left = reply
        .header(LEFT)
        .and_then(|left| left.trim().parse::<u64>().ok());
    let said = error.message.to_lowercase();
    if left == Some(0) || said.contains("credit") || said.contains("per day") {
        "NO_CREDITS"
    } else {
        "TOO_MANY_AT_ONCE"
    }
}

/// The error of a row, or of a whole answer: both have one form.
fn error(body: &Value) -> Fields {
    let detail = |name: &str| match body.pointer(&format!("/details/{name}")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let is_name = |name: &String| {
        let mut letters = name.bytes();
        letters.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$') && !name.is_empty()
    };
    let mut message = short(&text_at(body, "/message"));
    for (name, words) in [
        ("expected_data_type", "expected"),
        ("maximum_length", "at most"),
        ("column_name", "column"),
    ] {
        let told = short(&detail(name));
        if !told.is_empty() {
            message = format!("{message} ({words} {told})");
        }
    }
    Fields {
        code: text_at(body, "/code"),
        message: message.trim().to_owned(),
        fields: Some(detail("api_name"))
            .filter(is_name)
            .into_iter()
            .collect(),
    }
}
