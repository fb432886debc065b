//! What the hub itself takes, and whether that grows faster than the work: a backlog a hundred times as long,
//! a hundred times as many tenants.

use anyhow::{Context, ensure};
use hub_aws::Outgoing;
use hub_connectors::CRMS;
use serde_json::{Value, json};

use super::{
    Size,
    figures::{Figure, figure},
    processor::{exponent, memory_mb, took},
    reference,
    rig::{BATCH, Rig},
    spent::{many, number},
};
use crate::terminal;

/// Connections of the organization whose backlog is drained: each session is a message to each of them.
const CONNECTIONS: usize = 10;
/// Sessions of each tenant.
const SESSIONS: usize = 10;
/// Drains of a small size in a run, at the most.
const DRAINS: usize = 10;
/// Events in a request, the most there may be.
const REQUEST: usize = 100;

/// The hub's own work on a delivery, from ingest to outcome.
pub(crate) async fn own(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let crm = CRMS.first().copied().context("there is no CRM")?;
    let mut least = f64::INFINITY;
    for _ in 0..size.runs {
        let rig = Rig::without_stream(1).await?;
        rig.organization("org_bench").await?;
        rig.connect("org_bench", crm).await?;
        let (done, took) = took(&rig, async {
            for first in (0..size.own).step_by(BATCH) {
                let events: Vec<_> = (first..first + BATCH)
                    .map(|number| reference::event("org_bench", number))
                    .collect();
                rig.ingest(&events).await?;
                rig.dispatch().await;
                rig.deliver(crm).await?;
                rig.time.pass(1_000).await;
            }
            anyhow::Ok(())
        })
        .await?;
        done?;
        least = least.min(took.own_s);
    }
    let of_thousand = least * 1_000.0 / many(size.own);
    Ok(vec![
        figure("own.deliveries_per_s", 1_000.0 / of_thousand, "1/s"),
        figure("own.cpu_s_per_1000", of_thousand, "s"),
    ])
}

/// The most memory so far. It is asked for before a backlog is made, which the embedded AWS would hold.
pub(crate) fn memory() -> anyhow::Result<Vec<Figure>> {
    Ok(vec![figure("memory.peak_mb", memory_mb("VmHWM")?, "MB")])
}

/// What one drain took.
#[derive(Debug, Clone, Copy)]
struct Drained {
    aws_calls: f64,
    own_s: f64,
    rss_mb: f64,
}

impl Drained {
    /// Of several: one value of each kind, made of theirs.
    fn of(all: &[Self], one: fn(&mut dyn Iterator<Item = f64>) -> f64) -> Self {
        let of = |of: fn(&Self) -> f64| one(&mut all.iter().map(of));
        Self {
            aws_calls: of(|drained| drained.aws_calls),
            own_s: of(|drained| drained.own_s),
            rss_mb: of(|drained| drained.rss_mb),
        }
    }

    /// The fewest of each. A processor that somebody else uses only ever takes longer.
    fn least(all: &[Self]) -> Self {
        Self::of(all, |values| values.fold(f64::INFINITY, f64::min))
    }

    fn mean(all: &[Self]) -> Self {
        Self::of(all, |values| {
            let (sum, count) =
                values.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
            sum / count
        })
    }
}

/// Three exponents of growth. Of calls to AWS and the processor's time the larger one counts.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let crm = CRMS.first().copied().context("there is no CRM")?;
    let backlog = grown("messages", &size.backlogs, size.runs, async |messages| {
        drain_backlog(crm, messages).await
    });
    let backlog = backlog.await?;
    let tenants = grown("tenants", &size.tenants, size.runs, async |tenants| {
        drain_tenants(crm, tenants).await
    });
    let tenants = tenants.await?;
    let of = |points: &[(f64, Drained)], value: fn(&Drained) -> f64| {
        let points: Vec<_> = points.iter().map(|(x, one)| (*x, value(one))).collect();
        exponent(&points)
    };
    let larger = |points: &[(f64, Drained)]| {
        let calls = of(points, |one| one.aws_calls);
        calls.max(of(points, |one| one.own_s))
    };
    Ok(vec![
        figure("growth.backlog_exponent", larger(&backlog), ""),
        figure("growth.tenants_exponent", larger(&tenants), ""),
        figure("growth.rss_exponent", of(&backlog, |one| one.rss_mb), ""),
    ])
}

/// What a drain of each size takes: the least of several runs. A run of a small size is several drains, of which
/// the mean counts: the shortest of a few long runs has a mean of the machine's moods in it, that of a few short ones
/// the best of them, which would look like growth.
async fn grown(
    what: &str,
    sizes: &[usize],
    runs: usize,
    drain: impl AsyncFn(usize) -> anyhow::Result<Drained>,
) -> anyhow::Result<Vec<(f64, Drained)>> {
    let largest = sizes.iter().copied().max().unwrap_or_default();
    let mut points = Vec::new();
    for size in sizes {
        let mut all = Vec::new();
        for _ in 0..runs {
            let mut run = Vec::new();
            for _ in 0..(largest / size).clamp(1, DRAINS) {
                run.push(drain(*size).await?);
            }
            all.push(Drained::mean(&run));
        }
        let least = Drained::least(&all);
        terminal::progress(&format!(
            "    {size} {what}: {:.3} s, {} calls to AWS, {:.0} MB",
            least.own_s, least.aws_calls, least.rss_mb
        ));
        points.push((many(*size), least));
    }
    Ok(points)
}

/// So many messages of one organization. Its sessions are internal ones, which no CRM is told of: a message is
/// read, prepared, claimed and settled, and makes no plan and no call. Those are the same for every message,
/// and would make the fake CRM hold half a million records.
async fn drain_backlog(crm: &'static str, messages: usize) -> anyhow::Result<Drained> {
    const ORG: &str = "org_backlog";
    let rig = Rig::without_stream(1).await?;
    rig.organization(ORG).await?;
    let sessions = messages / CONNECTIONS;
    let numbers: Vec<usize> = (0..sessions).collect();
    for chunk in numbers.chunks(REQUEST) {
        let events: Vec<Value> = chunk.iter().map(|number| internal(ORG, *number)).collect();
        rig.ingest(&events).await?;
    }
    rig.dispatch().await; // to no connection yet
    for _ in 0..CONNECTIONS {
        let connection = rig.connect(ORG, crm).await?.to_string();
        let references: Vec<Value> = numbers
            .iter()
            .map(|number| message(ORG, &connection, *number))
            .collect();
        send(&rig, crm, ORG, &references).await?;
    }
    drain(&rig, crm, messages).await
}

/// Ten messages of each of so many organizations.
async fn drain_tenants(crm: &'static str, tenants: usize) -> anyhow::Result<Drained> {
    let rig = Rig::without_stream(1).await?;
    let mut references = Vec::new();
    for tenant in 0..tenants {
        let organization = format!("org_tenant{tenant}");
        rig.organization(&organization).await?;
        let numbers = tenant * SESSIONS..(tenant + 1) * SESSIONS;
        let events: Vec<Value> = numbers
            .clone()
            .map(|number| internal(&organization, number))
            .collect();
        rig.ingest(&events).await?;
        rig.dispatch().await; // to no connection yet
        let connection = rig.connect(&organization, crm).await?.to_string();
        let of_tenant: Vec<Value> = numbers
            .map(|number| message(&organization, &connection, number))
            .collect();
        references.push((organization, of_tenant));
    }
    for (organization, of_tenant) in references {
        send(&rig, crm, &organization, &of_tenant).await?;
    }
    drain(&rig, crm, tenants * SESSIONS).await
}

async fn drain(rig: &Rig, crm: &str, messages: usize) -> anyhow::Result<Drained> {
    let waiting = |rig: &Rig| {
        let source = rig.deliver.get(crm);
        let depth = source.and_then(|source| rig.aws.queue(&source.queue));
        depth.map_or(0, |depth| depth.total())
    };
    ensure!(
        waiting(rig) == messages,
        "{} of {messages} messages are in the queue",
        waiting(rig)
    );
    let (measured, spent) = rig.spent(took(rig, rig.deliver(crm))).await;
    let (done, took) = measured?;
    done?;
    ensure!(waiting(rig) == 0, "the queue is not empty");
    Ok(Drained {
        aws_calls: number(spent.aws_calls()),
        own_s: took.own_s,
        rss_mb: memory_mb("VmRSS")?,
    })
}

/// A meeting of nobody but colleagues.
fn internal(organization: &str, number: usize) -> Value {
    let session = reference::session(number);
    json!({
        "id": format!("evt_{number:08}"), "type": "session.completed", "organizationId": organization,
        "timestamp": "2026-11-20T11:45:00Z",
        "payload": { "sessionId": session, "session": {
            "id": session, "title": "Weekly", "kind": "meeting",
            "created_at": "2026-11-20T11:00:00Z", "duration_seconds": 1_800,
            "host": { "name": "Hana Sato", "email": "hana@seller.example" },
            "participants": [{ "name": "Ivo Brandt", "email": "ivo@seller.example", "internal": true }] } },
    })
}

/// A delivery's message, as dispatch writes it.
fn message(organization: &str, connection: &str, number: usize) -> Value {
    json!({
        "v": 1, "organization": organization, "connection": connection,
        "session": reference::session(number), "event": format!("evt_{number:08}"), "revision": 1,
    })
}

async fn send(rig: &Rig, crm: &str, group: &str, messages: &[Value]) -> anyhow::Result<()> {
    let all = messages.iter().map(|message| Outgoing {
        body: message.to_string(),
        group: Some(group.to_owned()),
        ..Outgoing::default()
    });
    let queue = format!("{crm}-live");
    for sent in rig.hub.queues().send_batch(&queue, all.collect()).await {
        sent?;
    }
    Ok(())
}
