//! What is done about a write of which nobody knows whether it was made, by the manifest's kind.
//!
//! Only a write that makes a record matters: an update, a state, a relation bears repetition.

use std::time::Duration;

use hub_connectors::{Idempotency, Manifest, Reply};
use hub_domain::{Timestamp, Verdict, Write, ledger::Attempt, plan};

/// How much earlier than the CRM we count a key of a request as forgotten: the clocks of workers differ,
/// and a request takes its time.
const MARGIN: Duration = Duration::from_mins(1);

/// What is done about a write.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// It is sent, and marked as an attempt that may have begun before.
    Send(Attempt),
    /// It is sent under the id that we chose, which makes or updates it.
    SendAs(String),
    /// It is looked for first; it was not there before this moment.
    LookFor(Timestamp),
    /// It goes no further for now.
    Stop(Verdict),
}

/// Whether the kind has to know of writes in doubt: where our key is unique in the CRM, it need not.
pub(super) fn matters(kind: Idempotency) -> bool {
    match kind {
        Idempotency::Upsert | Idempotency::UniqueKey => false,
        Idempotency::ClientId
        | Idempotency::IdempotencyKey
        | Idempotency::ReadBack
        | Idempotency::None => true,
    }
}

/// What is done about a write, if attempts to make it are in doubt. `own` is the attempt that it would be.
pub(super) fn next(
    manifest: &Manifest,
    write: &Write,
    doubt: Option<&Attempt>,
    own: &Attempt,
    now: Timestamp,
) -> Next {
    let Some(doubt) = doubt else {
        return Next::Send(own.clone());
    };
    match manifest.idempotency {
        Idempotency::Upsert | Idempotency::UniqueKey => Next::Send(own.clone()),
        Idempotency::ClientId => Next::SendAs(plan::client_id(&write.key)),
        Idempotency::IdempotencyKey => {
            let window = manifest.idempotency_key.map_or(0, |key| key.window_s);
            let window = Duration::from_secs(window).saturating_sub(MARGIN);
            let is_remembered = since(doubt, now) < window;
            if is_remembered && !own.content.is_empty() && doubt.content == own.content {
                Next::Send(doubt.clone())
            } else {
                look_for(manifest, doubt, now)
            }
        }
        Idempotency::ReadBack => look_for(manifest, doubt, now),
        Idempotency::None => Next::Stop(parked(write)),
    }
}

/// At most once: a person has to look.
pub(super) fn parked(write: &Write) -> Verdict {
    Verdict::Misconfigured {
        reason: format!(
            "nobody knows whether {} was made, and this CRM cannot be asked: look whether it is there",
            write.key
        ),
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn since(attempt: &Attempt, now: Timestamp) -> Duration {
    // A clock that is behind: nothing has passed.
    Duration::try_from(now.duration_since(moment(attempt.since))).unwrap_or_default()
}

fn look_for(manifest: &Manifest, doubt: &Attempt, now: Timestamp) -> Next {
    let settle = Duration::from_secs(manifest.read_back.settle_s);
    let shows_at = moment(doubt.last).checked_add(settle).unwrap_or(now);
    if now < shows_at {
        return Next::Stop(super::call::pause(shows_at));
    }
    // The CRM's clock is another.
    let earliest = moment(doubt.since).checked_sub(MARGIN);
    Next::LookFor(earliest.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The key that a CRM may remember a write by: the same for the same attempt, another for any other. What
/// is sent again at once, since the CRM refused it, is another: it would be answered the same.
pub(super) fn token(write: &Write, attempt: &Attempt, round: usize) -> String {
    let Attempt { since, content, .. } = attempt;
    plan::client_id(&format!("{} {since} {content} {round}", write.key))
}

/// Whether an answer leaves open what became of a write: the server failed at it, or what it said of it
/// cannot be read.
pub(super) fn leaves_open(reply: &Reply, verdict: &Verdict) -> bool {
    let failed = reply.status.is_server_error() || reply.status.as_u16() == 408;
    match verdict {
        Verdict::Done { id } => id.is_empty(),
        Verdict::Bug { .. } => failed || reply.status.is_success(),
        Verdict::Skip(_)
        | Verdict::Retry { .. }
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. } => failed,
    }
}
