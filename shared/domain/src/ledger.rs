//! The ledger: one entry per session and connection, or per event and webhook, which is also the delivery
//! people see.
//!
//! A worker *claims* an entry (lease, intent and revision in one conditional write), applies the
//! plan, and records the *outcome*, again conditional on its claim. These are the rules of both;
//! the store turns them into statements.

mod unfinished;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::{CrmId, DeliveryId, EventId, OrganizationId},
    matching::Chosen,
    subject::Subject,
    verdict::{FieldFault, SkipReason},
};

pub use unfinished::{Attempt, Unfinished};

/// What a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// A worker holds it.
    Claimed,
    /// The CRM holds it.
    Delivered,
    /// Nothing was to be written.
    Skipped,
    /// It failed and comes again.
    Retrying,
    /// It waits for a limit or for a person to reconnect.
    Waiting,
    /// It waits outside the queue, for longer: the reason says for what, and until when.
    Held,
    /// It needs a person: the reason says what to do.
    Parked,
    /// It kept failing and lies in the dead-letter queue.
    DeadLettered,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is of, and where it goes.
    #[serde(flatten)]
    pub subject: Subject,
    /// The event that last moved it.
    pub event: EventId,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// The revision last claimed.
    pub revision: u64,
    /// The highest revision with a final outcome; 0 for none.
    #[serde(default)]
    pub settled: u64,
    /// Milliseconds since 1970 until which nobody else may claim it: `worker` holds it, or the next
    /// attempt is not due; 0 when anybody may.
    #[serde(default)]
    pub lease_until: i64,
    /// Who holds, or last held it.
    pub worker: String,
    /// Failures since the last success.
    #[serde(default)]
    pub failures: u32,
    /// The hash of the content the CRM holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The mapping it was planned with.
    #[serde(default)]
    pub mapping_version: u32,
    /// The CRM's id per key of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, String>,
    /// What the worker that claimed it last is at, and those whose claims it took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// What is left of attempts before.
    #[serde(default)]
    pub unfinished: Unfinished,
    /// Who was matched to what, and why not to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Chosen>,
    /// The verdict's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The fields the CRM refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FieldFault>,
    /// What of it is held, until the mark is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Who asked last that it be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<Retried>,
    /// Milliseconds since 1970 of the first claim.
    pub created_at: i64,
    /// Milliseconds since 1970 of the last write.
    pub updated_at: i64,
}

impl LedgerEntry {
    /// The delivery's id.
    pub fn id(&self) -> DeliveryId {
        self.subject.delivery()
    }

    /// Whether its revision ended without being written, and may be tried again: it is parked.
    pub fn was_given_up(&self) -> bool {
        let shown = match self.status {
            DeliveryStatus::Parked => true,
            DeliveryStatus::Claimed
            | DeliveryStatus::Delivered
            | DeliveryStatus::Skipped
            | DeliveryStatus::Retrying
            | DeliveryStatus::Waiting
            | DeliveryStatus::Held
            | DeliveryStatus::DeadLettered => false,
        };
        shown && self.settled >= self.revision
    }

    /// Why it cannot be tried again at `now`, in milliseconds since 1970; `None` when it can.
    pub fn not_retried(&self, now: i64) -> Option<NotRetried> {
        match self.status {
            DeliveryStatus::Delivered => Some(NotRetried::Delivered),
            DeliveryStatus::Skipped => Some(NotRetried::Skipped),
            DeliveryStatus::Claimed if self.lease_until > now => Some(NotRetried::AtWork),
            DeliveryStatus::Held
                if self
                    .held
                    .as_ref()
                    .is_some_and(|held| held.why == HeldFor::Plan) =>
            {
                Some(NotRetried::Plan)
            }
            DeliveryStatus::Claimed
            | DeliveryStatus::Retrying
            | DeliveryStatus::Waiting
            | DeliveryStatus::Held
            | DeliveryStatus::Parked
            | DeliveryStatus::DeadLettered => None,
        }
    }

    /// Whether its revision was begun and has no final outcome.
    pub fn is_open(&self) -> bool {
        self.revision > self.settled
    }
}

/// Why a delivery is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotRetried {
    /// The CRM holds it.
    Delivered,
    /// There was nothing to write, and would not be again.
    Skipped,
    /// A worker holds it.
    AtWork,
    /// The plan leaves no room for it.
    Plan,
    /// Its connection is not in use.
    NotInUse,
    /// It changed while it was looked at.
    Changed,
    /// A write of it may have been made, and its CRM cannot be asked.
    Doubt,
}

impl NotRetried {
    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Delivered => "it is delivered: there is nothing to try again",
            Self::Skipped => "there was nothing to write, so there is nothing to try again",
            Self::AtWork => "a worker is at it: ask again in a minute",
            Self::Plan => {
                "the plan leaves no room for it: it goes on with the next month or a larger plan"
            }
            Self::NotInUse => {
                "its connection is not in use: connect, approve or resume it, and what waits goes on by itself"
            }
            Self::Changed => "it changed just now: look at it again",
            Self::Doubt => {
                "it may be in the CRM already, which cannot be asked: look there, then try it again by itself"
            }
        }
    }
}

/// That somebody asked for another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// Who.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// Work that waits longer than a queue should hide a message: beside the ledger's own state, which
/// may go on meanwhile because of other events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Until when, in milliseconds since 1970.
    pub until: i64,
    /// The newest revision that is held.
    pub revision: u64,
    /// The events that are held.
    pub events: BTreeSet<EventId>,
    /// Why, for a person.
    pub reason: String,
    /// What it waits for.
    #[serde(default)]
    pub why: HeldFor,
    /// Which mark it is, among those that a delivery had: whoever takes it away names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
}

/// What held work waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldFor {
    /// Room in the plan. Its events are not counted yet, and others of the session may go on.
    #[default]
    Plan,
    /// A moment: a limit of the CRM ends, or the next attempt is due.
    Time,
    /// Somebody who takes its connection back into use.
    Connection,
}

/// `until` of what waits for its connection, in milliseconds since 1970: in the year 2286. The largest
/// that sorts among others by 13 digits; all that waits for a connection has the same place so.
pub const UNTIL_IN_USE: i64 = 9_999_999_999_999;

impl Held {
    /// Whether it is what a person should see of a delivery: not where a worker is at it, or was and
    /// wrote what is held together with another event, since a session is always written as it stands.
    pub fn shows(&self, status: DeliveryStatus, revision: u64, settled: u64) -> bool {
        let begun = revision > 0;
        let goes_on = match status {
            DeliveryStatus::Claimed => begun,
            // What waits for room in a plan is another event than the one that is at work.
            DeliveryStatus::Retrying | DeliveryStatus::Waiting => {
                begun && self.why == HeldFor::Plan
            }
            DeliveryStatus::Delivered
            | DeliveryStatus::Skipped
            | DeliveryStatus::Held
            | DeliveryStatus::Parked
            | DeliveryStatus::DeadLettered => false,
        };
        !goes_on && !self.is_written(settled)
    }

    /// Whether it was written together with another event.
    pub fn is_written(&self, settled: u64) -> bool {
        settled >= self.revision
    }
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what, and where to.
    pub subject: Subject,
    /// Because of which event.
    pub event: EventId,
    /// At which revision.
    pub revision: u64,
    /// The hash of the content at that revision.
    pub content: String,
    /// Who asks; unique to this attempt.
    pub worker: String,
    /// Now, in milliseconds since 1970.
    pub now: i64,
    /// When the lease ends, in milliseconds since 1970: just after the function's timeout.
    pub lease_until: i64,
    /// Whether the message came for the first time and the session has its first revision: then
    /// there is probably no entry yet.
    pub probably_new: bool,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome {
    /// It is ours until the lease ends. `failures` so far, and what the entry was before.
    Granted {
        /// The entry as it was, if there was one.
        before: Option<Box<LedgerEntry>>,
    },
    /// Nothing is to be done.
    Skip(SkipReason),
    /// Somebody else works on it, and is probably done long before the lease ends.
    Held {
        /// When the lease ends, in milliseconds since 1970.
        until: i64,
    },
    /// It waits after a failure or for a limit; before then nobody tries.
    NotDue {
        /// When it is due, in milliseconds since 1970.
        until: i64,
    },
}

/// Why a claim that the store refused was refused, by what stood there.
pub fn refused(claim: &Claim, standing: &LedgerEntry) -> ClaimOutcome {
    if standing.settled >= claim.revision {
        ClaimOutcome::Skip(SkipReason::Stale)
    } else if standing.lease_until > claim.now {
        let until = standing.lease_until;
        if standing.status == DeliveryStatus::Claimed {
            ClaimOutcome::Held { until }
        } else {
            ClaimOutcome::NotDue { until }
        }
    } else if standing.content.as_deref() == Some(&claim.content) {
        ClaimOutcome::Skip(SkipReason::SameContent)
    } else {
        // Only a race explains it: whoever won has let go since. Come again at once.
        ClaimOutcome::Held { until: claim.now }
    }
}

/// Whether a claim was refused only because a worker died on the entry: then it is taken over, with what
/// that worker may have written.
pub fn abandoned(claim: &Claim, standing: &LedgerEntry) -> bool {
    standing.status == DeliveryStatus::Claimed
        && standing.lease_until <= claim.now
        && standing.settled < claim.revision
        && standing.revision <= claim.revision
}

/// What a worker records.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What it was granted.
    pub claim: Claim,
    /// Where the delivery stands now.
    pub status: DeliveryStatus,
    /// Whether this revision has its final outcome.
    pub settled: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// Nobody may claim it before, in milliseconds since 1970; 0 for at once. A wait is the
    /// delivery's: other messages of it wait too, instead of each trying by itself.
    pub not_before: i64,
    /// The mapping it was planned with.
    pub mapping_version: u32,
    /// The CRM's id per key of ours.
    pub records: BTreeMap<String, String>,
    /// What is left of this attempt and those before.
    pub unfinished: Unfinished,
    /// Who was matched to what.
    pub matches: Vec<Chosen>,
    /// The verdict's name.
    pub verdict: &'static str,
    /// What a person should know.
    pub reason: String,
    /// The fields the CRM refused.
    pub faults: Vec<FieldFault>,
    /// The mark of what is held from now on, and its CRM: written with the outcome, if there is no
    /// other mark.
    pub hold: Option<(CrmId, Held)>,
    /// Now, in milliseconds since 1970.
    pub now: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(settled: u64, lease_until: i64, content: &str) -> LedgerEntry {
        LedgerEntry {
            organization: "org_1".parse().unwrap(),
            subject: Subject::session_to(&"conn_1".parse().unwrap(), &"ses_1".parse().unwrap()),
            event: "evt_1".parse().unwrap(),
            status: DeliveryStatus::Claimed,
            revision: 2,
            settled,
            lease_until,
            worker: "w1".to_owned(),
            failures: 0,
            content: Some(content.to_owned()),
            mapping_version: 0,
            records: BTreeMap::new(),
            attempt: None,
            unfinished: Unfinished::default(),
            matches: Vec::new(),
            verdict: String::new(),
            reason: String::new(),
            faults: Vec::new(),
            held: None,
            retried: None,
            created_at: 0,
            updated_at: 0,
        }
    }

    #[test]
    fn what_is_held_shows_until_it_is_written_or_a_worker_is_at_it() {
        let held = Held {
            until: 1,
            revision: 3,
            events: BTreeSet::new(),
            reason: String::new(),
            why: HeldFor::Plan,
            mark: String::new(),
        };
        let waits = Held {
            why: HeldFor::Connection,
            ..held.clone()
        };
        assert!(waits.shows(DeliveryStatus::Waiting, 3, 0));
        assert!(!waits.shows(DeliveryStatus::Claimed, 3, 0));
        assert!(!waits.shows(DeliveryStatus::Retrying, 3, 3));
        for (status, revision, settled, shows) in [
            (DeliveryStatus::Waiting, 0, 0, true),
            (DeliveryStatus::Waiting, 1, 0, false),
            (DeliveryStatus::Claimed, 3, 2, false),
            (DeliveryStatus::Retrying, 2, 1, false),
            (DeliveryStatus::Delivered, 2, 2, true),
            (DeliveryStatus::Delivered, 3, 3, false),
            (DeliveryStatus::Skipped, 4, 4, false),
            (DeliveryStatus::Parked, 2, 2, true),
            (DeliveryStatus::DeadLettered, 2, 0, true),
        ] {
            assert_eq!(
                held.shows(status, revision, settled),
                shows,
                "{status:?} {revision} {settled}"
            );
        }
    }

    #[test]
    fn a_refused_claim_is_told_apart_by_what_stands() {
        let claim = Claim {
            organization: "org_1".parse().unwrap(),
            subject: Subject::session_to(&"conn_1".parse().unwrap(), &"ses_1".parse().unwrap()),
            event: "evt_2".parse().unwrap(),
            revision: 3,
            content: "new".to_owned(),
            worker: "w2".to_owned(),
            now: 1_000,
            lease_until: 61_000,
            probably_new: false,
        };
        assert!(abandoned(&claim, &entry(2, 1_000, "")));
        assert!(!abandoned(&claim, &entry(2, 1_001, "")), "it is held");
        assert!(!abandoned(&claim, &entry(3, 0, "")), "it is stale");
        assert!(
            !abandoned(
                &Claim {
                    revision: 1,
                    ..claim.clone()
                },
                &entry(0, 0, "")
            ),
            "it is older"
        );
        assert_eq!(
            refused(&claim, &entry(3, 0, "old")),
            ClaimOutcome::Skip(SkipReason::Stale)
        );
        assert_eq!(
            refused(&claim, &entry(4, 9_000, "old")),
            ClaimOutcome::Skip(SkipReason::Stale)
        );
        assert_eq!(
            refused(&claim, &entry(2, 9_000, "new")),
            ClaimOutcome::Held { until: 9_000 }
        );
        let waiting = LedgerEntry {
            status: DeliveryStatus::Retrying,
            ..entry(2, 9_000, "old")
        };
        assert_eq!(
            refused(&claim, &waiting),
            ClaimOutcome::NotDue { until: 9_000 }
        );
        assert_eq!(
            refused(&claim, &entry(2, 1_000, "new")),
            ClaimOutcome::Skip(SkipReason::SameContent)
        );
        assert_eq!(
            refused(&claim, &entry(2, 0, "old")),
            ClaimOutcome::Held { until: 1_000 }
        );
    }
}
