//! Carries plans out: stage by stage, each in as few calls as the connector makes of it.
//!
//! Within a stage, what is in doubt is settled first ([`doubt`]), and what the connector wants sent
//! again at once is: where the CRM takes a plan whole or not at all, one refused record would keep the
//! others out; where it refuses a second record with our key, the record is there and is updated.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hub_connectors::{Connector, Idempotency, Operation};
use hub_domain::{
    Connection, Plan, Timestamp, Verdict, Write, ledger::Attempt, mapping::RecordKind, plan,
};

use super::{
    call::{call, records},
    doubt::{self, Next},
    stage::{Progress, Work},
};
use crate::hub::Hub;

/// How often what is wanted again at once is sent.
const ROUNDS: usize = 3;

/// A CRM account, and until when it may be asked.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) hub: &'a Hub,
    pub(super) connector: &'a dyn Connector,
    pub(super) connection: &'a Connection,
    pub(super) deadline: Timestamp,
}

/// The writes of a stage that are still to be sent: by the place of their plan.
type Open = Vec<(usize, Plan)>;

/// What came of a write that was sent.
struct Sent {
    verdict: Verdict,
    /// Whether it is open what became of it.
    is_open: bool,
    /// Whether its answer is missing.
    is_unanswered: bool,
    /// Whether it had the key of its request together with others.
    has_shared_key: bool,
}

impl Account<'_> {
    /// Carries plans out, and answers how far each came.
    pub(super) async fn carry_out(&self, work: Vec<Work>) -> Vec<Progress> {
        let manifest = self.connector.manifest();
        let mut progress: Vec<Progress> = work
            .into_iter()
            .map(|work| Progress::new(manifest, work))
            .collect();
        loop {
            let mut open: Open = progress
                .iter_mut()
                .map(Progress::ready)
                .enumerate()
                .collect();
            open.retain(|(_, plan)| !plan.writes.is_empty());
            if open.is_empty() {
                return progress;
            }
            self.stage(&mut progress, open).await;
        }
    }

    /// Sends one stage. Every write of it has ended afterwards.
    async fn stage(&self, progress: &mut [Progress], mut open: Open) {
        let kind = self.connector.manifest().idempotency;
        for round in 0..ROUNDS {
            if round > 0 {
                self.other_ids(progress, &mut open).await;
            }
            let attempts = self.settle_doubts(progress, &mut open, round).await;
            if open.is_empty() {
                return;
            }
            let is_last = round + 1 == ROUNDS;
            let mut sent = self
                .send(open.iter().map(|(_, plan)| plan.clone()).collect())
                .await;
            each(progress, &mut open, |progress, write| {
                let Sent {
                    mut verdict,
                    mut is_open,
                    is_unanswered,
                    has_shared_key,
                } = sent.remove(&write.key).unwrap_or_else(|| {
                    Sent::of(Verdict::Bug {
                        reason: "a write without a verdict".to_owned(),
                    })
                });
                if is_unanswered {
                    progress.is_unanswered();
                }
                if kind == Idempotency::ClientId && write.creates() {
                    // The CRM need not tell us the id that we told it.
                    if let Verdict::Done { id } = &mut verdict
                        && id.is_empty()
                    {
                        *id = plan::client_id(&write.key);
                        is_open = false;
                    }
                }
                if is_open
                    && doubt::matters(kind)
                    && write.creates()
                    && let Some(attempt) = attempts.get(&write.key)
                {
                    let last = self.hub.now_ms();
                    let mut attempt = attempt.clone();
                    attempt.last = last;
                    if has_shared_key {
                        // As attempts of different content are: no key stands for it.
                        attempt.content.clear();
                    }
                    progress.is_open(&write.key, &attempt);
                    let is_done = matches!(verdict, Verdict::Done { .. });
                    if kind == Idempotency::None && !is_done {
                        verdict = doubt::parked(write);
                    }
                }
                let again = is_wanted_at_once(&verdict) && !is_last;
                if !again {
                    progress.end(write, verdict);
                }
                again
            });
        }
    }

    /// Gives what is wanted again at once the id by which it is sent now, as the kind has it. What the
    /// ledger says of it is wrong: an answer was lost, or somebody deleted the record.
    async fn other_ids(&self, progress: &mut [Progress], open: &mut Open) {
        match self.connector.manifest().idempotency {
            Idempotency::Upsert | Idempotency::None => {}
            Idempotency::ClientId => {
                for write in open.iter_mut().flat_map(|(_, plan)| &mut plan.writes) {
                    write.id = write.creates().then(|| plan::client_id(&write.key));
                }
            }
            // It is gone, so it is made anew. If it was tried before, it is looked for next, when it can be
            // found.
            Idempotency::IdempotencyKey | Idempotency::ReadBack => {
                for write in open.iter_mut().flat_map(|(_, plan)| &mut plan.writes) {
                    write.id = None;
                }
            }
            Idempotency::UniqueKey => {
                let writes = open.iter().flat_map(|(_, plan)| &plan.writes);
                let asked = writes
                    .filter(|write| write.is_record())
                    .map(|write| write.key.clone())
                    .collect();
                self.look_for(progress, open, &asked, None).await;
            }
        }
    }

    /// Settles what is in doubt of the writes that are to be sent; those that cannot be sent end here.
    /// Answers the attempt that each is.
    async fn settle_doubts(
        &self,
        progress: &mut [Progress],
        open: &mut Open,
        round: usize,
    ) -> BTreeMap<String, Attempt> {
        let manifest = self.connector.manifest();
        let now = self.hub.clock().now();
        let mut attempts = BTreeMap::new();
        let mut looked_for: BTreeSet<String> = BTreeSet::new();
        let mut since: Option<Timestamp> = None;
        each(progress, open, |progress, write| {
            let own = progress.attempt().clone();
            let doubt = progress.doubt(&write.key).filter(|_| write.creates());
            match doubt::next(manifest, write, doubt, &own, now) {
                Next::Send(attempt) => drop(attempts.insert(write.key.clone(), attempt)),
                Next::LookFor(earliest) => {
                    since = Some(since.map_or(earliest, |since| since.min(earliest)));
                    looked_for.insert(write.key.clone());
                    attempts.insert(write.key.clone(), own);
                }
                Next::Stop(verdict) => {
                    progress.end(write, verdict);
                    return false;
                }
            }
            true
        });
        if !looked_for.is_empty() {
            self.look_for(progress, open, &looked_for, since).await;
        }
        if manifest.idempotency == Idempotency::IdempotencyKey {
            for write in open.iter_mut().flat_map(|(_, plan)| &mut plan.writes) {
                write.token = match attempts.get(&write.key) {
                    Some(attempt) if write.creates() => doubt::token(write, attempt, round),
                    _ => String::new(),
                };
            }
        }
        attempts
    }

    /// Asks the CRM which of the writes it holds under our keys: those have the id now, the others none.
    /// Those that it cannot be asked about end with the reason; what was answered before counts.
    async fn look_for(
        &self,
        progress: &mut [Progress],
        open: &mut Open,
        asked: &BTreeSet<String>,
        since: Option<Timestamp>,
    ) {
        let Self {
            hub,
            connector,
            connection,
            deadline,
        } = *self;
        let mut wanted: BTreeMap<(RecordKind, String), Vec<Write>> = BTreeMap::new();
        let writes = open.iter().flat_map(|(_, plan)| &plan.writes);
        for write in writes.filter(|write| asked.contains(&write.key)) {
            let group = (write.kind, write.object.clone());
            wanted.entry(group).or_default().push(write.clone());
        }
        let mut answered: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut stopped = None;
        'all: for ((kind, object), writes) in wanted {
            for chunk in writes.chunks(connector.manifest().batch.lookup.max(1)) {
                let keys: Vec<String> = chunk.iter().map(|write| write.key.clone()).collect();
                let operation = Operation::ReadBack {
                    kind,
                    object: object.clone(),
                    keys: keys.clone(),
                    writes: chunk.to_vec(),
                    since,
                    cursor: None,
                };
                match records(hub, connector, connection, &operation, deadline).await {
                    Ok(found) => {
                        answered.extend(keys.into_iter().map(|key| (key, None)));
                        answered.extend(found.into_iter().map(|one| (one.key, Some(one.id))));
                    }
                    Err(verdict) => {
                        stopped = Some(verdict);
                        break 'all;
                    }
                }
            }
        }
        each(progress, open, |progress, write| {
            if !asked.contains(&write.key) {
                return true;
            }
            match (answered.get(&write.key).cloned(), &stopped) {
                (None, Some(verdict)) => {
                    progress.end(write, verdict.clone());
                    return false;
                }
                (id, _) => write.id = id.flatten(),
            }
            match &write.id {
                Some(id) => progress.is(&write.key, id),
                None => progress.is_not(&write.key),
            }
            true
        });
    }

    /// Sends plans and gives what came of each write, by our key: a connector may group the writes of
    /// several plans as its CRM's batches want them.
    async fn send(&self, plans: Vec<Plan>) -> BTreeMap<String, Sent> {
        let Self {
            hub,
            connector,
            connection,
            deadline,
        } = *self;
        let mut sent = BTreeMap::new();
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
            let has_shared_key = doubt::shares_its_key(connector.manifest(), &operation);
            // What stops one call stops the next: a limit, a lost grant.
            if let Some(verdict) = &stopped {
                sent.extend(keys.into_iter().map(|key| (key, Sent::of(verdict.clone()))));
                continue;
            }
            match call(hub, connector, connection, &operation, deadline).await {
                Ok((found, reply)) if found.len() == keys.len() => {
                    let all = found.into_iter().map(|verdict| Sent {
                        is_open: doubt::leaves_open(&reply, connector.failed(&reply), &verdict),
                        is_unanswered: false,
                        has_shared_key,
                        verdict,
                    });
                    sent.extend(keys.into_iter().zip(all));
                }
                Ok((found, _)) => {
                    let reason = format!("{} verdicts for {} writes", found.len(), keys.len());
                    let bug = || Sent {
                        is_open: true,
                        has_shared_key,
                        ..Sent::of(Verdict::Bug {
                            reason: reason.clone(),
                        })
                    };
                    sent.extend(keys.into_iter().map(|key| (key, bug())));
                }
                Err(unanswered) => {
                    let all = || Sent {
                        verdict: unanswered.verdict.clone(),
                        is_open: unanswered.may_be_done,
                        is_unanswered: unanswered.may_be_done,
                        has_shared_key,
                    };
                    sent.extend(keys.into_iter().map(|key| (key, all())));
                    stopped = Some(unanswered.verdict.clone());
                }
            }
        }
        sent
    }
}

impl Sent {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            is_open: false,
            is_unanswered: false,
            has_shared_key: false,
        }
    }
}

/// Goes through the writes, each with its plan's progress, and keeps those that stay open.
fn each(
    progress: &mut [Progress],
    open: &mut Open,
    mut keep: impl FnMut(&mut Progress, &mut Write) -> bool,
) {
    for (place, plan) in open.iter_mut() {
        if let Some(progress) = progress.get_mut(*place) {
            plan.writes.retain_mut(|write| keep(progress, write));
        }
    }
    open.retain(|(_, plan)| !plan.writes.is_empty());
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
