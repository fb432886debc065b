//! Outcomes: what was carried out is recorded, without waiting for what is not.

use std::{future::Future, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use hub_aws::AwsError;
use hub_domain::{
    Cause, CrmId, QueueAction, Timestamp, Verdict,
    ledger::{DeliveryStatus, Outcome},
    retry::{self, Pace, backoff},
};

use super::{
    Job,
    apply::{Applied, To},
    log, not_held, syncs,
};
use crate::{
    held,
    hub::{CONFIGURATION_KEPT, Hub},
    lifecycle, webhooks,
};

/// How long what is finished waits for others of the batch, so that one call records all that finish
/// about together. A CRM answers within a second or two; one that does not may take twenty.
const GRACE: Duration = Duration::from_secs(2);

/// A delivery with its outcome, and what its messages are told once that is recorded.
struct Settled {
    job: Job,
    crm: CrmId,
    outcome: Outcome,
    action: QueueAction,
}

/// Carries groups out side by side and records each when it is finished, or with others that finish soon
/// after: a group that hangs costs the others nothing but their messages' place in this batch.
pub(super) async fn as_they_finish<F>(hub: &Hub, groups: Vec<F>) -> Vec<(Job, QueueAction)>
where
    F: Future<Output = Vec<Applied>>,
{
    let mut running: FuturesUnordered<F> = groups.into_iter().collect();
    let mut recording = FuturesUnordered::new();
    let mut finished: Vec<Applied> = Vec::new();
    let mut done = Vec::new();
    let mut since = None;
    loop {
        let all = running.is_empty();
        let due = since.map(|since: tokio::time::Instant| since + GRACE);
        if all && !finished.is_empty() {
            recording.push(record(hub, std::mem::take(&mut finished)));
        }
        if all && recording.is_empty() {
            return done;
        }
        tokio::select! {
            biased;
            Some(applied) = running.next(), if !all => {
                finished.extend(applied);
                since = since.or_else(|| Some(tokio::time::Instant::now()));
            }
            Some(recorded) = recording.next(), if !recording.is_empty() => done.extend(recorded),
            () = until(due), if !all && due.is_some() => {
                recording.push(record(hub, std::mem::take(&mut finished)));
                since = None;
            }
        }
    }
}

async fn until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Records outcomes by one call; a message whose outcome could not be recorded comes again.
async fn record(hub: &Hub, applied: Vec<Applied>) -> Vec<(Job, QueueAction)> {
    let now = hub.clock().now();
    let mut settled = Vec::new();
    for applied in applied {
        settled.push(judge(hub, applied, now).await);
    }
    let outcomes: Vec<Outcome> = settled.iter().map(|one| one.outcome.clone()).collect();
    let results = hub.store().settle(&outcomes).await;
    let mut done = Vec::new();
    for (one, result) in settled.into_iter().zip(results) {
        done.push(finish(hub, one, result).await);
    }
    done
}

impl To {
    /// How failures there are answered.
    fn pace(&self) -> Pace {
        match self {
            Self::Connection(_) => Pace::Doubling,
            Self::Webhook(..) => Pace::Listed,
        }
    }

    /// What its queues and held work are named by.
    fn queues(&self) -> CrmId {
        match self {
            Self::Connection(connection) => connection.crm.clone(),
            Self::Webhook(_, queues) => queues.clone(),
        }
    }

    /// Takes it out of use; `false` if somebody has taken it into use since.
    async fn out_of_use(&self, hub: &Hub, cause: Cause, reason: &str) -> bool {
        match self {
            Self::Connection(connection) => {
                lifecycle::reconnect_needed(hub, connection, cause, reason).await
            }
            Self::Webhook(webhook, _) => webhooks::turn_off(hub, webhook, reason).await,
        }
    }
}

/// From a verdict to an outcome.
async fn judge(hub: &Hub, applied: Applied, now: Timestamp) -> Settled {
    let Applied {
        job,
        claim,
        failures,
        to,
        mapping_version,
        verdict,
        records,
        unfinished,
        matches,
        refused,
    } = applied;
    let verdict = syncs::settle(hub, &job, verdict).await;
    let unit = hub.entropy().unit();
    let next = retry::at_pace(to.pace(), &verdict, failures, unit, now);
    let mut action = next.action;
    if let Verdict::Reauthorize { cause, reason } = &verdict
        && !to.out_of_use(hub, *cause, reason).await
    {
        // Somebody has taken it into use again, which set free what was held: nobody would free this.
        action = QueueAction::Again(CONFIGURATION_KEPT);
    }
    if let To::Webhook(webhook, _) = &to {
        let gave_up = next.status == DeliveryStatus::Parked;
        if next.status == DeliveryStatus::Delivered {
            webhooks::took(hub, webhook).await;
        } else if gave_up && matches!(verdict, Verdict::Retry { .. }) {
            webhooks::failed(hub, webhook).await;
        }
    }
    log(&job, &verdict, &next.reason);
    let crm = to.queues();
    let hold = match &action {
        QueueAction::Hold { until } => Some((
            crm.clone(),
            held::mark(hub, *until, claim.revision, job.events(), &next.reason),
        )),
        QueueAction::Delete | QueueAction::Again(_) | QueueAction::DeadLetter(_) => None,
    };
    let outcome = Outcome {
        claim,
        status: next.status,
        settled: next.settled,
        failures: next.failures,
        not_before: not_before(&action, now),
        mapping_version,
        records,
        unfinished,
        matches,
        verdict: verdict.name(),
        reason: next.reason,
        faults: if next.faults.is_empty() {
            refused
        } else {
            next.faults
        },
        hold,
        now: now.as_millisecond(),
    };
    Settled {
        job,
        crm,
        outcome,
        action,
    }
}

/// What the messages are told, by what became of the outcome.
async fn finish(hub: &Hub, one: Settled, result: Result<(), AwsError>) -> (Job, QueueAction) {
    let Settled {
        job,
        crm,
        mut outcome,
        action,
    } = one;
    let mut result = result;
    if let (Some((_, held)), Err(AwsError::Conflict { .. })) = (outcome.hold.take(), &result) {
        // Something of the delivery is held already, or the claim was lost.
        result = match hub
            .store()
            .settle(std::slice::from_ref(&outcome))
            .await
            .pop()
        {
            Some(Ok(())) => match held::hold(hub, &crm, &job.reference, held).await {
                Ok(()) => Ok(()),
                Err(error) => {
                    let action = not_held(hub, &job, &error);
                    return (job, action);
                }
            },
            Some(other) => other,
            None => result,
        };
    }
    let action = match result {
        Ok(()) => action,
        // The claim was lost: whoever has it now decides, and this message finds out.
        Err(AwsError::Conflict { .. }) => QueueAction::Again(retry::FIRST_WAIT),
        Err(error) => {
            tracing::warn!(subject = %job.reference.subject, error = %error, "an outcome could not be recorded; its message comes again");
            QueueAction::Again(backoff(job.receives(), hub.entropy().unit()))
        }
    };
    (job, action)
}

/// When the next attempt is due, in milliseconds since 1970; 0 when there is none here, or when a mark
/// says so: another event of the session may find out earlier that the wait is over.
fn not_before(action: &QueueAction, now: Timestamp) -> i64 {
    match action {
        QueueAction::Again(wait) => {
            now.as_millisecond() + i64::try_from(wait.as_millis()).unwrap_or_default()
        }
        QueueAction::Delete | QueueAction::Hold { .. } | QueueAction::DeadLetter(_) => 0,
    }
}
