//! Trying deliveries again because somebody says so: one, or all that failed for the same reason.
//!
//! A delivery is opened and marked as held until now by one write; then its message is sent and the mark
//! taken away, as at any release. So whoever dies in between leaves something that the next tick sends,
//! and who asks twice gets one attempt, or two of which the second finds nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use hub_aws::{AwsError, store::HeldDelivery};
use hub_connectors::{Idempotency, connectable};
use hub_domain::{
    CrmId, DeliveryId, Faults, Subject,
    filter::{DeliveryFilter, STATUSES, VERDICTS},
    ledger::{DeliveryStatus, HeldFor, LedgerEntry, NotRetried, Retried},
    limits::MAX_SHORT,
    reader::Reader,
};
use serde_json::Value;

use super::{PAGE, known};
use crate::{
    destination::Destination,
    error::EngineError,
    held::{self, Way},
    hub::Hub,
    identity::{Caller, Role},
};

/// Deliveries that one call tries again at most: about three seconds of calls to AWS.
const MOST: usize = 1_000;
/// Pages of the table that one call looks at; what a filter leaves out costs time too. Fifteen seconds at
/// most, half of what API Gateway waits.
const PAGES: usize = 25;
/// Ids that an answer shows.
const SHOWN: usize = 20;
/// Deliveries that are opened side by side.
const TOGETHER: usize = 10;
/// What is said of a delivery that goes again.
const AGAIN: &str = "somebody asked that it be tried again";
const MEMBERS: &str =
    "status, crm, connection, webhook, session, verdict, field, since, until, dry_run or cursor";
/// The longest cursor: a filter's name and a place.
const MAX_CURSOR: usize = 4_096;

/// Which deliveries to try again.
#[derive(Debug, Default)]
pub struct AgainRequest {
    /// Which.
    pub filter: DeliveryFilter,
    /// Whether they are only counted.
    pub dry_run: bool,
    /// Where the answer before ended.
    pub cursor: Option<String>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Again {
    /// How many fit, as far as was looked.
    pub matched: usize,
    /// How many go again now; with `dry_run`, how many would.
    pub retried: usize,
    /// How many cannot, by the reason.
    pub refused: BTreeMap<NotRetried, usize>,
    /// The first of those that go again.
    pub first: Vec<DeliveryId>,
    /// Where to go on, if not all were looked at: the store's place.
    pub next: Option<String>,
}

impl AgainRequest {
    /// Reads it.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let found = Self::from_reader(value, &mut faults);
        match found {
            Some(found) if faults.is_empty() => Ok(found),
            _ => Err(faults),
        }
    }

    fn from_reader(value: &Value, faults: &mut Faults) -> Option<Self> {
        let mut reader = Reader::new(value, "", faults)?;
        let mut choice = |reader: &mut Reader<'_>, key: &str, known: Vec<&str>| {
            let found = reader.text(key, MAX_SHORT, faults)?;
            if !known.contains(&found.as_str()) {
                faults.push(
                    format!("/{key}"),
                    format!("is '{found}'"),
                    format!("one of {}", known.join(", ")),
                );
            }
            Some(found)
        };
        let statuses = STATUSES.iter().map(|(name, _)| *name).collect();
        let status = choice(&mut reader, "status", statuses);
        let verdict = choice(&mut reader, "verdict", VERDICTS.to_vec());
        let crm = choice(&mut reader, "crm", connectable().collect());
        let named = |name: &String| STATUSES.iter().find(|(known, _)| known == name);
        let filter = DeliveryFilter {
            connection: reader.id("connection", faults),
            webhook: reader.id("webhook", faults),
            crm: crm.and_then(|crm| crm.parse().ok()),
            of_crm: None,
            session: reader.id("session", faults),
            status: status.as_ref().and_then(named).map(|(_, status)| *status),
            verdict,
            field: reader.text("field", MAX_SHORT, faults),
            since: reader.time("since", faults),
            until: reader.time("until", faults),
        };
        let dry_run = reader.boolean("dry_run", faults).unwrap_or_default();
        let cursor = reader.text("cursor", MAX_CURSOR, faults);
        for unknown in reader.rest().keys() {
            faults.push(format!("/{unknown}"), "is unknown", MEMBERS);
        }
        Some(Self {
            filter,
            dry_run,
            cursor,
        })
    }
}

/// Tries one delivery again, now.
///
/// # Errors
/// The caller is no manager, it is not there, or there is nothing to try again.
pub async fn retry(
    hub: &Hub,
    caller: &Caller,
    id: &DeliveryId,
) -> Result<LedgerEntry, EngineError> {
    caller.at_least(Role::Manager)?;
    let read = || async {
        let found = hub.store().delivery(&caller.organization, id).await;
        let found = found.map_err(EngineError::aws("the delivery"))?;
        found.ok_or(EngineError::NotFound("the delivery"))
    };
    let entry = read().await?;
    let destination = match &entry.subject {
        Subject::Session { connection, .. } => {
            let found = hub.store().connection(&caller.organization, connection);
            let found = found.await.map_err(EngineError::aws("the connection"))?;
            Destination::of_connection(found.as_ref())
        }
        Subject::Event { webhook, .. } => {
            let found = hub.store().webhook(&caller.organization, webhook).await;
            Destination::of_webhook(found.map_err(EngineError::aws("the webhook"))?.as_ref())
        }
    };
    let refused = |why: NotRetried| EngineError::Conflict(why.words().to_owned());
    let crm = openable(&entry, destination, hub.now_ms()).map_err(refused)?;
    let (entry, reason) = looked_at(hub, &crm, entry);
    open(hub, caller, &crm, &entry, &reason)
        .await
        .map_err(EngineError::aws("the delivery"))?
        .map_err(refused)?;
    send(hub, caller, &crm, vec![id.clone()], Way::Live).await;
    read().await
}

/// Tries all again that fit: what cannot be is counted by its reason. The first go at once, the others at
/// the pace of held work. `next` says where to go on; without one, all were looked at.
///
/// # Errors
/// The caller is no manager, or AWS does not answer; what was opened goes on, and a repeat with the same
/// cursor opens the rest.
pub async fn retry_all(
    hub: &Hub,
    caller: &Caller,
    request: &AgainRequest,
) -> Result<Again, EngineError> {
    caller.at_least(Role::Manager)?;
    hub.forget(&caller.organization);
    let filter = known(hub, caller, &request.filter).await?;
    let mut again = Again {
        next: request.cursor.clone(),
        ..Again::default()
    };
    let mut at_once: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..PAGES {
        let place = again.next.take();
        let page = hub
            .store()
            .deliveries(&caller.organization, &filter, place.as_deref(), PAGE)
            .await
            .map_err(EngineError::aws("the deliveries"))?;
        again.next = page.next;
        let fitting = page.deliveries.into_iter();
        let fitting: Vec<_> = fitting
            .filter(|entry| filter.status.is_some() || failed(entry.status))
            .collect();
        let opened = open_all(hub, caller, request, fitting, &mut again).await?;
        for (crm, ids) in opened {
            let few = ids.into_iter().filter(|id| {
                id.subject().is_some_and(|subject| {
                    let before = at_once.entry(subject.destination().to_owned()).or_default();
                    *before += 1;
                    *before <= held::PER_TICK
                })
            });
            send(hub, caller, &crm, few.collect(), Way::Bulk).await;
        }
        if again.next.is_none() || again.matched >= MOST {
            break;
        }
    }
    Ok(again)
}

/// What counts as failed where nobody says which.
fn failed(status: DeliveryStatus) -> bool {
    match status {
        DeliveryStatus::Parked | DeliveryStatus::DeadLettered => true,
        DeliveryStatus::Claimed
        | DeliveryStatus::Delivered
        | DeliveryStatus::Skipped
        | DeliveryStatus::Retrying
        | DeliveryStatus::Waiting
        | DeliveryStatus::Held => false,
    }
}

/// Opens what can be, and counts; with `dry_run` it only counts. What was opened, by CRM.
async fn open_all(
    hub: &Hub,
    caller: &Caller,
    request: &AgainRequest,
    fitting: Vec<LedgerEntry>,
    again: &mut Again,
) -> Result<BTreeMap<CrmId, Vec<DeliveryId>>, EngineError> {
    let now = hub.now_ms();
    let mut opened: BTreeMap<CrmId, Vec<DeliveryId>> = BTreeMap::new();
    for together in fitting.chunks(TOGETHER) {
        let opening = together.iter().map(|entry| async move {
            let destination = Destination::of(hub, &entry.organization, &entry.subject).await?;
            let crm = match openable(entry, destination, now) {
                Ok(crm) => crm,
                Err(why) => return Ok(Err(why)),
            };
            if entry.unfinished.has_doubts() && is_never_known(hub, &crm) {
                return Ok(Err(NotRetried::Doubt));
            }
            if request.dry_run {
                return Ok(Ok(crm));
            }
            let done = open(hub, caller, &crm, entry, AGAIN).await?;
            Ok::<_, AwsError>(done.map(|()| crm))
        });
        for (entry, result) in together.iter().zip(join_all(opening).await) {
            again.matched += 1;
            match result.map_err(EngineError::aws("a delivery"))? {
                Ok(crm) => {
                    again.retried += 1;
                    if again.first.len() < SHOWN {
                        again.first.push(entry.id());
                    }
                    if !request.dry_run {
                        opened.entry(crm).or_default().push(entry.id());
                    }
                }
                Err(why) => *again.refused.entry(why).or_default() += 1,
            }
        }
    }
    Ok(opened)
}

/// The CRM that a delivery goes to again, or why it does not.
fn openable(entry: &LedgerEntry, destination: Destination, now: i64) -> Result<CrmId, NotRetried> {
    if let Some(why) = entry.not_retried(now) {
        return Err(why);
    }
    match destination {
        Destination::InUse(crm) => Ok(crm),
        Destination::Waits | Destination::Gone => Err(NotRetried::NotInUse),
    }
}

/// Opens a delivery and marks it as held until now.
async fn open(
    hub: &Hub,
    caller: &Caller,
    crm: &CrmId,
    entry: &LedgerEntry,
    reason: &str,
) -> Result<Result<(), NotRetried>, AwsError> {
    let now = hub.clock().now();
    let (mut events, mut revision) = (BTreeSet::from([entry.event.clone()]), entry.revision);
    if let Some(held) = &entry.held {
        events.extend(held.events.iter().cloned());
        revision = revision.max(held.revision);
    }
    let mut mark = held::mark(hub, Some(now), revision, events, reason);
    mark.why = HeldFor::Time;
    let asked = Retried {
        by: caller.subject.clone(),
        at: now.as_millisecond(),
    };
    let opened = hub
        .store()
        .reopen(
            entry,
            Some(&asked),
            Some((crm, &mark)),
            now.as_millisecond(),
        )
        .await;
    match opened {
        Ok(()) => Ok(Ok(())),
        Err(AwsError::Conflict { .. }) => Ok(Err(NotRetried::Changed)),
        Err(error) => Err(error),
    }
}

/// Whether nobody but a person can find out what became of a write at this CRM.
fn is_never_known(hub: &Hub, crm: &CrmId) -> bool {
    let manifest = hub.manifest(crm);
    manifest.is_ok_and(|manifest| manifest.idempotency == Idempotency::None)
}

/// A delivery that a person wants tried again, and what the answer says of that. Whoever asks for this one
/// has looked into a CRM that cannot be asked: what was in doubt there is sent again.
fn looked_at(hub: &Hub, crm: &CrmId, mut entry: LedgerEntry) -> (LedgerEntry, String) {
    if !entry.unfinished.has_doubts() || !is_never_known(hub, crm) {
        return (entry, AGAIN.to_owned());
    }
    let keys: Vec<&str> = entry.unfinished.in_doubt().collect();
    let what = match keys.as_slice() {
        [] => "all of it".to_owned(),
        keys => keys.join(", "),
    };
    let reason =
        format!("{AGAIN}; of {what} nobody knew whether it was made, and it is sent again");
    entry.unfinished.clear_all();
    (entry, reason)
}

/// Sends what was opened; what cannot be sent now is sent by the next tick.
async fn send(hub: &Hub, caller: &Caller, crm: &CrmId, ids: Vec<DeliveryId>, way: Way) {
    let found: Vec<_> = ids
        .into_iter()
        .map(|delivery| HeldDelivery {
            organization: caller.organization.clone(),
            delivery,
        })
        .collect();
    if let Err(error) = held::send_marked(hub, crm, &found, way, hub.clock().now()).await {
        tracing::warn!(error = %error, "deliveries that somebody wants tried again go with the next tick");
    }
}
