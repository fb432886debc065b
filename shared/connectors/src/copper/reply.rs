//! What an answer to a write means, record by record.

use std::time::Duration;

use http::StatusCode;
use hub_domain::{Verdict, Write};
use serde_json::Value;

use super::{
    body::DETAILS,
    error::{is_gone, of_write, whole},
};
use crate::{manifest::Manifest, marker::key_in, operation::Reply, refusal::unreadable};

/// One verdict per write. One write is a call of its own; several are rows of one.
pub(super) fn written(manifest: &Manifest, writes: &[&Write], reply: &Reply) -> Vec<Verdict> {
    let body = reply.json().unwrap_or_default();
    match writes {
        [write] if reply.status.is_success() => vec![made(write, &body)],
        [write] if reply.status == StatusCode::NOT_FOUND && write.id.is_some() => vec![again()],
        [write] => vec![of_write(manifest, write, reply, &body)],
        _ if reply.status.is_success() => {
            let Some(rows) = body.as_array() else {
                return vec![unreadable("it has no rows"); writes.len()];
            };
            let writes = writes.iter().enumerate();
            writes
                .map(|(place, write)| row(manifest, write, rows, place, reply))
                .collect()
        }
        _ => vec![whole(manifest, reply); writes.len()],
    }
}

/// Rows come in the order of the request. A success that is about another record is none of ours: then ours is
/// looked for among the others.
fn row(manifest: &Manifest, write: &Write, rows: &[Value], place: usize, reply: &Reply) -> Verdict {
    if let Some(found) = rows.iter().find(|row| is_row_of(row, write)) {
        return made(write, found);
    }
    match rows.get(place).filter(|row| is_refusal(row)) {
        Some(refusal) if is_gone(refusal) && write.id.is_some() => again(),
        Some(refusal) => {
            let gone = is_gone(refusal);
            let status = if gone {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let part = Reply {
                status,
                ..reply.clone()
            };
            of_write(manifest, write, &part, refusal)
        }
        None => unreadable("a record without a row"),
    }
}

fn is_refusal(row: &Value) -> bool {
    row.get("success") == Some(&Value::Bool(false))
}

/// Whether a row is that of a record that was written: by its id, or by our key.
fn is_row_of(row: &Value, write: &Write) -> bool {
    if is_refusal(row) {
        return false;
    }
    if let Some(known) = &write.id {
        return id(row).as_ref() == Some(known);
    }
    let details = row.get(DETAILS).and_then(Value::as_str);
    details.and_then(key_in) == Some(write.key.as_str())
}

fn id(row: &Value) -> Option<String> {
    row.get("id")
        .and_then(Value::as_u64)
        .map(|id| id.to_string())
}

fn made(write: &Write, row: &Value) -> Verdict {
    if write.id.is_some() && row.get("is_deleted") == Some(&Value::Bool(true)) {
        return again();
    }
    id(row).map_or_else(
        || unreadable("a record without an id"),
        |id| Verdict::Done { id },
    )
}

/// Wanted again at once, as a create.
fn again() -> Verdict {
    Verdict::Retry {
        after: Some(Duration::ZERO),
        reason: "it is no longer there".to_owned(),
    }
}
