//! How long quiet tenants wait while one tenant sends a hundred times as much as all of them: in simulated
//! time, through the embedded SQS with its fair groups and the messages that the hub itself puts there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use futures_util::{FutureExt, join};
use hub_aws::Outgoing;
use hub_connectors::CRMS;
use hub_engine::Entropy;
use hub_local_aws::{EventSource, Handler, QueueDepth};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Size,
    book::Book,
    figures::{Figure, figure},
    latency::{Lognormal, percentile},
    reference,
    rig::{BATCH, Rig},
};

const SEED: u64 = 0xFA1;
/// Quiet tenants, and what each of them sends in a second.
const QUIET: usize = 10;
const QUIET_PER_S: f64 = 0.4;
/// What the loud one sends for each message of theirs.
const FLOOD: f64 = 100.0;
/// Batches of a queue at once: with ten, 250 messages a second; the flood is 400.
const AT_ONCE: usize = 10;
/// The loud tenant.
const LOUD: usize = QUIET;

pub(crate) async fn run(size: &Size) -> anyhow::Result<Vec<Figure>> {
    let alone = waits(size.flood_s, false).await?;
    let flooded = waits(size.flood_s, true).await?;
    let p99 = |mut waits: Vec<f64>| {
        waits.sort_by(f64::total_cmp);
        percentile(&waits, 99)
    };
    Ok(vec![figure(
        "fairness.p99_ratio",
        p99(flooded) / p99(alone),
        "",
    )])
}

/// What a delivery takes from its batch's receive to its end: reads, claims, two calls to the CRM, outcomes.
fn work_ms(book: &Book) -> impl Fn() -> u64 + Send + Sync + 'static {
    let calls = [
        (Lognormal::of(&book.latency.dynamodb), 3),
        (Lognormal::of(&book.latency.crm), 2),
    ];
    drawn(calls.into())
}

/// What dispatch takes: a send.
fn dispatch_ms(book: &Book) -> impl Fn() -> u64 + Send + Sync + 'static {
    drawn(vec![(Lognormal::of(&book.latency.sqs), 1)])
}

fn drawn(calls: Vec<(Lognormal, usize)>) -> impl Fn() -> u64 + Send + Sync + 'static {
    let entropy = Entropy::seeded(SEED);
    move || {
        let each = calls
            .iter()
            .map(|(one, count)| (0..*count).map(|_| one.draw(&entropy)).sum::<f64>());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds of a few calls"
        )]
        let ms = each.sum::<f64>().round() as u64;
        ms
    }
}

/// When each message of a quiet tenant was sent, and how long it waited, by session.
#[derive(Default)]
struct Seen {
    sent: HashMap<String, i64>,
    waits: Vec<f64>,
}

/// How long each message of a quiet tenant took from the queue of events to its end, in milliseconds.
async fn waits(seconds: i64, is_flooded: bool) -> anyhow::Result<Vec<f64>> {
    let book = Book::read()?;
    let crm = CRMS.first().copied().context("there is no CRM")?;
    let rig = Rig::without_stream(SEED).await?;
    let tenants: Vec<String> = (0..=LOUD).map(|tenant| format!("org_{tenant}")).collect();
    for tenant in &tenants {
        rig.organization(tenant).await?;
        rig.connect(tenant, crm).await?;
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut dispatch = rig.dispatch.clone();
    dispatch.handler = lasting(dispatch.handler, dispatch_ms(&book));
    let mut deliver = rig.deliver.get(crm).context("no such CRM")?.clone();
    // Whoever takes a message off the queue does nothing but take its time: what counts is its turn.
    deliver.handler = lasting(taking(&rig, &seen), work_ms(&book));
    for source in [&mut dispatch, &mut deliver] {
        source.max_concurrency = AT_ONCE;
        source.batch_size = BATCH;
    }
    let stop = watch::Sender::new(false);
    let stopped = || {
        let mut stopped = stop.subscribe();
        // An error means the sender is gone, which is the same.
        async move { drop(stopped.wait_for(|stop| *stop).await) }
    };
    let traffic = async {
        let sent = arrive(&rig, &tenants, arrivals(seconds, is_flooded), &seen).await;
        while waiting(&rig, [&dispatch, &deliver]) > 0 {
            rig.time.pass(10).await;
        }
        stop.send_replace(true);
        sent
    };
    let (sent, (), ()) = join!(
        traffic,
        rig.aws.run_source(&dispatch, stopped()),
        rig.aws.run_source(&deliver, stopped()),
    );
    sent?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    anyhow::ensure!(
        seen.waits.len() == seen.sent.len(),
        "{} of {} messages of quiet tenants came to their end",
        seen.waits.len(),
        seen.sent.len()
    );
    Ok(seen.waits.clone())
}

/// Sends each event when it is due.
async fn arrive(
    rig: &Rig,
    tenants: &[String],
    arrivals: Vec<(i64, usize)>,
    seen: &Mutex<Seen>,
) -> anyhow::Result<()> {
    let begun = rig.time.now_ms();
    for (number, (at, tenant)) in arrivals.into_iter().enumerate() {
        rig.time.go_to(begun + at).await;
        let organization = tenants.get(tenant).context("no such tenant")?;
        if tenant != LOUD {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.sent
                .insert(reference::session(number), rig.time.now_ms());
        }
        send(rig, organization, number).await?;
    }
    Ok(())
}

fn waiting(rig: &Rig, sources: [&EventSource; 2]) -> usize {
    let depths = sources.map(|source| rig.aws.queue(&source.queue).unwrap_or_default());
    depths.iter().map(QueueDepth::total).sum()
}

/// A handler that takes longer than this machine does.
fn lasting(handler: Handler, ms: impl Fn() -> u64 + Send + Sync + 'static) -> Handler {
    let ms = Arc::new(ms);
    Arc::new(move |event| {
        let (handler, ms) = (handler.clone(), Arc::clone(&ms));
        async move {
            tokio::time::sleep(Duration::from_millis(ms())).await;
            handler(event).await
        }
        .boxed()
    })
}

/// Ingest's message for an accepted event.
async fn send(rig: &Rig, organization: &str, number: usize) -> anyhow::Result<()> {
    let body = json!({
        "v": 1, "organization": organization, "session": reference::session(number),
        "event": format!("evt_{number:08}"), "revision": 1, "alone": false,
    });
    let message = Outgoing {
        body: body.to_string(),
        group: Some(organization.to_owned()),
        ..Outgoing::default()
    };
    rig.as_ingest.queues().send("events", message).await?;
    Ok(())
}

/// Notes how long the messages of a batch took up to now.
fn taking(rig: &Rig, seen: &Arc<Mutex<Seen>>) -> Handler {
    let (time, seen) = (rig.time.clone(), Arc::clone(seen));
    Arc::new(move |event: Value| {
        let (time, seen) = (time.clone(), Arc::clone(&seen));
        async move {
            let records = event.get("Records").and_then(Value::as_array);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for record in records.into_iter().flatten() {
                let body = record.get("body").and_then(Value::as_str);
                let body: Value =
                    serde_json::from_str(body.unwrap_or_default()).unwrap_or_default();
                let session = body.get("session").and_then(Value::as_str);
                if let Some(sent) = session.and_then(|session| seen.sent.get(session).copied()) {
                    let waited = i32::try_from(time.now_ms() - sent).unwrap_or(i32::MAX);
                    seen.waits.push(f64::from(waited));
                }
            }
            Ok(Value::Null)
        }
        .boxed()
    })
}

/// When which tenant sends, in milliseconds from the beginning: at random times. The quiet ones do the same
/// with and without the flood.
fn arrivals(seconds: i64, is_flooded: bool) -> Vec<(i64, usize)> {
    let mut all = Vec::new();
    let rates = (0..QUIET).map(|tenant| (tenant, QUIET_PER_S));
    let all_quiet = QUIET_PER_S * super::spent::many(QUIET);
    let loud = is_flooded.then_some((LOUD, all_quiet * FLOOD));
    for (tenant, per_s) in rates.chain(loud) {
        let entropy = Entropy::seeded(SEED + tenant as u64);
        let mut at = 0.0;
        loop {
            at += -(1.0 - entropy.unit()).ln() / per_s * 1_000.0;
            #[expect(clippy::cast_possible_truncation, reason = "a few minutes")]
            let ms = at as i64;
            if ms >= seconds * 1_000 {
                break;
            }
            all.push((ms, tenant));
        }
    }
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_ones_send_the_same_with_and_without_the_flood() {
        let (alone, flooded) = (arrivals(30, false), arrivals(30, true));
        let quiet: Vec<_> = flooded
            .iter()
            .copied()
            .filter(|(_, tenant)| *tenant != LOUD)
            .collect();
        assert_eq!(quiet, alone);
        let loud = flooded.len() - quiet.len();
        assert!((60..160).contains(&(loud / quiet.len())), "{loud}");
    }
}
