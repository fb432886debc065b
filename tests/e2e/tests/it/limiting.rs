//! The limits of a CRM account, with several workers.

use std::time::Duration;

use futures_util::future::join_all;
use hub_domain::QueueMessage;
use hub_e2e::{Machine, ORG};
use hub_engine::{Hub, deliver::deliver};
use serde_json::json;

use crate::sample::{KEY, meeting};

/// A message of a session's delivery, as the queue brings it.
fn message(crm: &str, lane: &str, connection: &str, n: usize) -> QueueMessage {
    let body = json!({
        "v": 1, "organization": ORG, "connection": connection, "session": format!("ses_{n}"),
        "event": format!("evt_{n}"), "revision": 1,
    });
    QueueMessage {
        id: format!("m{n}"),
        receipt: format!("r{n}"),
        body: body.to_string(),
        receives: 1,
        source: format!("hub-{crm}-{lane}"),
        ..QueueMessage::default()
    }
}

async fn accept(machine: &Machine, sessions: std::ops::Range<usize>) {
    for n in sessions {
        let event = meeting(&format!("evt_{n}"), &format!("ses_{n}"), "One of many");
        machine.accept(&event).await;
    }
}

/// Works on messages one by one until none is left; what has to wait is tried again a second later.
async fn work(hub: &Hub, crm: &str, mut messages: Vec<QueueMessage>) {
    let crm = crm.parse().unwrap();
    while !messages.is_empty() {
        let mut left = Vec::new();
        for message in messages {
            let stays = deliver(hub, &crm, vec![message.clone()], Duration::from_mins(2)).await;
            left.extend((!stays.is_empty()).then_some(message));
        }
        messages = left;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn refusals(machine: &Machine, text: &str) -> usize {
    let sent = machine.wire.sent();
    sent.iter()
        .filter(|sent| sent.answer.contains(text))
        .count()
}

#[tokio::test(start_paused = true)]
async fn two_workers_at_the_limit_are_never_refused() {
    let crm = "hubspot";
    let machine = Machine::of(crm, 300).await;
    let connection = machine.connect(ORG, json!({})).await;
    accept(&machine, 0..80).await;
    let begun = machine.world.clock.now();
    let before = machine.wire.sent().len();
    let (one, two) = (machine.hub("deliver"), machine.hub("deliver"));
    let messages = |from: usize| {
        (from..from + 40)
            .map(|n| message(crm, "live", &connection, n))
            .collect::<Vec<_>>()
    };
    // Four batches at once in each process: without a limiter all of it would be sent within a second.
    let halves = [(&one, messages(0)), (&two, messages(40))];
    let works = halves.into_iter().flat_map(|(hub, messages)| {
        let quarters: Vec<_> = messages.chunks(10).map(<[_]>::to_vec).collect();
        quarters.into_iter().map(move |part| work(hub, crm, part))
    });
    join_all(works.collect::<Vec<_>>()).await;
    let calls = machine.wire.sent().len() - before;
    let took = machine.world.clock.now().duration_since(begun).as_secs();
    println!("{calls} calls in {took} s");
    assert_eq!(refusals(&machine, "RATE_LIMIT"), 0);
    // A delivery whose write has to wait looks its people up again; that is rare.
    assert!((240..270).contains(&calls), "{calls} calls");
    // 240 calls at 110 in ten seconds are 22 s; free calls at the start save some.
    assert!((15..60).contains(&took), "{took} s");
    let delivered = machine.deliveries(ORG).await;
    assert_eq!(delivered.len(), 80);
    assert!(
        delivered.values().all(|one| one["status"] == "delivered"),
        "{delivered:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_worker_keeps_the_others_from_calling() {
    let crm = "hubspot";
    let machine = Machine::of(crm, 301).await;
    let connection = machine.connect(ORG, json!({})).await;
    accept(&machine, 0..3).await;
    machine.fault(json!({ "fault": "rate_limit", "times": 1 }));
    let deliver_one = async |n: usize| {
        let hub = machine.hub("deliver");
        let message = message(crm, "live", &connection, n);
        deliver(
            &hub,
            &crm.parse().unwrap(),
            vec![message],
            Duration::from_mins(2),
        )
        .await
    };
    assert_eq!(deliver_one(0).await.len(), 1);
    let calls = machine.wire.sent().len();
    for n in 1..3 {
        assert_eq!(deliver_one(n).await.len(), 1);
    }
    assert_eq!(machine.wire.sent().len(), calls, "no call was made");
    let waiting = machine.deliveries(ORG).await;
    assert_eq!(waiting["ses_2"]["status"], "waiting", "{waiting:?}");
    assert_eq!(waiting["ses_2"]["failures"], 0);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(deliver_one(2).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_opens_the_breaker_and_one_probe_goes_first() {
    let crm = "salesforce";
    let machine = Machine::of(crm, 302).await;
    let connection = machine.connect(ORG, json!({})).await;
    accept(&machine, 0..12).await;
    machine.fault(json!({ "fault": "outage", "seconds": 60 }));
    let tried = || machine.wire.sent().len();
    let deliver_one = async |hub: &Hub, n: usize| {
        let message = message(crm, "live", &connection, n);
        deliver(
            hub,
            &crm.parse().unwrap(),
            vec![message],
            Duration::from_mins(2),
        )
        .await
    };
    let before = tried();
    for n in 0..5 {
        deliver_one(&machine.hub("deliver"), n).await;
    }
    let failed = tried() - before;
    assert_eq!(failed, 5, "each worker tried once");
    // Now it is open: nobody calls, and no delivery counts a failure.
    for n in 5..10 {
        deliver_one(&machine.hub("deliver"), n).await;
    }
    assert_eq!(tried() - before, 5);
    let waiting = machine.deliveries(ORG).await;
    assert_eq!(waiting["ses_7"]["status"], "waiting", "{waiting:?}");
    assert_eq!(waiting["ses_7"]["failures"], 0);
    // The outage is over, and the time of the breaker. Of five workers one tries first.
    tokio::time::sleep(Duration::from_secs(90)).await;
    machine.fault(json!({ "fault": "delay", "ms": 1_000, "times": 1 }));
    let hubs: Vec<Hub> = (0..5).map(|_| machine.hub("deliver")).collect();
    let probed = tried();
    let all = join_all((0..5).map(|n| deliver_one(&hubs[n], n + 5)));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tried() - probed
    };
    let (stays, during) = tokio::join!(all, watch);
    assert!(during <= 1, "{during} calls while the probe was under way");
    let done = stays.iter().filter(|stays| stays.is_empty()).count();
    assert_eq!(done, 1, "{stays:?}");
    // The probe closed it: everything goes on.
    tokio::time::sleep(Duration::from_secs(40)).await;
    let hub = machine.hub("deliver");
    let messages = (0..12).map(|n| message(crm, "live", &connection, n));
    work(&hub, crm, messages.collect()).await;
    assert_eq!(machine.ours("Event", KEY).len(), 12);
}

#[tokio::test(start_paused = true)]
async fn bulk_waits_for_live() {
    let crm = "hubspot";
    let machine = Machine::of(crm, 303).await;
    let connection = machine.connect(ORG, json!({})).await;
    accept(&machine, 0..3).await;
    let (live, bulk) = (machine.hub("deliver"), machine.hub("deliver"));
    let deliver_one = async |hub: &Hub, lane: &str, n: usize| {
        let message = message(crm, lane, &connection, n);
        deliver(
            hub,
            &crm.parse().unwrap(),
            vec![message],
            Duration::from_mins(2),
        )
        .await
    };
    assert_eq!(deliver_one(&live, "live", 0).await.len(), 0);
    let calls = machine.wire.sent().len();
    assert_eq!(deliver_one(&bulk, "bulk", 1).await.len(), 1);
    assert_eq!(machine.wire.sent().len(), calls, "bulk made no call");
    assert_eq!(deliver_one(&live, "live", 2).await.len(), 0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(deliver_one(&bulk, "bulk", 1).await.len(), 0);
}
