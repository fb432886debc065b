//! Setting held work free, at a bounded pace for each connection.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use hub_aws::{
    AwsError, Outgoing,
    store::{HeldDelivery, HeldWhen, ReleaseNote},
};
use hub_domain::{
    Connection, ConnectionState, CrmId, EventId, OrganizationId, SkipReason, Subject, Timestamp,
    ledger::{Held, HeldFor, LedgerEntry, UNTIL_IN_USE},
    subscription::Month,
};

use super::{
    lanes::{Lanes, Way},
    words,
};
use crate::{
    destination::Destination,
    error::EngineError,
    hub::Hub,
    plans,
    reference::{DeliveryReference, VERSION},
};

/// Deliveries of one connection that one tick releases. It is 144,000 a day: more than the largest
/// day's limit of a CRM that we know takes, and few enough that what a limit refuses again is held again
/// for little.
pub const PER_TICK: usize = 100;
/// Deliveries that one tick releases of one CRM: about ten seconds of calls to AWS.
const AT_ONCE: usize = 2_000;
/// Places in one partition of the index that one tick looks at, so that those of a connection with much
/// held keep no other's from being found. A place is about 100 bytes: 1 MB, 125 read units.
const LOOKED_AT: usize = 10_000;
/// Notes of one CRM that one tick looks at.
const NOTES: usize = 100;
/// When a note is looked at that was made at once: by then every worker has seen the connection as it
/// is since (configuration is kept for 30 s), and the index has what was marked meanwhile.
const NOTE_AFTER_MS: i64 = 60_000;
/// Deliveries that are looked at side by side: one call to SQS takes their messages.
const TOGETHER: usize = 10;

/// What became of held work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// Deliveries whose message was sent.
    pub sent: usize,
    /// Deliveries that are held on, all of their events or some.
    pub held: usize,
    /// Deliveries that nothing is left to do of: written meanwhile, or without a connection.
    pub dropped: usize,
}

impl Released {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.held += other.held;
        self.dropped += other.dropped;
    }
}

/// Releases what of an organization may go on because its plan may have grown: of each connection what
/// waits for the end of this month. What does not go at once goes with the next ticks.
///
/// # Errors
/// Something of AWS does not answer; what was released is released, and a repeat goes on.
pub async fn release(
    hub: &Hub,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let mut released = Released::default();
    let connections = hub.connections(organization).await;
    for connection in connections.map_err(unavailable)?.iter() {
        if hub.registry().delivers(&connection.crm) {
            let (crm, id) = (&connection.crm, connection.id.as_str());
            released.add(goes_on(hub, crm, organization, id, now).await?);
        }
    }
    Ok(released)
}

/// The held work of a connection or webhook goes on, or ends with it: the first of it at once, the rest with
/// the ticks. It may be repeated.
pub(crate) async fn goes_on(
    hub: &Hub,
    crm: &CrmId,
    organization: &OrganizationId,
    id: &str,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let at = now.as_millisecond() + NOTE_AFTER_MS;
    let noted = hub.store().note_release(crm, organization, id, at).await;
    noted.map_err(unavailable)?;
    let (_, released) = of_one(hub, crm, organization, id, now).await?;
    Ok(released)
}

/// Releases what the time has come for, of every organization, and goes on with what notes say.
///
/// # Errors
/// Something of AWS does not answer; what was released is released, and a repeat goes on.
pub async fn release_due(hub: &Hub, now: Timestamp) -> Result<Released, EngineError> {
    let mut released = Released::default();
    for crm in destinations(hub) {
        let due = HeldWhen::Due(now.as_millisecond());
        let due = hub.store().held(&crm, due, LOOKED_AT).await;
        let mut of_each: BTreeMap<_, usize> = BTreeMap::new();
        let mut chosen = due.map_err(unavailable)?;
        chosen.retain(|found| {
            let destination = found.delivery.subject();
            let destination = destination.map(|subject| subject.destination().to_owned());
            let before = of_each
                .entry((found.organization.clone(), destination))
                .or_default();
            *before += 1;
            *before <= PER_TICK
        });
        chosen.truncate(AT_ONCE);
        released.add(portion(hub, &crm, &chosen, Way::ByNumber, now).await?);
        let notes = hub
            .store()
            .releases(&crm, now.as_millisecond(), NOTES)
            .await
            .map_err(unavailable)?;
        for note in notes {
            released.add(follow(hub, &crm, &note, now).await?);
        }
    }
    Ok(released)
}

/// One portion of what a note says; the note goes once nothing is left that could.
async fn follow(
    hub: &Hub,
    crm: &CrmId,
    note: &ReleaseNote,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let (organization, destination) = (&note.organization, &note.destination);
    let (found, released) = of_one(hub, crm, organization, destination, now).await?;
    // Without room in the plan nothing moves, and the end of the month does what is left.
    if found < PER_TICK || released.sent + released.dropped == 0 {
        let forgotten = hub.store().forget_release(note).await;
        forgotten.map_err(unavailable)?;
    }
    Ok(released)
}

/// One portion of what waits for a connection or webhook, or for room in the plan; how much was found of it.
async fn of_one(
    hub: &Hub,
    crm: &CrmId,
    organization: &OrganizationId,
    destination: &str,
    now: Timestamp,
) -> Result<(usize, Released), EngineError> {
    let month_ends = Month::of(now).ends_at.as_millisecond();
    let mut found = Vec::new();
    for until in [UNTIL_IN_USE, month_ends] {
        let when = HeldWhen::Until(organization, until);
        let waiting = hub.store().held(crm, when, LOOKED_AT).await;
        found.extend(waiting.map_err(unavailable)?.into_iter().filter(|found| {
            found
                .delivery
                .subject()
                .is_some_and(|subject| subject.destination() == destination)
        }));
    }
    found.truncate(PER_TICK);
    let released = portion(hub, crm, &found, Way::ByNumber, now).await?;
    Ok((found.len(), released))
}

/// What is to be done with one delivery.
enum Step {
    /// Nothing: it is not held any more.
    Gone,
    /// It was written meanwhile.
    Unmark(Box<LedgerEntry>),
    /// Its connection has ended, and it with it.
    End(Box<LedgerEntry>),
    /// It stays held: as it is, or as the mark says.
    Stay(Box<LedgerEntry>, Option<Held>),
    /// Its message is sent, then the mark is taken away, or left for what stays held.
    Send(Box<LedgerEntry>, Outgoing, Option<Held>),
}

/// Releases deliveries as far as there is room.
async fn portion(
    hub: &Hub,
    crm: &CrmId,
    found: &[HeldDelivery],
    way: Way,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let mut released = Released::default();
    let lanes = Lanes::of(way, found);
    for together in found.chunks(TOGETHER) {
        let steps = join_all(together.iter().map(|found| look(hub, found, now))).await;
        let steps: Vec<Step> = steps.into_iter().collect::<Result<_, _>>()?;
        released.add(carry_out(hub, crm, steps, &lanes, now).await?);
    }
    Ok(released)
}

async fn carry_out(
    hub: &Hub,
    crm: &CrmId,
    steps: Vec<Step>,
    by: &Lanes,
    now: Timestamp,
) -> Result<Released, EngineError> {
    let mut released = Released::default();
    let mut marks: Vec<(Box<LedgerEntry>, Option<Held>)> = Vec::new();
    let mut lanes: BTreeMap<&str, (Vec<Outgoing>, Vec<_>)> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Gone => {}
            Step::Unmark(entry) => {
                released.dropped += 1;
                marks.push((entry, None));
            }
            Step::End(entry) => {
                released.dropped += 1;
                end(hub, &entry, now).await.map_err(unavailable)?;
            }
            Step::Stay(entry, mark) => {
                released.held += 1;
                if mark.is_some() {
                    marks.push((entry, mark));
                }
            }
            Step::Send(entry, message, rest) => {
                released.held += usize::from(rest.is_some());
                let (messages, sent) = lanes.entry(by.lane(&entry)).or_default();
                messages.push(message);
                sent.push((entry, rest));
            }
        }
    }
    let mut failed = None;
    for (lane, (messages, sent)) in lanes {
        let queue = format!("{crm}-{lane}");
        let results = hub.queues().send_batch(&queue, messages).await;
        for (mark, result) in sent.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    released.sent += 1;
                    marks.push(mark);
                }
                Err(error) => failed = Some(error),
            }
        }
    }
    let unmarked = marks.iter().map(|(entry, rest)| async move {
        // One that was changed meanwhile is looked at again at the next tick.
        match hub
            .store()
            .unhold(entry, rest.as_ref().map(|rest| (crm, rest)))
            .await
        {
            Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    });
    for result in join_all(unmarked).await {
        if let Err(error) = result {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(released), |error| Err(unavailable(error)))
}

/// Sends what was just marked, at once: whoever marks it may die before, and the tick does it.
pub(crate) async fn send_marked(
    hub: &Hub,
    crm: &CrmId,
    found: &[HeldDelivery],
    way: Way,
    now: Timestamp,
) -> Result<Released, EngineError> {
    portion(hub, crm, found, way, now).await
}

async fn look(hub: &Hub, found: &HeldDelivery, now: Timestamp) -> Result<Step, EngineError> {
    let entry = hub.store().delivery(&found.organization, &found.delivery);
    // The index is older than the item.
    let Some(entry) = entry.await.map_err(unavailable)?.map(Box::new) else {
        return Ok(Step::Gone);
    };
    let Some(held) = entry.held.clone() else {
        return Ok(Step::Gone);
    };
    if held.is_written(entry.settled) {
        return Ok(Step::Unmark(entry));
    }
    match Destination::of(hub, &entry.organization, &entry.subject)
        .await
        .map_err(unavailable)?
    {
        Destination::Gone => return Ok(Step::End(entry)),
        Destination::Waits => {
            let mark = (held.why != HeldFor::Connection).then(|| Held {
                until: UNTIL_IN_USE,
                why: HeldFor::Connection,
                reason: "it goes on once its destination is in use".to_owned(),
                ..held
            });
            return Ok(Step::Stay(entry, mark));
        }
        Destination::InUse(_) => {}
    }
    let Some(connection) = entry.subject.connection() else {
        // What goes to a webhook is no sync.
        let event = entry.event.clone();
        let message = message(&entry, &held, event)?;
        return Ok(Step::Send(entry, message, None));
    };
    let mut rest = Held {
        until: Month::of(now).ends_at.as_millisecond(),
        why: HeldFor::Plan,
        ..held.clone()
    };
    let mut last = None;
    for event in &held.events {
        match plans::take_sync(hub, &entry.organization, event, connection, now)
            .await
            .map_err(unavailable)?
        {
            Ok(()) => {
                rest.events.remove(event);
                last = Some(event);
            }
            Err(reached) => rest.reason = words(&reached, &Month::of(now)),
        }
    }
    let stays = (!rest.events.is_empty()).then_some(rest);
    if let Some(event) = last {
        let message = message(&entry, &held, event.clone())?;
        return Ok(Step::Send(entry, message, stays));
    }
    let changed = stays.filter(|stays| *stays != held);
    Ok(Step::Stay(entry, changed))
}

/// Whether what waits for a connection need not wait any more.
pub(crate) fn is_in_use(connection: &Connection) -> bool {
    connection.takes_events() && connection.state == ConnectionState::Active
}

/// What is held for a destination that has ended is skipped, and skips are free.
async fn end(hub: &Hub, entry: &LedgerEntry, now: Timestamp) -> Result<(), AwsError> {
    for event in entry.held.iter().flat_map(|held| &held.events) {
        if let Some(connection) = entry.subject.connection() {
            plans::settle_sync(hub, &entry.organization, event, connection, true).await?;
        }
    }
    let reason = match entry.subject {
        Subject::Session { .. } => SkipReason::ConnectionOff,
        Subject::Event { .. } => SkipReason::WebhookGone,
    };
    let reason = reason.words();
    let ended = hub
        .store()
        .end_held(entry, reason, now.as_millisecond())
        .await;
    match ended {
        Ok(()) | Err(AwsError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn message(entry: &LedgerEntry, held: &Held, event: EventId) -> Result<Outgoing, EngineError> {
    let reference = DeliveryReference {
        v: VERSION,
        organization: entry.organization.clone(),
        subject: entry.subject.clone(),
        event,
        revision: held.revision,
    };
    reference.message().map_err(|error| EngineError::Bug {
        context: "writing a message",
        source: Some(Box::new(error)),
    })
}

fn unavailable(error: AwsError) -> EngineError {
    EngineError::aws("held work")(error)
}

fn destinations(hub: &Hub) -> Vec<CrmId> {
    let names = hub.registry().destinations();
    names.filter_map(|crm| crm.parse().ok()).collect()
}
