//! What an answer to a write means, record by record.

use std::time::Duration;

use hub_domain::{Plan, Verdict, Write};
use serde_json::Value;

use super::{
    error::{GONE, NO_PROPERTY, errors, is_conflict},
    read::{holds_key, id},
};
use crate::{
    connector::Fields,
    manifest::Manifest,
    operation::Reply,
    refusal::{discreet, rejected, unreadable},
};

/// One verdict per write, plan by plan.
pub(super) fn written(manifest: &Manifest, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
    let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
    let body = reply.json().unwrap_or_default();
    if !reply.status.is_success() {
        return refused(manifest, plans.len(), &writes, reply, &body);
    }
    let Some(results) = body.get("results").and_then(Value::as_array) else {
        return vec![unreadable("it has no results"); writes.len()];
    };
    let refusals = list(&body, "errors");
    writes
        .into_iter()
        .map(|write| record(manifest, write, results, refusals, reply))
        .collect()
}

/// A list in a JSON object; empty when there is none.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The verdict on one record of a batch that was carried out, whole or in part.
fn record(
    manifest: &Manifest,
    write: &Write,
    results: &[Value],
    refusals: &[Value],
    reply: &Reply,
) -> Verdict {
    if let Some(result) = results.iter().find(|result| is_result_of(result, write)) {
        return id(result).map_or_else(
            || unreadable("a record without an id"),
            |id| Verdict::Done { id },
        );
    }
    let own = refusals.iter().find(|refusal| names(refusal, write));
    // An error that names nobody may be about anybody.
    let stray = || refusals.iter().find(|refusal| names_nobody(refusal));
    match (own.or_else(stray), &write.id) {
        (Some(refusal), _) => {
            let found = errors(refusal, reply.status);
            let part = as_part(reply, &found);
            judge(manifest, &part, &found, write)
        }
        // An update of a record that is gone may be answered with nothing at all.
        (None, Some(_)) => again("it is no longer there"),
        (None, None) => unreadable("a record without a result"),
    }
}

/// Results come in any order.
fn is_result_of(result: &Value, write: &Write) -> bool {
    match (
        result.get("objectWriteTraceId").and_then(Value::as_str),
        &write.id,
    ) {
        (Some(trace), _) => trace == write.key,
        (None, Some(known)) => id(result).as_ref() == Some(known),
        // A title may be the same as another record's key: what is mapped is never the key.
        (None, None) => holds_key(result, &write.key, |name| !write.fields.contains_key(name)),
    }
}

fn context<'a>(refusal: &'a Value, name: &str) -> &'a [Value] {
    list(refusal.get("context").unwrap_or(&Value::Null), name)
}

fn names(refusal: &Value, write: &Write) -> bool {
    let has = |name: &str, wanted: &str| {
        context(refusal, name)
            .iter()
            .any(|value| value.as_str() == Some(wanted))
    };
    has("objectWriteTraceId", &write.key)
        || write
            .id
            .as_deref()
            .is_some_and(|id| has("ids", id) || has("id", id))
}

fn names_nobody(refusal: &Value) -> bool {
    ["objectWriteTraceId", "ids", "id"]
        .iter()
        .all(|name| context(refusal, name).is_empty())
}

/// The reply as it would be if this record's error were the whole: an error within a batch has no status.
fn as_part(reply: &Reply, errors: &[Fields]) -> Reply {
    let is = |code: &str| errors.iter().any(|error| error.code == code);
    let status = if is(GONE) {
        http::StatusCode::NOT_FOUND
    } else {
        http::StatusCode::BAD_REQUEST
    };
    Reply {
        status,
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

/// The verdict on one record by the errors that are about it: all of its faults, unless one is no fault of
/// it.
fn judge(manifest: &Manifest, reply: &Reply, errors: &[Fields], write: &Write) -> Verdict {
    let mut faults = Vec::new();
    for error in errors {
        let mapped: Vec<String> = mapped_fields(write, error);
        if is_conflict(&error.code) && write.id.is_none() && mapped.is_empty() {
            return again("it was made before: its key is taken");
        }
        if error.code == GONE && write.id.is_some() {
            return again("it is no longer there");
        }
        let told = &error.message;
        let error = Fields {
            code: error.code.clone(),
            message: discreet(told, write),
            fields: if mapped.is_empty() {
                error.fields.clone()
            } else {
                mapped.clone()
            },
        };
        match rejected(manifest.verdict_told(reply, told, &error)) {
            Ok(found) => faults.extend(found),
            Err(Verdict::Misconfigured { .. })
                if error.code == NO_PROPERTY && !mapped.is_empty() =>
            {
                faults.extend(mapped.into_iter().map(|field| hub_domain::FieldFault {
                    field,
                    code: error.code.clone(),
                    message: error.message.clone(),
                }));
            }
            Err(verdict) => return verdict,
        }
    }
    Verdict::Reject(faults)
}

/// The properties of the mapping that an error names. One that it names and the mapping lacks may be ours:
/// the key property.
fn mapped_fields(write: &Write, error: &Fields) -> Vec<String> {
    let is_named = |name: &str| {
        let mut words = error
            .message
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        error.fields.iter().any(|field| field == name)
            || (error.code == NO_PROPERTY && words.any(|word| word == name))
    };
    let names = write.fields.keys();
    names.filter(|name| is_named(name)).cloned().collect()
}

/// The verdicts on a call that was refused as a whole: nothing was written, and one of the records may be
/// to blame.
fn refused(
    manifest: &Manifest,
    plans: usize,
    writes: &[&Write],
    reply: &Reply,
    body: &Value,
) -> Vec<Verdict> {
    let found = errors(body, reply.status);
    let is_named = |write: &Write| {
        found
            .iter()
            .any(|error| !mapped_fields(write, error).is_empty())
    };
    // A property that is missing keeps every record out that has it, and no other.
    let is_missing = found.iter().all(|error| error.code == NO_PROPERTY);
    let named = writes.iter().filter(|write| is_named(write)).count();
    let verdict = |write: &&Write| {
        match judge(manifest, reply, &found, write) {
        Verdict::Reject(_) if !is_missing && plans > 1 => Verdict::Retry {
            after: None,
            reason: format!(
                "refused together with records of other sessions, and tried again apart from them: {}",
                found.first().map_or("", |error| error.code.as_str())
            )
            .trim_end_matches([' ', ':'])
            .to_owned(),
        },
        Verdict::Reject(_) | Verdict::Misconfigured { .. } if named > 0 && !is_named(write) => {
            again("refused together with another record")
        }
        Verdict::Reject(faults)
            if faults.iter().any(|fault| fault.message == "the request cannot be read") =>
        {
            Verdict::Bug {
                reason: "a call that was refused as a whole: the request cannot be read".to_owned(),
            }
        }
        verdict @ (Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Retry { .. }
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. }) => verdict,
    }
    };
    writes.iter().map(verdict).collect()
}
