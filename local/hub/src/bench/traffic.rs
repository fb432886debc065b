//! Steady traffic through a warm hub, each function's part counted by itself.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use hub_connectors::{CRMS, Manifest, WEBHOOKS};
use hub_domain::{ledger::DeliveryStatus, webhook::RATE_LIMIT};
use tracing::subscriber;

use super::{
    book::Book,
    reference,
    rig::Rig,
    spent::{Spent, many, number},
    wire::CrmCalls,
};

/// Between two events, in milliseconds: ten a second.
const EVENT_MS: usize = 100;

/// What comes, and how much of it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Of each event's tenant: a connection to each, the same CRM twice if it is named twice, or a webhook.
    pub(crate) crms: Vec<&'static str>,
    /// Organizations, whose events come in turn.
    pub(crate) tenants: usize,
    /// Events in a request of liveprompt.
    pub(crate) request: usize,
    /// Messages in a batch, which come together.
    pub(crate) batch: usize,
    /// Events in all.
    pub(crate) events: usize,
}

impl Traffic {
    /// One connection, ten at once.
    pub(crate) fn of(crm: &'static str, events: usize) -> Self {
        Self {
            crms: vec![crm],
            tenants: 1,
            request: 10,
            batch: 10,
            events,
        }
    }
}

/// The CRMs that the goals are set for. Others may have no room in their limits for the steady traffic: it
/// waits, and what a figure shows is the waiting.
pub(crate) fn steady() -> anyhow::Result<Vec<&'static str>> {
    let wanted = Book::read()?.reference.crms;
    let of = |name: &String| {
        let known = CRMS.iter().copied().find(|crm| crm == name);
        known.with_context(|| format!("docs/bench.toml names {name}, which is no CRM"))
    };
    wanted.iter().map(of).collect()
}

fn manifest(crm: &str) -> anyhow::Result<Manifest> {
    let connector = hub_connectors::connector(crm).context("no such CRM")??;
    Ok(connector.manifest().clone())
}

/// How long a CRM's limits need for such calls, in milliseconds, with a fifth of them to spare. The limits of a
/// day are left out: no traffic of a minute comes near them.
fn needed_ms(crm: &str, calls: CrmCalls) -> anyhow::Result<f64> {
    if crm == WEBHOOKS {
        return Ok(number(calls.writes) * 1_250.0 / f64::from(RATE_LIMIT));
    }
    let manifest = manifest(crm)?;
    let each = manifest
        .limits
        .iter()
        .filter(|limit| limit.window_s <= 3_600);
    let each = each.map(|limit| {
        let cost = number(calls.lookups) * f64::from(limit.cost.find_people)
            + number(calls.writes) * f64::from(limit.cost.write);
        cost * number(limit.window_s) / number(limit.requests) * 1_250.0
    });
    Ok(each.fold(0.0, f64::max))
}

/// What each function spent, for all events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    pub(crate) events: usize,
    pub(crate) requests: usize,
    pub(crate) deliveries: usize,
    pub(crate) ingest: Spent,
    pub(crate) dispatch: Spent,
    pub(crate) deliver: Spent,
    pub(crate) derive: Spent,
    /// What deliver logged at level `info`.
    pub(crate) log_bytes: u64,
}

impl Steps {
    /// How long a CRM's limits need for one of the events, in milliseconds, with a fifth to spare.
    pub(crate) fn needed_ms(&self, crm: &str) -> anyhow::Result<f64> {
        Ok(needed_ms(crm, self.deliver.crm)? / many(self.events))
    }
}

/// What each traffic spent, so that parts which look at the same do not let it pass twice.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Vec<(Traffic, Steps)>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<(Traffic, Steps)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What such traffic spends.
    pub(crate) async fn steps(&self, traffic: Traffic) -> anyhow::Result<Steps> {
        let known = self
            .lock()
            .iter()
            .find(|(seen, _)| *seen == traffic)
            .cloned();
        if let Some((_, steps)) = known {
            return Ok(steps);
        }
        let steps = run(&traffic).await?;
        self.lock().push((traffic, steps.clone()));
        Ok(steps)
    }
}

/// Lets traffic pass and counts. All of it must have been delivered in the end.
async fn run(traffic: &Traffic) -> anyhow::Result<Steps> {
    let mut rig = Rig::new(1).await?;
    rig.dispatch.batch_size = traffic.batch;
    for source in rig.deliver.values_mut() {
        source.batch_size = traffic.batch;
    }
    let tenants: Vec<String> = (0..traffic.tenants)
        .map(|tenant| format!("org_bench{tenant}"))
        .collect();
    for tenant in &tenants {
        rig.organization(tenant).await?;
        for crm in &traffic.crms {
            if *crm == WEBHOOKS {
                rig.hook(tenant).await?;
            } else {
                rig.connect(tenant, crm).await?;
            }
        }
    }
    let crms: BTreeSet<&str> = traffic.crms.iter().copied().collect();
    let mut steps = Steps::default();
    let mut number = 0;
    // The first ones of each tenant fill the caches and are not counted.
    let warm = tenants.len().max(traffic.batch);
    while number < warm + traffic.events {
        let events: Vec<_> = (number..number + traffic.batch)
            .zip(tenants.iter().cycle().skip(number % tenants.len()))
            .map(|(number, tenant)| reference::event(tenant, number))
            .collect();
        let step = step(&rig, &events, traffic.request, &crms).await?;
        let mut pause = many(traffic.batch * EVENT_MS);
        for crm in &crms {
            pause = pause.max(needed_ms(crm, step.deliver.crm)?);
        }
        if number >= warm {
            steps.add(step);
            steps.events += events.len();
            steps.deliveries += events.len() * traffic.crms.len();
        }
        number += traffic.batch;
        let pause = Duration::from_secs_f64(pause / 1_000.0);
        rig.time.pass(i64::try_from(pause.as_millis())?).await;
    }
    let mut delivered = 0;
    for tenant in &tenants {
        let found = rig.deliveries(tenant).await?;
        let done = |status| status == DeliveryStatus::Delivered;
        delivered += found.iter().filter(|entry| done(entry.status)).count();
    }
    ensure!(
        delivered == number * traffic.crms.len(),
        "{delivered} of {} deliveries were made",
        number * traffic.crms.len()
    );
    Ok(steps)
}

async fn step(
    rig: &Rig,
    events: &[serde_json::Value],
    request: usize,
    crms: &BTreeSet<&str>,
) -> anyhow::Result<Steps> {
    let requests = events.chunks(request);
    let count = requests.len();
    let (accepted, ingest) = rig
        .spent(async {
            for request in requests {
                rig.ingest(request).await?;
            }
            anyhow::Ok(())
        })
        .await;
    accepted?;
    let ((), dispatch) = rig.spent(rig.dispatch()).await;
    let written = Written::default();
    let logged = subscriber::set_default(hub_lambda::telemetry::subscriber({
        let written = written.clone();
        move || written.clone()
    }));
    let mut deliver = Spent::default();
    for crm in crms {
        let (done, spent) = rig.spent(rig.deliver(crm)).await;
        done?;
        deliver = deliver.and(spent);
    }
    drop(logged);
    let (done, derive) = rig.spent(rig.derive()).await;
    done?;
    Ok(Steps {
        requests: count,
        ingest,
        dispatch,
        deliver,
        derive,
        log_bytes: written.0.load(Ordering::Relaxed),
        ..Steps::default()
    })
}

impl Steps {
    fn add(&mut self, other: Self) {
        let add = |to: &mut Spent, more: Spent| *to = std::mem::take(to).and(more);
        self.requests += other.requests;
        add(&mut self.ingest, other.ingest);
        add(&mut self.dispatch, other.dispatch);
        add(&mut self.deliver, other.deliver);
        add(&mut self.derive, other.derive);
        self.log_bytes += other.log_bytes;
    }
}

/// Counts what is written to it.
#[derive(Debug, Clone, Default)]
struct Written(Arc<AtomicU64>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.fetch_add(more, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
