//! A CRM that is gone for ten minutes while traffic goes on: how well its limit is used afterwards, until the
//! backlog is gone, and how often each message is tried.
//!
//! The CRM is the one whose limit is counted over the shortest window: there a backlog meets its limit. It has
//! to take the traffic, though, or no backlog is ever drained: what ten sessions cost in calls says whether it does.

use anyhow::{Context, ensure};
use hub_connectors::CRMS;
use hub_domain::{Timestamp, ledger::DeliveryStatus};
use serde_json::json;

use super::{
    Size,
    delivery::each,
    figures::{Figure, figure},
    reference,
    rig::{BATCH, Rig},
    spent::{many, number},
};

const ORG: &str = "org_bench";
/// Events in a second.
const PER_S: usize = BATCH;

/// A limit: calls in a window.
#[derive(Debug, Clone, Copy)]
struct Limit {
    crm: &'static str,
    requests: u64,
    window_s: u64,
}

/// The limit with the shortest window of all CRMs whose limits take the traffic.
async fn tightest(size: &Size) -> anyhow::Result<Limit> {
    let mut all = Vec::new();
    for crm in CRMS {
        let steps = size.seen.steps(each(crm, size)?).await?;
        if steps.needed_ms(crm)? * many(PER_S) > 1_000.0 {
            continue;
        }
        let connector = hub_connectors::connector(crm).context("no such CRM")??;
        let manifest = connector.manifest();
        let limits = &manifest.limits;
        all.extend(limits.iter().map(|limit| Limit {
            crm,
            requests: limit.requests,
            window_s: limit.window_s,
        }));
    }
    all.into_iter()
        .min_by_key(|limit| (limit.window_s, limit.requests))
        .context("no CRM has a limit")
}

pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let limit = tightest(size).await?;
    let rig = Rig::without_stream(3).await?;
    rig.organization(ORG).await?;
    rig.connect(ORG, limit.crm).await?;
    let account = rig.wire.account(limit.crm)?;
    account
        .add_fault(json!({ "fault": "outage", "seconds": size.outage_s }))
        .map_err(|error| anyhow::anyhow!("{}: {error}", limit.crm))?;
    let back_at = rig.time.now_ms() + i64::try_from(size.outage_s)? * 1_000;
    let (mut sent, mut received) = (0, 0);
    // Traffic goes on until the backlog is gone; then the rest is worked off.
    let drained_at = loop {
        let events: Vec<_> = (sent..sent + PER_S)
            .map(|number| reference::event(ORG, number))
            .collect();
        rig.ingest(&events).await?;
        rig.dispatch().await;
        sent += events.len();
        let second = rig.time.now_ms() + 1_000;
        received += work_until(&rig, limit.crm, second).await?;
        let is_back = rig.time.now_ms() > back_at;
        if is_back && waiting(&rig, limit.crm) == 0 {
            break rig.time.now_ms();
        }
        ensure!(
            rig.time.now_ms() < back_at + 4 * 3_600_000,
            "after four hours {} messages still wait",
            waiting(&rig, limit.crm)
        );
    };
    let entries = rig.deliveries(ORG).await?;
    let delivered = entries
        .iter()
        .filter(|entry| entry.status == DeliveryStatus::Delivered)
        .count();
    ensure!(delivered == sent, "{delivered} of {sent} were delivered");
    let (from, to) = (moment(back_at)?, moment(drained_at)?);
    let answered = account
        .requests()
        .into_iter()
        .filter(|request| request.status.is_some_and(|status| status < 400) && request.at >= from);
    let times: Vec<Timestamp> = answered.map(|request| request.at).collect();
    let first = times.first().copied().context("nothing was answered")?;
    let taken = times.iter().filter(|at| **at < to).count();
    let millis = (to.as_millisecond() - first.as_millisecond()).unsigned_abs();
    let room = number(limit.requests) * number(millis) / (number(limit.window_s) * 1_000.0);
    Ok(vec![
        figure("drain.utilisation", many(taken) / room * 100.0, "%"),
        figure(
            "drain.attempts_per_delivery",
            many(received) / many(delivered),
            "receives",
        ),
    ])
}

/// Works on whatever becomes visible before a moment, and goes there. Returns how many messages were received.
async fn work_until(rig: &Rig, crm: &str, until: i64) -> anyhow::Result<usize> {
    let source = rig.deliver.get(crm).context("no such CRM")?;
    let mut received = 0;
    loop {
        loop {
            let found = rig.aws.poll_once(source).await;
            received += found;
            if found == 0 {
                break;
            }
        }
        match rig.aws.next_due(&source.queue) {
            Some(due) if due.as_millisecond() <= until => {
                rig.time.go_to(due.as_millisecond()).await;
            }
            Some(_) | None => break,
        }
    }
    rig.time.go_to(until).await;
    Ok(received)
}

fn waiting(rig: &Rig, crm: &str) -> usize {
    let source = rig.deliver.get(crm);
    let depth = source.and_then(|source| rig.aws.queue(&source.queue));
    depth.map_or(0, |depth| depth.total())
}

fn moment(ms: i64) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_millisecond(ms)?)
}
