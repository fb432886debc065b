//! Matches people, makes the plans, has them carried out.

use std::collections::{BTreeMap, BTreeSet};

use hub_connectors::{Answer, Operation};
use hub_domain::{
    Connection, CrmId, FieldFault, Timestamp, Verdict, Webhook,
    ledger::{Attempt, Claim, Unfinished},
    matching::{Candidate, Chosen, Match, choose},
    plan,
    retry::backoff,
};

use super::{
    Job,
    call::read,
    carry::Account,
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
    let candidates = match find_people(account, emails).await {
        Ok(candidates) => candidates,
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
            .map(|email| choose(email, &candidates))
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
        applied.push(Applied {
            records,
            unfinished,
            refused,
            ..finished(claimed, verdict, &matches)
        });
    }
    applied
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

async fn find_people(
    account: Account<'_>,
    emails: BTreeSet<String>,
) -> Result<Vec<Candidate>, Verdict> {
    let Account {
        hub,
        connector,
        connection,
        deadline,
    } = account;
    let emails: Vec<String> = emails.into_iter().collect();
    let mut found = Vec::new();
    for chunk in emails.chunks(connector.manifest().batch.lookup.max(1)) {
        let operation = Operation::FindPeople {
            emails: chunk.to_vec(),
        };
        for answer in read(hub, connector, connection, &operation, deadline).await? {
            let Answer::People(people) = answer else {
                return Err(Verdict::Bug {
                    reason: "people were asked for and something else was found".to_owned(),
                });
            };
            found.extend(people);
        }
    }
    Ok(found)
}
