//! The stages of a plan: what can be sent now, what has to wait for that, and what came of each write.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hub_connectors::Manifest;
use hub_domain::{
    FieldFault, Plan, Timestamp, Verdict, Write,
    ledger::{Attempt, Unfinished},
};

use super::{call::ARRIVES_WITHIN, doubt};

/// A plan to carry out, and what is known of it from attempts before.
pub(super) struct Work {
    pub(super) plan: Plan,
    /// The attempt that this is.
    pub(super) attempt: Attempt,
    /// The CRM's id per key of ours.
    pub(super) records: BTreeMap<String, String>,
    /// What is left of attempts before; of this one too, in the end.
    pub(super) unfinished: Unfinished,
}

/// What came of it.
pub(super) struct Carried {
    pub(super) verdict: Verdict,
    pub(super) records: BTreeMap<String, String>,
    pub(super) unfinished: Unfinished,
    /// What the CRM refused and the session does without.
    pub(super) refused: Vec<FieldFault>,
}

/// A plan under way.
pub(super) struct Progress {
    work: Work,
    /// How each write ended, by our key.
    ended: BTreeMap<String, Verdict>,
    /// Whether a request was sent whose answer is missing.
    is_unanswered: bool,
}

impl Progress {
    /// A plan at its beginning: what is in the CRM with this content is not sent again.
    pub(super) fn new(manifest: &Manifest, mut work: Work) -> Self {
        let Work {
            plan,
            records,
            unfinished,
            ..
        } = &mut work;
        let mut ended = BTreeMap::new();
        for write in &mut plan.writes {
            write.id = records.get(&write.key).cloned();
            if unfinished.is_done(&write.key) && !write.creates() {
                let id = write.id.clone().unwrap_or_default();
                ended.insert(write.key.clone(), Verdict::Done { id });
            }
        }
        if doubt::matters(manifest.idempotency) {
            // Also those whose id is known: whoever died may have found the record gone, and made another.
            let records = plan.writes.iter().filter(|write| write.is_record());
            // Which of them were in one call is not known either.
            let is_shared = doubt::is_shared(manifest);
            unfinished.spread(records.map(|write| write.key.as_str()), is_shared);
        } else {
            unfinished.clear_all();
        }
        Self {
            work,
            ended,
            is_unanswered: false,
        }
    }

    pub(super) fn attempt(&self) -> &Attempt {
        &self.work.attempt
    }

    pub(super) fn doubt(&self, key: &str) -> Option<&Attempt> {
        self.work.unfinished.of(key)
    }

    /// The plan with the writes that can be sent now; without any when all have ended. What can never be
    /// sent ends here.
    pub(super) fn ready(&mut self) -> Plan {
        let mut ready = Vec::new();
        let mut has_ended = true;
        // One that cannot be sent may be what another waits for.
        while has_ended {
            has_ended = false;
            ready.clear();
            for mut write in self.work.plan.writes.clone() {
                if self.ended.contains_key(&write.key) {
                    continue;
                }
                match self.before(&write) {
                    Before::Done(ids) => {
                        write.after = ids;
                        ready.push(write);
                    }
                    Before::Open => {}
                    Before::Never(verdict) => {
                        self.ended.insert(write.key, verdict);
                        has_ended = true;
                    }
                }
            }
        }
        if ready.is_empty() {
            self.close(&Verdict::Bug {
                reason: "the steps of a plan wait for each other".to_owned(),
            });
        }
        Plan {
            writes: ready,
            ..self.work.plan.clone()
        }
    }

    fn before(&self, write: &Write) -> Before {
        let mut ids = BTreeMap::new();
        for key in write.after.keys() {
            match self.ended.get(key) {
                Some(Verdict::Done { id }) => drop(ids.insert(key.clone(), Some(id.clone()))),
                None if self.work.plan.writes.iter().any(|other| other.key == *key) => {
                    return Before::Open;
                }
                None => {
                    return Before::Never(Verdict::Bug {
                        reason: format!("{} comes after {key}, which is not planned", write.key),
                    });
                }
                Some(Verdict::Reject(_) | Verdict::Misconfigured { .. } | Verdict::Skip(_)) => {
                    return Before::Never(Verdict::Reject(vec![FieldFault {
                        field: String::new(),
                        code: "NOT_SENT".to_owned(),
                        message: format!("it comes after {key}, which was refused"),
                    }]));
                }
                Some(
                    verdict @ (Verdict::Retry { .. }
                    | Verdict::Throttle { .. }
                    | Verdict::Refresh
                    | Verdict::Reauthorize { .. }
                    | Verdict::Bug { .. }),
                ) => return Before::Never(verdict.clone()),
            }
        }
        Before::Done(ids)
    }

    /// Everything that is open ends so.
    fn close(&mut self, verdict: &Verdict) {
        for write in &self.work.plan.writes {
            let open = self.ended.entry(write.key.clone());
            open.or_insert_with(|| verdict.clone());
        }
    }

    /// A write ended.
    pub(super) fn end(&mut self, write: &Write, verdict: Verdict) {
        if let Verdict::Done { id } = &verdict {
            if write.is_record() && !id.is_empty() {
                self.is(&write.key, id);
            }
            self.work.unfinished.did(&write.key);
        }
        self.ended.insert(write.key.clone(), verdict);
    }

    /// The record of a key is there, under this id.
    pub(super) fn is(&mut self, key: &str, id: &str) {
        self.work.records.insert(key.to_owned(), id.to_owned());
        self.work.unfinished.clear(key);
    }

    /// The record of a key is not there.
    pub(super) fn is_not(&mut self, key: &str) {
        self.work.records.remove(key);
        self.work.unfinished.clear(key);
    }

    /// A write was sent, and nobody knows whether it was made.
    pub(super) fn is_open(&mut self, key: &str, attempt: &Attempt) {
        self.work.unfinished.doubt(key, attempt);
    }

    /// A request was sent whose answer is missing: it may still take effect.
    pub(super) fn is_unanswered(&mut self) {
        self.is_unanswered = true;
    }

    /// One verdict for a plan: whatever keeps it open comes first, then what a person has to mend.
    pub(super) fn result(self, now: Timestamp, backoff: Duration) -> Carried {
        let Self {
            mut work,
            ended,
            is_unanswered,
        } = self;
        let optional: BTreeSet<String> = work
            .plan
            .writes
            .iter()
            .filter(|write| write.optional)
            .map(|write| write.key.clone())
            .collect();
        let (mut faults, mut refused) = (Vec::new(), Vec::new());
        let (mut misconfigured, mut open) = (None, None);
        let mut done = Verdict::Done { id: String::new() };
        for (key, verdict) in ended {
            let can_do_without = optional.contains(&key);
            match verdict {
                Verdict::Done { .. } => done = verdict,
                Verdict::Reject(found) => {
                    let found = found.into_iter().map(|fault| FieldFault {
                        message: format!("{key}: {}", fault.message),
                        ..fault
                    });
                    if can_do_without {
                        refused.extend(found);
                    } else {
                        faults.extend(found);
                    }
                }
                Verdict::Misconfigured { reason } if can_do_without => refused.push(FieldFault {
                    field: String::new(),
                    code: "MISCONFIGURED".to_owned(),
                    message: format!("{key}: {reason}"),
                }),
                Verdict::Misconfigured { .. } => misconfigured = Some(verdict),
                Verdict::Skip(_) => {}
                // What is still wanted at once after the last round waits as any other retry does.
                Verdict::Retry { after, reason } => {
                    let after = after.filter(|after| !after.is_zero());
                    open = Some(Verdict::Retry { after, reason });
                }
                Verdict::Throttle { .. }
                | Verdict::Refresh
                | Verdict::Reauthorize { .. }
                | Verdict::Bug { .. } => open = Some(verdict),
            }
        }
        // What was sent may still arrive: whoever is next must not be overtaken by it.
        if let (true, Some(open)) = (is_unanswered, &mut open) {
            if let Verdict::Retry { after, .. } = open {
                *after = Some(after.unwrap_or(backoff).max(ARRIVES_WITHIN));
            }
            if let Verdict::Throttle { until, .. } = open {
                *until = (*until).max(now.checked_add(ARRIVES_WITHIN).unwrap_or(now));
            }
        }
        if open.is_none() {
            work.unfinished.finish();
        }
        let verdict = open.or(misconfigured).unwrap_or(if faults.is_empty() {
            done
        } else {
            Verdict::Reject(faults)
        });
        Carried {
            verdict,
            records: work.records,
            unfinished: work.unfinished,
            refused,
        }
    }
}

/// What a write waits for.
enum Before {
    /// Nothing any more: the ids.
    Done(BTreeMap<String, Option<String>>),
    /// Something that has not ended.
    Open,
    /// Something that will not come.
    Never(Verdict),
}
