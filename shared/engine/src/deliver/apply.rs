//! Matches people, makes the plans, has them carried out.

use std::collections::{BTreeMap, BTreeSet};

use hub_domain::{
    Connection, CrmId, FieldFault, Timestamp, Verdict, Webhook,
    ledger::{Attempt, Claim, Unfinished},
    matching::{Chosen, Match, choose},
    plan,
    retry::backoff,
};

use super::{
    Job,
    carry::Account,
    people::Found,
    prepare::Claimed,
    stage::{Carried, Work},
};
use crate::hub::Hub;

/// A delivery that was carried out, or not.
pub(super) struct Applied {
    pub(super) job: Job,
    pub(super) claim: Claim,
    /// Failures before.
    pub(super) failures: u32,
    /// Where it went.
    pub(super) to: To,
    pub(super) mapping_version: u32,
    pub(super) verdict: Verdict,
    /// The CRM's id per key of ours: what it holds now.
    pub(super) records: BTreeMap<String, String>,
    /// What is left of this attempt and those before.
    pub(super) unfinished: Unfinished,
    pub(super) matches: Vec<Chosen>,
    /// What the CRM refused and the session does without.
    pub(super) refused: Vec<FieldFault>,
}

/// Where a delivery went.
pub(super) enum To {
    Connection(Box<Connection>),
    /// With what its queues are named by.
    Webhook(Box<Webhook>, CrmId),
}

/// Carries out the claimed deliveries of one connection together; until the deadline the CRM is asked.
pub(super) async fn apply(hub: &Hub, group: Vec<Claimed>, deadline: Timestamp) -> Vec<Applied> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let first = &first.prepared;
    let (connector, connection) = (first.connector.clone(), first.connection.clone());
    let account = Account {
        hub,
        connector: connector.as_ref(),
        connection: &connection,
        deadline,
    };
    let mut applied = Vec::new();
    let mut open = Vec::new();
    for claimed in group {
        match claimed.prepared.nothing {
            Some(reason) => applied.push(finished(claimed, Verdict::Skip(reason), &[])),
            None => open.push(claimed),
        }
    }
    let emails: BTreeSet<String> = open
        .iter()
        .flat_map(|claimed| plan::addresses(&claimed.prepared.record))
        .collect();
    let found = match account.people(emails).await {
        Ok(found) => found,
        Err(verdict) => {
            applied.extend(
                open.into_iter()
                    .map(|claimed| finished(claimed, verdict.clone(), &[])),
            );
            return applied;
        }
    };
    let mut work = Vec::new();
    let mut planned = Vec::new();
    for claimed in open {
        let matches: Vec<Match> = plan::addresses(&claimed.prepared.record)
            .iter()
            .map(|email| choose(email, &found.candidates))
            .collect();
        match plan::make(
            &claimed.prepared.record,
            &claimed.prepared.connection,
            &claimed.prepared.mapping,
            &matches,
        ) {
            Ok(plan) if plan.writes.is_empty() => {
                let verdict = Verdict::Misconfigured {
                    reason: "the mapping has no rule for anything of this session".to_owned(),
                };
                applied.push(finished(claimed, verdict, &matches));
            }
            Ok(mut plan) => {
                connector.steps(&mut plan, &connection);
                work.push(Work {
                    plan,
                    attempt: Attempt::at(claimed.claim.now, &claimed.claim.content),
                    records: claimed.records.clone(),
                    unfinished: claimed.unfinished.clone(),
                });
                planned.push((claimed, matches));
            }
            Err(none) => applied.push(finished(
                claimed,
                Verdict::Bug {
                    reason: format!("a plan became impossible: {none:?}"),
                },
                &matches,
            )),
        }
    }
    let progress = account.carry_out(work).await;
    let now = hub.clock().now();
    for ((claimed, matches), progress) in planned.into_iter().zip(progress) {
        let wait = backoff(claimed.failures + 1, hub.entropy().unit());
        let Carried {
            verdict,
            records,
            unfinished,
            refused,
        } = progress.result(now, wait);
        let verdict = account
            .unless_others(verdict, &refused, &matches, &found)
            .await;
        applied.push(Applied {
            records,
            unfinished,
            refused,
            ..finished(claimed, verdict, &matches)
        });
    }
    applied
}

impl Account<'_> {
    /// The verdict on a delivery, unless it may be owed to people who were known and are others by now: a
    /// contact that was deleted or merged, a lead that became a contact. Then it is made anew.
    async fn unless_others(
        &self,
        verdict: Verdict,
        refused: &[FieldFault],
        matches: &[Match],
        found: &Found,
    ) -> Verdict {
        let is_final = match &verdict {
            Verdict::Done { .. } | Verdict::Skip(_) if refused.is_empty() => return verdict,
            // A limit, a lost grant: nothing that a person has to do with.
            Verdict::Throttle { .. } | Verdict::Refresh | Verdict::Reauthorize { .. } => {
                return verdict;
            }
            Verdict::Reject(_) | Verdict::Misconfigured { .. } => true,
            Verdict::Done { .. }
            | Verdict::Skip(_)
            | Verdict::Retry { .. }
            | Verdict::Bug { .. } => false,
        };
        let emails = matches.iter().map(|one| one.email.clone());
        let known: BTreeSet<String> = emails.filter(|email| found.known.contains(email)).collect();
        self.forget(&known);
        if !is_final || known.is_empty() {
            return verdict;
        }
        match self.ask(&known).await {
            Ok(now) => {
                let is_other = |one: &Match| {
                    known.contains(&one.email) && choose(&one.email, &now).chosen != one.chosen
                };
                if !matches.iter().any(is_other) {
                    return verdict;
                }
                Verdict::Retry {
                    after: None,
                    reason: "somebody it names is another record of the CRM by now".to_owned(),
                }
            }
            Err(unasked) => unasked,
        }
    }
}

fn finished(claimed: Claimed, verdict: Verdict, matches: &[Match]) -> Applied {
    let matches = matches
        .iter()
        .enumerate()
        .map(|(person, found)| Chosen::of(person, found))
        .collect();
    let Claimed {
        prepared,
        claim,
        failures,
        records,
        unfinished,
    } = claimed;
    Applied {
        job: prepared.job,
        claim,
        failures,
        to: To::Connection(Box::new(prepared.connection)),
        mapping_version: prepared.mapping.version,
        verdict,
        records,
        unfinished,
        matches,
        refused: Vec::new(),
    }
}
