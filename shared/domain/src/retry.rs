//! From a verdict to what the queue does, and how long a wait is.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    connection::Cause,
    ledger::DeliveryStatus,
    queue::QueueAction,
    verdict::{FieldFault, Verdict},
};

/// The first wait; each further one is twice as long: 1 s, 2 s, 4 s …
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait by message visibility. Longer ones are held work.
pub const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// The longest that work is held for a limit, or for what a CRM asked for: no limit that we know lasts
/// longer than a day, so after one the CRM is asked again, whatever it said.
pub const LONGEST_HOLD: Duration = Duration::from_hours(24);
/// After this many failures a message goes to the dead-letter queue. With full jitter that is two and
/// a half hours after the first on average, and hardly ever less than an hour and a half (with 20, one
/// message in nine would not outlive an outage of an hour).
pub const MAX_FAILURES: u32 = 30;

/// The wait before the next attempt, with full jitter: `unit` (0 to 1) of the doubled wait.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
pub fn backoff(failures: u32, unit: f64) -> Duration {
    let doubled =
        FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
    doubled.min(LONGEST_WAIT).mul_f64(unit.clamp(0.0, 1.0))
}

/// The wait until a moment.
pub fn wait_until(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

/// How failures are answered: when the next attempt is, and what is done when there is no further one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Of a CRM: waits double, and after [`MAX_FAILURES`] somebody of ours looks.
    Doubling,
    /// Of a customer's own receiver: the waits of [`LISTED`], and after them the customer looks.
    Listed,
}

/// The waits between attempts at a webhook, each taken a fifth longer or shorter at random: eight attempts
/// within about 28 hours. It is Svix's default, so that what customers know of webhooks holds here.
/// <https://docs.svix.com/retries>
pub const LISTED: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];

impl Pace {
    /// What follows after so many failures, this one included. A wait that was asked for is kept to, and
    /// spread so that not all come back at once; of listed waits and what was asked for the longer counts.
    fn failed(
        self,
        failures: u32,
        after: Option<Duration>,
        reason: &str,
        unit: f64,
        now: Timestamp,
    ) -> Next {
        let step = |action, status, settled, reason: String| Next {
            action,
            status,
            settled,
            failures,
            reason,
            faults: Vec::new(),
        };
        let again = |action| step(action, DeliveryStatus::Retrying, false, reason.to_owned());
        let words = || format!("failed {failures} times, last: {reason}");
        match self {
            Self::Doubling if failures >= MAX_FAILURES => {
                let action = QueueAction::DeadLetter(words());
                step(action, DeliveryStatus::DeadLettered, false, words())
            }
            Self::Doubling => again(after.map_or_else(
                || QueueAction::Again(backoff(failures, unit)),
                |after| later(after, now, unit),
            )),
            Self::Listed => {
                let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
                let Some(wait) = LISTED.get(place) else {
                    return step(QueueAction::Delete, DeliveryStatus::Parked, true, words());
                };
                let wait = wait.mul_f64(0.8 + 0.4 * unit.clamp(0.0, 1.0));
                again(later(wait.max(after.unwrap_or_default()), now, unit))
            }
        }
    }
}

/// A wait from now on: in the queue as long as that goes, else held.
fn later(wait: Duration, now: Timestamp, unit: f64) -> QueueAction {
    if wait <= LONGEST_WAIT {
        return QueueAction::Again((wait + FIRST_WAIT.mul_f64(unit)).min(LONGEST_WAIT));
    }
    let until = now.saturating_add(wait.min(LONGEST_HOLD)).unwrap_or(now);
    QueueAction::Hold { until: Some(until) }
}

/// What becomes of a message and of its delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// What the queue does.
    pub action: QueueAction,
    /// Where the delivery stands.
    pub status: DeliveryStatus,
    /// Whether this revision has its final outcome.
    pub settled: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// What a person should know.
    pub reason: String,
    /// The fields the CRM refused.
    pub faults: Vec<FieldFault>,
}

/// The one place where a verdict becomes an action. `failures` counts those before this attempt;
/// `unit` (0 to 1) is the jitter.
pub fn next(verdict: &Verdict, failures: u32, unit: f64, now: Timestamp) -> Next {
    at_pace(Pace::Doubling, verdict, failures, unit, now)
}

/// The same at the pace of the destination.
pub fn at_pace(pace: Pace, verdict: &Verdict, failures: u32, unit: f64, now: Timestamp) -> Next {
    let step = |action, status, settled, reason: String| Next {
        action,
        status,
        settled,
        failures,
        reason,
        faults: Vec::new(),
    };
    match verdict {
        Verdict::Done { .. } => Next {
            failures: 0,
            ..step(
                QueueAction::Delete,
                DeliveryStatus::Delivered,
                true,
                String::new(),
            )
        },
        Verdict::Skip(reason) => step(
            QueueAction::Delete,
            DeliveryStatus::Skipped,
            true,
            reason.words().to_owned(),
        ),
        Verdict::Retry { after, reason } => pace.failed(failures + 1, *after, reason, unit, now),
        Verdict::Throttle { until, .. } => step(
            later(wait_until(*until, now), now, unit),
            DeliveryStatus::Waiting,
            false,
            format!(
                "it waits until {until}: for a limit of the CRM, for a token, or for a CRM that does not answer"
            ),
        ),
        // The engine refreshes and sends again itself; what is left of it here is a race.
        Verdict::Refresh => step(
            QueueAction::Again(FIRST_WAIT),
            DeliveryStatus::Retrying,
            false,
            "the access token expired".to_owned(),
        ),
        Verdict::Reauthorize { cause, reason } => step(
            QueueAction::Hold { until: None },
            DeliveryStatus::Waiting,
            false,
            if *cause == Cause::NotInUse {
                format!("it goes on once its destination is in use: {reason}")
            } else {
                format!("the connection has to be connected again: {reason}")
            },
        ),
        Verdict::Reject(faults) => {
            let reason = "the CRM refused the record".to_owned();
            Next {
                faults: faults.clone(),
                ..step(QueueAction::Delete, DeliveryStatus::Parked, true, reason)
            }
        }
        Verdict::Misconfigured { reason } => step(
            QueueAction::Delete,
            DeliveryStatus::Parked,
            true,
            reason.clone(),
        ),
        Verdict::Bug { reason } => step(
            QueueAction::DeadLetter(reason.clone()),
            DeliveryStatus::DeadLettered,
            false,
            reason.clone(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Scope, SkipReason};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn retry() -> Verdict {
        Verdict::Retry {
            after: None,
            reason: "503".to_owned(),
        }
    }

    #[test]
    fn waits_double_with_full_jitter_up_to_fifteen_minutes() {
        let full: Vec<u64> = (1..=12).map(|n| backoff(n, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(backoff(3, 0.0), Duration::ZERO);
        assert_eq!(backoff(3, 0.5), Duration::from_secs(2));
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST_WAIT);
    }

    #[test]
    fn a_webhook_is_tried_eight_times_then_its_owner_looks() {
        let at =
            |failures, unit, verdict: &Verdict| at_pace(Pace::Listed, verdict, failures, unit, NOW);
        let held = |seconds: i64| QueueAction::Hold {
            until: Some(Timestamp::from_second(seconds).unwrap()),
        };
        let again = |seconds| QueueAction::Again(Duration::from_secs(seconds));
        // In the middle of the jitter, which adds half a second to what waits in the queue.
        let half = Duration::from_millis(500);
        let expected = [
            QueueAction::Again(Duration::from_secs(5) + half),
            QueueAction::Again(Duration::from_mins(5) + half),
            held(30 * 60),
            held(2 * 3_600),
            held(5 * 3_600),
            held(10 * 3_600),
            held(10 * 3_600),
        ];
        for (failures, action) in (0..).zip(expected) {
            let next = at(failures, 0.5, &retry());
            assert_eq!(next.action, action, "{failures}");
            assert_eq!((next.failures, next.settled), (failures + 1, false));
        }
        let last = at(7, 0.5, &retry());
        assert_eq!((last.action, last.settled), (QueueAction::Delete, true));
        assert_eq!(last.status, DeliveryStatus::Parked);
        assert_eq!(last.reason, "failed 8 times, last: 503");
        assert_eq!(at(0, 0.0, &retry()).action, again(4));
        assert_eq!(at(0, 1.0, &retry()).action, again(7));
        // What the receiver asks for counts where it is longer, up to a day.
        let asks = |seconds| Verdict::Retry {
            after: Some(Duration::from_secs(seconds)),
            reason: "429".to_owned(),
        };
        assert_eq!(at(0, 0.0, &asks(60)).action, again(60));
        assert_eq!(at(2, 0.5, &asks(60)).action, held(30 * 60));
        assert_eq!(at(0, 0.0, &asks(999_999)).action, held(86_400));
    }

    #[test]
    fn every_verdict_has_its_action() {
        let fault = FieldFault {
            field: "Status".to_owned(),
            code: "BAD".to_owned(),
            message: "choose another".to_owned(),
        };
        let cases = [
            (
                Verdict::Done { id: "1".to_owned() },
                QueueAction::Delete,
                DeliveryStatus::Delivered,
                true,
                0,
            ),
            (
                Verdict::Skip(SkipReason::Stale),
                QueueAction::Delete,
                DeliveryStatus::Skipped,
                true,
                3,
            ),
            (
                retry(),
                QueueAction::Again(Duration::from_secs(8)),
                DeliveryStatus::Retrying,
                false,
                4,
            ),
            (
                Verdict::Retry {
                    after: Some(Duration::from_secs(30)),
                    reason: "429".to_owned(),
                },
                QueueAction::Again(Duration::from_secs(31)),
                DeliveryStatus::Retrying,
                false,
                4,
            ),
            (
                Verdict::Throttle {
                    until: "1970-01-01T00:01:00Z".parse().unwrap(),
                    scope: Scope::Connection,
                },
                QueueAction::Again(Duration::from_secs(61)),
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                Verdict::Throttle {
                    until: "1970-01-01T00:15:00Z".parse().unwrap(),
                    scope: Scope::App,
                },
                QueueAction::Again(LONGEST_WAIT),
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                Verdict::Throttle {
                    until: "1970-01-01T00:15:01Z".parse().unwrap(),
                    scope: Scope::App,
                },
                QueueAction::Hold {
                    until: Some("1970-01-01T00:15:01Z".parse().unwrap()),
                },
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                // Nobody waits for years because of a wrong header.
                Verdict::Throttle {
                    until: "1999-01-01T00:00:00Z".parse().unwrap(),
                    scope: Scope::App,
                },
                QueueAction::Hold {
                    until: Some("1970-01-02T00:00:00Z".parse().unwrap()),
                },
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                Verdict::Retry {
                    after: Some(Duration::from_hours(1)),
                    reason: "503".to_owned(),
                },
                QueueAction::Hold {
                    until: Some("1970-01-01T01:00:00Z".parse().unwrap()),
                },
                DeliveryStatus::Retrying,
                false,
                4,
            ),
            (
                Verdict::Reauthorize {
                    cause: crate::Cause::NotInUse,
                    reason: "paused".to_owned(),
                },
                QueueAction::Hold { until: None },
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                Verdict::Refresh,
                QueueAction::Again(FIRST_WAIT),
                DeliveryStatus::Retrying,
                false,
                3,
            ),
            (
                Verdict::Reauthorize {
                    cause: crate::Cause::Revoked,
                    reason: "revoked".to_owned(),
                },
                QueueAction::Hold { until: None },
                DeliveryStatus::Waiting,
                false,
                3,
            ),
            (
                Verdict::Reject(vec![fault]),
                QueueAction::Delete,
                DeliveryStatus::Parked,
                true,
                3,
            ),
            (
                Verdict::Misconfigured {
                    reason: "no field".to_owned(),
                },
                QueueAction::Delete,
                DeliveryStatus::Parked,
                true,
                3,
            ),
            (
                Verdict::Bug {
                    reason: "odd".to_owned(),
                },
                QueueAction::DeadLetter("odd".to_owned()),
                DeliveryStatus::DeadLettered,
                false,
                3,
            ),
        ];
        for (verdict, action, status, settled, failures) in cases {
            let found = next(&verdict, 3, 1.0, NOW);
            assert_eq!(
                (&found.action, found.status, found.settled, found.failures),
                (&action, status, settled, failures),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn what_keeps_failing_ends_in_the_dead_letter_queue() {
        assert!(matches!(
            next(&retry(), MAX_FAILURES - 2, 1.0, NOW).action,
            QueueAction::Again(_)
        ));
        assert!(matches!(
            next(&retry(), MAX_FAILURES - 1, 1.0, NOW).action,
            QueueAction::DeadLetter(_)
        ));
    }

    #[test]
    fn waiting_for_a_limit_is_no_failure() {
        let throttle = Verdict::Throttle {
            until: "1970-01-01T00:01:00Z".parse().unwrap(),
            scope: Scope::Connection,
        };
        assert_eq!(
            next(&throttle, MAX_FAILURES, 0.0, NOW).failures,
            MAX_FAILURES
        );
    }
}
