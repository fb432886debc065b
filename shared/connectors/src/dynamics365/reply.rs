//! What an answer to a write means, record by record.

use std::time::Duration;

use hub_domain::{Plan, Verdict, Write};

use super::{
    batch::answers,
    body::has_state,
    error::{about, error, whole},
    id_of,
};
use crate::{connector::Fields, manifest::Manifest, operation::Reply, refusal::unreadable};

/// A rule of the customer found the same record under another id; the status of that is not certain.
const DUPLICATE: &str = "0x80040333";
/// Another record has the same values of an alternate key.
const KEY_TAKEN: &str = "0x80060892";
/// The record, or one that it refers to, is not there.
const GONE: &str = "0x80040217";

/// One verdict per write, plan by plan.
pub(super) fn written(manifest: &Manifest, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
    let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
    let Some(found) = answers(reply) else {
        let verdict = if reply.status.is_success() {
            unreadable("it is no batch")
        } else {
            whole(manifest, reply)
        };
        return vec![verdict; writes.len()];
    };
    let mut found = found.into_iter();
    writes
        .into_iter()
        .map(|write| match found.next() {
            Some(answer) => record(manifest, write, &answer),
            // It stopped at a failure, though it was told to go on.
            None => Verdict::Retry {
                after: None,
                reason: "the batch ended before this record".to_owned(),
            },
        })
        .collect()
}

/// The verdict on one record by the answer to its change set.
fn record(manifest: &Manifest, write: &Write, answer: &Reply) -> Verdict {
    if answer.status.is_success() {
        return Verdict::Done { id: id_of(write) };
    }
    let error = error(answer);
    let status = answer.status.as_u16();
    if write.id.is_none() && status == 412 && error.code != DUPLICATE && error.code != KEY_TAKEN {
        return again("it was made before: its id is taken");
    }
    // An update refers to nothing but its own record.
    if write.id.is_some() && status == 404 && error.code == GONE {
        return again("it is no longer there");
    }
    if write.id.is_some() && !has_state(write) && is_closed(&error) {
        return Verdict::Done { id: id_of(write) };
    }
    manifest.verdict_told(answer, &error.message, &about(&error, write))
}

/// Whether a person has completed or canceled the activity. The platform's code and words for it are not
/// documented.
fn is_closed(error: &Fields) -> bool {
    let said = error.message.to_lowercase();
    ["completed", "canceled", "closed", "inactive"]
        .iter()
        .any(|word| said.contains(word))
        && ["reopen", "read-only", "cannot be changed", "cannot update"]
            .iter()
            .any(|word| said.contains(word))
}

/// Wanted again at once, as the other of create and update.
fn again(why: &str) -> Verdict {
    Verdict::Retry {
        after: Some(Duration::ZERO),
        reason: why.to_owned(),
    }
}
