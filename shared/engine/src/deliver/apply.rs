//! Matches people, makes the plans, and carries them out in as few calls as the CRM allows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hub_connectors::{Answer, Connector, Idempotency, Operation};
use hub_domain::{
    Connection, FieldFault, Plan, Verdict,
    mapping::RecordKind,
    matching::{Candidate, Chosen, Match, choose},
    plan,
};

use super::{
    call::{call, read},
    prepare::Claimed,
};
use crate::hub::Hub;

/// How often what is wanted again at once is sent.
const ROUNDS: usize = 3;

/// A delivery that was carried out, or not.
pub(super) struct Applied {
    pub(super) claimed: Claimed,
    pub(super) verdict: Verdict,
    /// The CRM's id per key of ours: what it holds now.
    pub(super) records: BTreeMap<String, String>,
    pub(super) matches: Vec<Chosen>,
}

/// Carries out the claimed deliveries of one connection together.
pub(super) async fn apply(hub: &Hub, group: Vec<Claimed>) -> Vec<Applied> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let first = &first.prepared;
    let (connector, connection) = (first.connector.clone(), first.connection.clone());
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
    let candidates = match find_people(hub, connector.as_ref(), &connection, emails).await {
        Ok(candidates) => candidates,
        Err(verdict) => {
            applied.extend(
                open.into_iter()
                    .map(|claimed| finished(claimed, verdict.clone(), &[])),
            );
            return applied;
        }
    };
    let mut plans = Vec::new();
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
                for write in &mut plan.writes {
                    write.id = claimed.records.get(&write.key).cloned();
                }
                plans.push(plan);
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
    let results = carry_out(hub, connector.as_ref(), &connection, plans).await;
    for ((claimed, matches), result) in planned.into_iter().zip(results) {
        let mut done = finished(claimed, result.verdict, &matches);
        done.records.extend(result.records);
        applied.push(done);
    }
    applied
}

fn finished(claimed: Claimed, verdict: Verdict, matches: &[Match]) -> Applied {
    let matches = matches
        .iter()
        .enumerate()
        .map(|(person, found)| Chosen::of(person, found))
        .collect();
    let records = claimed.records.clone();
    Applied {
        claimed,
        verdict,
        records,
        matches,
    }
}

async fn find_people(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    emails: BTreeSet<String>,
) -> Result<Vec<Candidate>, Verdict> {
    let emails: Vec<String> = emails.into_iter().collect();
    let mut found = Vec::new();
    for chunk in emails.chunks(connector.manifest().batch.lookup.max(1)) {
        let operation = Operation::FindPeople {
            emails: chunk.to_vec(),
        };
        match read(hub, connector, connection, &operation).await? {
            Answer::People(people) => found.extend(people),
            Answer::Fields(_) | Answer::Records(_) => {
                return Err(Verdict::Bug {
                    reason: "people were asked for and something else was found".to_owned(),
                });
            }
        }
    }
    Ok(found)
}

/// What became of one plan.
#[derive(Debug, Default)]
struct Progress {
    /// The verdict per key of ours.
    verdicts: BTreeMap<String, Verdict>,
}

struct PlanResult {
    verdict: Verdict,
    records: BTreeMap<String, String>,
}

/// Carries plans out. What the connector wants sent again at once is: where the CRM takes a plan
/// whole or not at all, one refused record would keep the others out; where it refuses a second record
/// with our key, the record is there and is updated.
async fn carry_out(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    plans: Vec<Plan>,
) -> Vec<PlanResult> {
    let mut progress: Vec<Progress> = plans.iter().map(|_| Progress::default()).collect();
    let mut open: Vec<(usize, Plan)> = plans.into_iter().enumerate().collect();
    let is_looked_up = connector.manifest().idempotency == Idempotency::UniqueKey;
    for round in 0..ROUNDS {
        if open.is_empty() {
            break;
        }
        if round > 0
            && is_looked_up
            && let Err(verdict) = look_up(hub, connector, connection, &mut open).await
        {
            for (place, plan) in open {
                if let Some(progress) = progress.get_mut(place) {
                    let keys = plan.writes.into_iter().map(|write| write.key);
                    progress
                        .verdicts
                        .extend(keys.map(|key| (key, verdict.clone())));
                }
            }
            break;
        }
        let sent = open.iter().map(|(_, plan)| plan.clone()).collect();
        let mut verdicts = send(hub, connector, connection, sent).await;
        for (place, plan) in &mut open {
            plan.writes.retain(|write| {
                let verdict = verdicts.remove(&write.key).unwrap_or(Verdict::Bug {
                    reason: "a write without a verdict".to_owned(),
                });
                let at_once = is_wanted_at_once(&verdict);
                if let Some(progress) = progress.get_mut(*place) {
                    progress.verdicts.insert(write.key.clone(), verdict);
                }
                at_once
            });
        }
        open.retain(|(_, plan)| !plan.writes.is_empty());
    }
    progress.into_iter().map(result).collect()
}

/// Gives each write the id that the CRM holds under our key, or none: what the ledger says of it is
/// wrong, since an answer was lost or somebody deleted the record.
async fn look_up(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    open: &mut [(usize, Plan)],
) -> Result<(), Verdict> {
    let mut wanted: BTreeMap<(RecordKind, String), Vec<String>> = BTreeMap::new();
    for write in open.iter().flat_map(|(_, plan)| &plan.writes) {
        let group = (write.kind, write.object.clone());
        wanted.entry(group).or_default().push(write.key.clone());
    }
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for ((kind, object), keys) in wanted {
        for chunk in keys.chunks(connector.manifest().batch.lookup.max(1)) {
            let operation = Operation::ReadBack {
                kind,
                object: object.clone(),
                keys: chunk.to_vec(),
                writes: Vec::new(),
                since: None,
            };
            match read(hub, connector, connection, &operation).await? {
                Answer::Records(found) => {
                    held.extend(found.into_iter().map(|record| (record.key, record.id)));
                }
                Answer::People(_) | Answer::Fields(_) => {
                    return Err(Verdict::Bug {
                        reason: "records were asked for and something else was found".to_owned(),
                    });
                }
            }
        }
    }
    for write in open.iter_mut().flat_map(|(_, plan)| &mut plan.writes) {
        write.id = held.remove(&write.key);
    }
    Ok(())
}

/// A retry without any wait is one that nothing outside this delivery has to change for.
fn is_wanted_at_once(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Retry { after, .. } => *after == Some(Duration::ZERO),
        Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. } => false,
    }
}

/// Sends plans and gives the verdict on each write, by our key: a connector may group the writes of
/// several plans as its CRM's batches want them.
async fn send(
    hub: &Hub,
    connector: &dyn Connector,
    connection: &Connection,
    plans: Vec<Plan>,
) -> BTreeMap<String, Verdict> {
    let mut verdicts = BTreeMap::new();
    let mut stopped: Option<Verdict> = None;
    for operation in connector.writes(plans) {
        let keys: Vec<String> = match &operation {
            Operation::Write { plans } => {
                let writes = plans.iter().flat_map(|plan| &plan.writes);
                writes.map(|write| write.key.clone()).collect()
            }
            Operation::FindPeople { .. }
            | Operation::Describe { .. }
            | Operation::ReadBack { .. } => Vec::new(),
        };
        // What stops one call stops the next: a limit, a lost grant.
        let outcome = match &stopped {
            Some(verdict) => Err(verdict.clone()),
            None => call(hub, connector, connection, &operation).await,
        };
        match outcome {
            Ok((found, _)) if found.len() == keys.len() => {
                verdicts.extend(keys.into_iter().zip(found));
            }
            Ok((found, _)) => {
                let reason = format!("{} verdicts for {} writes", found.len(), keys.len());
                let bug = Verdict::Bug { reason };
                verdicts.extend(keys.into_iter().map(|key| (key, bug.clone())));
            }
            Err(verdict) => {
                verdicts.extend(keys.into_iter().map(|key| (key, verdict.clone())));
                stopped = Some(verdict);
            }
        }
    }
    verdicts
}

/// One verdict for a plan: whatever keeps it open comes first, then what a person has to mend.
fn result(progress: Progress) -> PlanResult {
    let mut records = BTreeMap::new();
    let mut faults: Vec<FieldFault> = Vec::new();
    let mut misconfigured = None;
    let mut open = None;
    let mut done = Verdict::Done { id: String::new() };
    for (key, verdict) in progress.verdicts {
        match verdict {
            Verdict::Done { id } => {
                if !id.is_empty() {
                    records.insert(key, id.clone());
                }
                done = Verdict::Done { id };
            }
            Verdict::Reject(found) => faults.extend(found.into_iter().map(|fault| FieldFault {
                message: format!("{key}: {}", fault.message),
                ..fault
            })),
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
    let verdict = open.or(misconfigured).unwrap_or(if faults.is_empty() {
        done
    } else {
        Verdict::Reject(faults)
    });
    PlanResult { verdict, records }
}
