//! What is done about a write of which nobody knows whether it was made, by the manifest's kind.
//!
//! Only a write that makes a record matters: an update, a state, a relation bears repetition.

use std::time::Duration;

use hub_connectors::{Idempotency, KeyOf, Manifest, Operation, Reply};
use hub_domain::{Timestamp, Verdict, Write, ledger::Attempt, plan};

/// How much earlier than the CRM we count a key of a request as forgotten: the clocks of workers differ,
/// and a request takes its time.
const MARGIN: Duration = Duration::from_mins(1);

/// Whether a key of a request is of all that a call writes.
pub(super) fn is_shared(manifest: &Manifest) -> bool {
    let of = manifest.idempotency_key.map(|key| key.of);
    manifest.idempotency == Idempotency::IdempotencyKey && of == Some(KeyOf::Call)
}

/// Whether the key of this call stands for more than one record that it makes: a repeat of one of them
/// would have another key.
pub(super) fn shares_its_key(manifest: &Manifest, operation: &Operation) -> bool {
    let Operation::Write { plans } = operation else {
        return false;
    };
    let writes = plans.iter().flat_map(|plan| &plan.writes);
    is_shared(manifest) && writes.filter(|write| write.creates()).count() > 1
}

/// What is done about a write.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// It is sent, and marked as an attempt that may have begun before.
    Send(Attempt),
    /// It is looked for first; it was not there before this moment.
    LookFor(Timestamp),
    /// It goes no further for now.
    Stop(Verdict),
}

/// Whether the kind has to know of writes in doubt: where our key, or the id that we make of it, is
/// unique in the CRM, it need not.
pub(super) fn matters(kind: Idempotency) -> bool {
    match kind {
        Idempotency::Upsert | Idempotency::UniqueKey | Idempotency::ClientId => false,
        Idempotency::IdempotencyKey | Idempotency::ReadBack | Idempotency::None => true,
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
        // What is there already is refused, and then updated.
        Idempotency::Upsert | Idempotency::UniqueKey | Idempotency::ClientId => {
            Next::Send(own.clone())
        }
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
            "nobody knows whether {} was made, and this CRM cannot be asked: look whether it is there; a retry of this delivery sends it again",
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

/// Whether an answer leaves open what became of a write: the server failed at it
/// ([`Connector::failed`](hub_connectors::Connector::failed)), or what it said of it cannot be read.
pub(super) fn leaves_open(reply: &Reply, failed: bool, verdict: &Verdict) -> bool {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hub_domain::{SkipReason, mapping::RecordKind};

    use super::*;

    const CONTENT: &str = "0123456789abcdef";

    fn manifest(kind: &str) -> Manifest {
        let text = format!(
            r#"
            title = "T"
            {kind}
            api = {{ version = "v1", host_patterns = ["api.crm.example"] }}
            batch = {{ plans = 1, writes = 1, lookup = 1 }}
            "#
        );
        Manifest::parse("acme", &text).unwrap()
    }

    fn write() -> Write {
        Write {
            key: "ses_1".to_owned(),
            id: None,
            kind: RecordKind::Meeting,
            object: "meetings".to_owned(),
            fields: BTreeMap::new(),
            people: Vec::new(),
            company: None,
            step: None,
            after: BTreeMap::new(),
            optional: false,
            token: String::new(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is done at a second about an attempt of the seconds 1000 to 1100.
    fn found(kind: &str, content: &str, second: i64) -> Next {
        let doubt = Attempt {
            last: 1_100_000,
            ..Attempt::at(1_000_000, content)
        };
        let own = Attempt::at(second * 1_000, CONTENT);
        next(&manifest(kind), &write(), Some(&doubt), &own, at(second))
    }

    #[test]
    fn what_is_in_no_doubt_is_sent() {
        let own = Attempt::at(5, CONTENT);
        for kind in ["upsert", "unique_key", "client_id", "read_back", "none"] {
            let manifest = manifest(&format!("idempotency = \"{kind}\""));
            let sent = next(&manifest, &write(), None, &own, at(9));
            assert_eq!(sent, Next::Send(own.clone()), "{kind}");
        }
    }

    #[test]
    fn a_key_of_a_request_counts_from_the_first_attempt_and_for_the_same_content() {
        let kind = "idempotency = \"idempotency_key\"\nidempotency_key = { window_s = 1800 }\nread_back = { settle_s = 30 }";
        let again = Attempt {
            last: 1_100_000,
            ..Attempt::at(1_000_000, CONTENT)
        };
        // A minute before the CRM forgets it, we do.
        assert_eq!(found(kind, CONTENT, 2_739), Next::Send(again));
        let look = Next::LookFor(at(940));
        assert_eq!(found(kind, CONTENT, 2_740), look);
        assert_eq!(found(kind, "other", 1_130), look);
        assert_eq!(
            found(kind, "", 1_130),
            look,
            "attempts of different content"
        );
        let wait = super::super::call::pause(at(1_130));
        assert_eq!(found(kind, "other", 1_129), Next::Stop(wait));
    }

    #[test]
    fn what_can_be_asked_is_looked_for_and_what_cannot_is_parked() {
        let kind = "idempotency = \"read_back\"";
        let wait = super::super::call::pause(at(1_160));
        assert_eq!(
            found(kind, CONTENT, 1_159),
            Next::Stop(wait),
            "60 s unless it says"
        );
        assert_eq!(found(kind, CONTENT, 1_160), Next::LookFor(at(940)));
        assert!(matches!(
            found("idempotency = \"client_id\"", CONTENT, 9_999),
            Next::Send(_)
        ));
        let parked = Next::Stop(parked(&write()));
        assert_eq!(found("idempotency = \"none\"", CONTENT, 9_999), parked);
    }

    #[test]
    fn a_token_is_of_one_attempt_at_one_write() {
        let one = token(&write(), &Attempt::at(5, CONTENT), 0);
        let later = Attempt {
            last: 99,
            ..Attempt::at(5, CONTENT)
        };
        assert_eq!(one, token(&write(), &later, 0));
        for other in [
            token(&write(), &Attempt::at(6, CONTENT), 0),
            token(&write(), &Attempt::at(5, "other"), 0),
            token(&write(), &later, 1),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn an_answer_that_tells_nothing_leaves_a_write_open() {
        let reply = |status| Reply {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            at: at(0),
        };
        let done = |id: &str| Verdict::Done { id: id.to_owned() };
        let retry = || Verdict::Retry {
            after: None,
            reason: String::new(),
        };
        let bug = || Verdict::Bug {
            reason: String::new(),
        };
        for (status, verdict, open) in [
            (200, done("1"), false),
            (200, done(""), true),
            (200, bug(), true),
            (200, retry(), false),
            (400, bug(), false),
            (423, retry(), false),
            (408, retry(), true),
            (503, retry(), true),
            (500, Verdict::Skip(SkipReason::Stale), true),
            (401, Verdict::Refresh, false),
        ] {
            let failed = status == 408 || status >= 500;
            let found = leaves_open(&reply(status), failed, &verdict);
            assert_eq!(found, open, "{status} {verdict:?}");
        }
        assert!(
            leaves_open(&reply(200), true, &retry()),
            "said within a 200"
        );
    }

    #[test]
    fn a_key_of_a_call_stands_for_one_record_only() {
        let key = |of: &str| {
            manifest(&format!(
                "idempotency = \"idempotency_key\"\nidempotency_key = {{ window_s = 1800, of = \"{of}\" }}"
            ))
        };
        let call = |writes: &[Write]| Operation::Write {
            plans: vec![hub_domain::Plan {
                delivery: "dlv_1.1".parse().unwrap(),
                connection: "conn_1".parse().unwrap(),
                session: "ses_1".parse().unwrap(),
                revision: 1,
                mapping_version: 0,
                writes: writes.to_vec(),
            }],
        };
        let known = Write {
            id: Some("7".to_owned()),
            ..write()
        };
        for (of, writes, shared) in [
            ("call", vec![write(), write()], true),
            ("call", vec![write(), known.clone()], false),
            ("call", vec![known.clone(), known], false),
            ("write", vec![write(), write()], false),
        ] {
            assert_eq!(shares_its_key(&key(of), &call(&writes)), shared, "{of}");
        }
        assert!(is_shared(&key("call")) && !is_shared(&key("write")));
    }
}
