//! Plan, claim, apply, record.
//!
//! A batch goes through a chain of types, so that no step can be skipped: a message becomes a
//! `Job` (decoded, folded with others of its delivery), a job becomes *prepared* (connection,
//! session, mapping, content), prepared becomes *claimed*, claimed becomes an outcome. Only what
//! is claimed reaches the CRM, and only what has an outcome leaves the queue.

mod actions;
mod apply;
mod call;
mod carry;
mod doubt;
mod events;
pub(crate) mod people;
mod prepare;
mod settle;
mod stage;
mod syncs;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::BoxFuture;
use hub_aws::AwsError;
use hub_connectors::WEBHOOKS;
use hub_domain::{
    CrmId, EventId, OrganizationId, QueueAction, QueueMessage, Subject, Verdict,
    ledger::{Claim, ClaimOutcome, Unfinished},
    retry::{self, LONGEST_WAIT, MAX_FAILURES, backoff},
};

pub(crate) use call::records;

use crate::{error::aws_verdict, held, hub::Hub, limits, reference::DeliveryReference};
use actions::Actions;
use prepare::{Claimed, Ready, Unready};

/// With less time than this a batch is not begun: its first calls to the CRM. Before each further one
/// `call` asks whether there is time for it.
const LEAST_TIME: Duration = Duration::from_mins(1);
/// How long a lease outlives the function: its last write may still be on the way.
const LEASE_SLACK: Duration = Duration::from_secs(5);

/// One delivery of the batch, with every message that asks for it.
#[derive(Debug)]
struct Job {
    reference: DeliveryReference,
    messages: Vec<QueueMessage>,
    /// Whether each of its messages came for the first time.
    fresh: bool,
}

impl Job {
    /// How often it failed, as far as that can be told before the ledger says it: receives count
    /// waits too, so they lengthen the backoff and never end in the dead-letter queue.
    fn failures_before_claim(&self) -> u32 {
        self.receives().saturating_sub(1).min(MAX_FAILURES - 2)
    }

    /// The events of its messages.
    fn events(&self) -> BTreeSet<EventId> {
        let read =
            |message: &QueueMessage| serde_json::from_str::<DeliveryReference>(&message.body);
        let references = self.messages.iter().flat_map(read);
        references.map(|reference| reference.event).collect()
    }

    fn receives(&self) -> u32 {
        self.messages
            .iter()
            .map(|message| message.receives)
            .max()
            .unwrap_or(1)
    }
}

/// Takes a batch of a CRM's queue and answers the ids of the messages that stay in it.
///
/// `remaining` is the time the function has left; leases end just after it.
///
/// Boxed here: across crates the compiler cannot tell that the future is `Send`
/// (<https://github.com/rust-lang/rust/issues/110338>).
pub fn deliver<'a>(
    hub: &'a Hub,
    crm: &'a CrmId,
    messages: Vec<QueueMessage>,
    remaining: Duration,
) -> BoxFuture<'a, Vec<String>> {
    Box::pin(batch(hub, crm, messages, remaining))
}

#[tracing::instrument(skip_all, fields(crm = %crm, messages = messages.len()))]
async fn batch(
    hub: &Hub,
    crm: &CrmId,
    messages: Vec<QueueMessage>,
    remaining: Duration,
) -> Vec<String> {
    let queue = messages
        .first()
        .map(|message| hub.queues().name_of(&message.source).to_owned())
        .unwrap_or_default();
    let deadline = hub.clock().now() + remaining;
    if remaining < LEAST_TIME {
        return messages.into_iter().map(|message| message.id).collect();
    }
    let mut actions = Actions {
        crm,
        queue: &queue,
        list: Vec::new(),
    };
    let jobs = fold(messages, &mut actions);
    let lane = limits::lane_of(&queue);
    let settled = if crm.as_str() == WEBHOOKS {
        let ready = events::prepare(hub, jobs).await;
        let claimed = claim(hub, ready, remaining, &mut actions).await;
        let work = together(claimed).map(|group| events::apply(hub, crm.clone(), group, deadline));
        limits::of_lane(lane, settle::as_they_finish(hub, work.collect())).await
    } else {
        let ready = prepare::prepare(hub, crm, jobs).await;
        let claimed = claim(hub, ready, remaining, &mut actions).await;
        let work = together(claimed).map(|group| apply::apply(hub, group, deadline));
        limits::of_lane(lane, settle::as_they_finish(hub, work.collect())).await
    };
    for (job, action) in settled {
        actions.add(job.messages, &action);
    }
    actions.carry_out(hub).await
}

/// Deliveries of one destination each: those of different ones have nothing to do with each other.
fn together<P>(claimed: Vec<Claimed<P>>) -> impl Iterator<Item = Vec<Claimed<P>>> {
    let mut groups: BTreeMap<(OrganizationId, String), Vec<Claimed<P>>> = BTreeMap::new();
    for claimed in claimed {
        let Claim {
            organization,
            subject,
            ..
        } = &claimed.claim;
        let key = (organization.clone(), subject.destination().to_owned());
        groups.entry(key).or_default().push(claimed);
    }
    groups.into_values()
}

/// Decodes messages and folds those of one delivery: two claims for one key in one batch would
/// meet each other.
fn fold(messages: Vec<QueueMessage>, actions: &mut Actions<'_>) -> Vec<Job> {
    let mut jobs: BTreeMap<(OrganizationId, Subject), Job> = BTreeMap::new();
    let is_for_webhooks = actions.crm.as_str() == WEBHOOKS;
    for message in messages {
        let reference = serde_json::from_str::<DeliveryReference>(&message.body).ok();
        let reference =
            reference.filter(|reference| reference.subject.webhook().is_some() == is_for_webhooks);
        let Some(reference) = reference else {
            actions.add(
                vec![message],
                &QueueAction::DeadLetter("not a reference to a delivery".to_owned()),
            );
            continue;
        };
        let key = (reference.organization.clone(), reference.subject.clone());
        let fresh = message.receives <= 1;
        match jobs.get_mut(&key) {
            Some(job) => {
                if reference.revision > job.reference.revision {
                    job.reference = reference;
                }
                job.fresh &= fresh;
                job.messages.push(message);
            }
            None => drop(jobs.insert(
                key,
                Job {
                    reference,
                    messages: vec![message],
                    fresh,
                },
            )),
        }
    }
    jobs.into_values().collect()
}

/// Claims what is prepared; what is not granted has its action at once.
async fn claim<P: Ready>(
    hub: &Hub,
    (prepared, unready): (Vec<P>, Vec<Unready>),
    remaining: Duration,
    actions: &mut Actions<'_>,
) -> Vec<Claimed<P>> {
    for Unready { job, verdict } in unready {
        let verdict = syncs::settle(hub, &job, verdict).await;
        let action = unclaimed(hub, actions.crm, &job, &verdict).await;
        actions.add(job.messages, &action);
    }
    let now = hub.now_ms();
    let lease = i64::try_from((remaining + LEASE_SLACK).as_millis()).unwrap_or(60_000);
    let claims: Vec<_> = prepared
        .iter()
        .map(|prepared| prepared.claim(hub, now, now + lease))
        .collect();
    let outcomes = hub.store().claim(&claims).await;
    let mut granted = Vec::new();
    for ((prepared, claim), outcome) in prepared.into_iter().zip(claims).zip(outcomes) {
        let action = match outcome {
            Ok(ClaimOutcome::Granted { before }) => {
                let content = &claim.content;
                granted.push(Claimed {
                    unfinished: before.as_ref().map_or_else(
                        || Unfinished::new(content),
                        |before| Unfinished::before(before, content),
                    ),
                    prepared,
                    claim,
                    failures: before.as_ref().map_or(0, |before| before.failures),
                    records: before.map(|before| before.records).unwrap_or_default(),
                });
                continue;
            }
            Ok(ClaimOutcome::Skip(reason)) => {
                let job = prepared.job();
                let verdict = syncs::settle(hub, job, Verdict::Skip(reason)).await;
                unclaimed(hub, actions.crm, job, &verdict).await
            }
            // A worker needs seconds, its lease outlives the function: so ask again soon, and less
            // and less often in case it died.
            Ok(ClaimOutcome::Held { until }) => {
                let soon = backoff(prepared.job().receives(), 1.0);
                QueueAction::Again(spread(hub, soon.min(time_until(until, now))))
            }
            Ok(ClaimOutcome::NotDue { until }) => {
                QueueAction::Again(spread(hub, time_until(until, now).min(LONGEST_WAIT)))
            }
            Err(error) => unclaimed(hub, actions.crm, prepared.job(), &aws_verdict(&error)).await,
        };
        actions.add(prepared.into_job().messages, &action);
    }
    granted
}

/// What becomes of the messages of a delivery that was not claimed.
async fn unclaimed(hub: &Hub, crm: &CrmId, job: &Job, verdict: &Verdict) -> QueueAction {
    let next = retry::next(
        verdict,
        job.failures_before_claim(),
        hub.entropy().unit(),
        hub.clock().now(),
    );
    log(job, verdict, &next.reason);
    if let QueueAction::Hold { until } = next.action {
        let held = held::mark(
            hub,
            until,
            job.reference.revision,
            job.events(),
            &next.reason,
        );
        if let Err(error) = held::hold(hub, crm, &job.reference, held).await {
            return not_held(hub, job, &error);
        }
    }
    next.action
}

/// A delivery that could not be marked keeps its message.
fn not_held(hub: &Hub, job: &Job, error: &AwsError) -> QueueAction {
    tracing::warn!(subject = %job.reference.subject, error = %error, "a delivery could not be held; its message comes again");
    QueueAction::Again(backoff(job.receives(), hub.entropy().unit()))
}

/// The time from one moment to another, both in milliseconds since 1970.
fn time_until(until: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(until - now).unwrap_or(0))
}

/// A wait and up to a second more, so that not all come back at once.
fn spread(hub: &Hub, wait: Duration) -> Duration {
    wait + Duration::from_secs(1).mul_f64(hub.entropy().unit())
}

fn log(job: &Job, verdict: &Verdict, reason: &str) {
    let DeliveryReference { subject, event, .. } = &job.reference;
    let (destination, of) = (subject.destination(), subject.matter());
    let (name, attempt) = (verdict.name(), job.receives());
    match verdict {
        Verdict::Done { .. } => {
            tracing::info!(destination.id = destination, event.id = %event, of, verdict = name, attempt, "delivered");
        }
        Verdict::Skip(skipped) => {
            tracing::info!(destination.id = destination, event.id = %event, of, verdict = name, attempt, reason = skipped.words(), "nothing to write");
        }
        // Somebody has to look: alarms count these.
        Verdict::Bug { .. } | Verdict::Misconfigured { .. } => {
            tracing::error!(destination.id = destination, event.id = %event, of, verdict = name, attempt, reason, "not delivered");
        }
        Verdict::Retry { .. }
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_) => {
            tracing::warn!(destination.id = destination, event.id = %event, of, verdict = name, attempt, reason, "not delivered");
        }
    }
}
