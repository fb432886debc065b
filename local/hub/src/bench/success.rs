//! Accepted and delivered once, while the CRM fails in every common way.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use hub_connectors::{CRMS, ReadBack};
use hub_domain::{ConnectionId, Timestamp, ledger::DeliveryStatus, mapping::RecordKind};
use hub_engine::{deliveries, identity::Caller, tick};
use serde_json::{Value, json};

use super::{
    Size,
    figures::{Figure, figure},
    reference,
    rig::{BATCH, Rig, admin},
    spent::many,
};

const ORG: &str = "org_bench";
/// Keys in one look-up when the CRM is asked what it holds: few, as it begins anew when a limit of an hour ends it.
const KEYS: usize = 5;
/// How often a reading that fails is asked again.
const TIMES: usize = 48;
/// How much later: limits are of an hour at most, and a reading that begins anew must not use up what came back of
/// one meanwhile.
const LATER_MS: i64 = 3_600_000;
/// Ticks until what waits outside the queue has to be back: a day.
const TICKS: usize = 24 * 60;

/// What befalls the CRM, one after the other, a batch each. Requests that are lost on the way there and on the
/// way back, answers of every kind, a minute in which nothing answers.
fn faults() -> Vec<Value> {
    vec![
        json!({ "fault": "server_error", "times": 2 }),
        json!({ "fault": "drop_after", "times": 1, "where": { "nth": 2 } }),
        json!({ "fault": "rate_limit", "times": 1 }),
        json!({ "fault": "drop_before", "times": 2 }),
        json!({ "fault": "drop_after", "times": 1 }),
        json!({ "fault": "concurrency_limit", "times": 1 }),
        json!({ "fault": "status", "status": 503, "times": 3 }),
        json!({ "fault": "outage", "seconds": 60 }),
    ]
}

/// A token that ends before its time, where the hub has what gets another: otherwise a person has to connect
/// again, and nobody waits for that here.
fn spent_token() -> Value {
    json!({ "fault": "expire_access_token", "times": 1 })
}

/// All CRMs of the registry.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let (mut accepted, mut once) = (0, 0);
    for crm in CRMS {
        let rig = Rig::without_stream(7).await?;
        rig.organization(ORG).await?;
        let connection = rig.connect(ORG, crm).await?;
        let account = rig.wire.account(crm)?;
        let token = rig.refreshes(ORG, &connection).await?.then(spent_token);
        let mut faults = faults().into_iter().chain(token).cycle();
        for first in (0..size.accepted).step_by(BATCH) {
            let fault = faults.next().context("no fault")?;
            account
                .add_fault(fault)
                .map_err(|error| anyhow::anyhow!("{crm}: {error}"))?;
            let events: Vec<_> = (first..first + BATCH)
                .map(|number| reference::event(ORG, number))
                .collect();
            rig.ingest(&events).await?;
            rig.dispatch().await;
            while rig.deliver_once(crm).await? > 0 {}
            rig.time.pass(1_000).await;
        }
        finish(&rig, crm).await?;
        // Reading is not what is measured: the CRM's windows are empty again.
        rig.time.pass(600_000).await;
        accepted += size.accepted;
        let found = delivered_once(&rig).await;
        once += found.with_context(|| format!("what {crm} holds cannot be read"))?;
    }
    Ok(vec![figure(
        "success.rate",
        many(once) / many(accepted),
        "",
    )])
}

/// Delivers until nothing waits, outside the queue neither.
async fn finish(rig: &Rig, crm: &'static str) -> anyhow::Result<()> {
    for _ in 0..TICKS {
        rig.deliver(crm).await?;
        let entries = rig.deliveries(ORG).await?;
        if entries
            .iter()
            .all(|entry| entry.status != DeliveryStatus::Held)
        {
            return Ok(());
        }
        rig.time.pass(60_000).await;
        let now = Timestamp::from_millisecond(rig.time.now_ms())?;
        tick::tick(&rig.hub, now).await;
    }
    Ok(())
}

/// What the CRM holds under these keys. A fault that is left over, or a limit, strikes the reading; it is asked
/// again later.
async fn read_back(
    rig: &Rig,
    caller: &Caller,
    connection: &ConnectionId,
    (kind, object): (RecordKind, &str),
    keys: Vec<String>,
) -> anyhow::Result<Vec<ReadBack>> {
    let ask = || deliveries::read_back(&rig.hub, caller, connection, kind, object, keys.clone());
    for _ in 0..TIMES {
        if let Ok(found) = ask().await {
            return Ok(found);
        }
        rig.time.pass(LATER_MS).await;
    }
    Ok(ask().await?)
}

/// How many sessions have each of their records in the CRM, and none twice: by the plan, and by asking it.
async fn delivered_once(rig: &Rig) -> anyhow::Result<usize> {
    let caller = admin(ORG)?;
    let mut wanted: BTreeMap<(RecordKind, String), Vec<(String, usize)>> = BTreeMap::new();
    let mut missing: BTreeSet<usize> = BTreeSet::new();
    let entries = rig.deliveries(ORG).await?;
    for (place, entry) in entries.iter().enumerate() {
        let detail = deliveries::get(&rig.hub, &caller, &entry.id()).await?;
        let writes = detail.plan.map(|plan| plan.writes).unwrap_or_default();
        if writes.is_empty() {
            missing.insert(place);
        }
        for write in writes {
            let group = wanted.entry((write.kind, write.object)).or_default();
            group.push((write.key, place));
        }
    }
    let first = entries.first().context("there is no delivery")?;
    let connection = first.subject.connection();
    let connection = connection.context("a delivery to no connection")?;
    for ((kind, object), keys) in wanted {
        for chunk in keys.chunks(KEYS) {
            let asked = chunk.iter().map(|(key, _)| key.clone()).collect();
            let found = read_back(rig, &caller, connection, (kind, &object), asked).await?;
            for (key, place) in chunk {
                if found.iter().filter(|record| record.key == *key).count() != 1 {
                    missing.insert(*place);
                }
            }
            rig.time.pass(10_000).await;
        }
    }
    Ok(entries.len() - missing.len())
}
