//! Partial batches, whatever is in them: what stays in the queue is exactly what failed, the dead-letter
//! queue holds exactly what is no message of ours, and no record goes backwards. And one that hangs costs
//! the others nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hub_domain::QueueMessage;
use hub_e2e::{CRM, Machine, ORG};
use hub_engine::{deliver::deliver, dispatch::dispatch};
use hub_world::{Fails, World};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy, any},
    sample::select,
    test_runner::{TestRunner, contextualize_config},
};
use serde_json::{Value, json};

use crate::sample::{KEY, call, meeting};

/// Cases without `PROPTEST_CASES`.
const CASES: u32 = 64;
/// Sessions of a case.
const SESSIONS: usize = 3;

/// Runs a story for each generated case, each with time of its own.
fn each<S: Strategy>(strategy: &S, story: impl AsyncFn(S::Value)) {
    let config = contextualize_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner
        .run(strategy, |case| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let mut runtime = runtime;
            let runtime = runtime.enable_all().start_paused(true).build().unwrap();
            runtime.block_on(story(case));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A message of deliver's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// This session at this revision, on the connection that works.
    Session(usize, u64),
    /// On a connection that is paused.
    Paused(usize),
    /// On a connection that nobody has.
    Nowhere(usize),
    /// Something that is no reference.
    Poison(u8),
}

fn asked() -> impl Strategy<Value = Asked> {
    (0..8_u8, 0..SESSIONS, 1..=2_u64, any::<u8>()).prop_map(|(kind, session, revision, byte)| {
        match kind {
            0..=3 => Asked::Session(session, revision),
            4 | 5 => Asked::Paused(session),
            6 => Asked::Nowhere(session),
            _ => Asked::Poison(byte),
        }
    })
}

fn body(asked: Asked, works: &str, paused: &str) -> String {
    let reference = |connection: &str, session: usize, revision: u64| {
        json!({ "v": 1, "organization": ORG, "connection": connection, "session": format!("ses_{session}"), "event": format!("evt_{session}_{revision}"), "revision": revision }).to_string()
    };
    match asked {
        Asked::Session(session, revision) => reference(works, session, revision),
        Asked::Paused(session) => reference(paused, session, 1),
        Asked::Nowhere(session) => reference("conn_nowhere", session, 1),
        Asked::Poison(byte) => format!("{{\"v\": {byte}}}"),
    }
}

/// What Lambda hands over of a queue.
async fn received(machine: &Machine, queue: &str) -> Vec<QueueMessage> {
    let hub = machine.hub("poller");
    let found = hub.queues().receive(queue, Duration::from_mins(12)).await;
    found.unwrap()
}

/// What Lambda does with the answer.
async fn answered(machine: &Machine, queue: &str, messages: &[QueueMessage], failed: &[String]) {
    let done = messages
        .iter()
        .filter(|message| !failed.contains(&message.id));
    let receipts = done.map(|message| message.receipt.clone()).collect();
    let hub = machine.hub("poller");
    let deleted = hub.queues().delete_batch(queue, receipts).await;
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
}

#[test]
fn whatever_is_in_a_batch_of_deliver() {
    let cases = (vec(vec(asked(), 1..=10), 1..=3), select(vec![0_u8, 1, 2]));
    each(&cases, async |(batches, trouble)| {
        let (machine, works) = Machine::connected(1).await;
        let paused = machine.connect(ORG, json!({})).await;
        let reply = machine
            .connection(http::Method::POST, &paused, "/pause")
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        // Every session stands at its second revision; messages of the first come late.
        for session in 0..SESSIONS {
            for revision in 1..=2 {
                let mut event = meeting(
                    &format!("evt_{session}_{revision}"),
                    &format!("ses_{session}"),
                    &format!("Revision {revision}"),
                );
                event["timestamp"] = json!(format!("2026-11-20T11:00:0{revision}Z"));
                machine.accept(&event).await;
            }
        }
        // Nobody has dispatched them: the messages of this case are all there are.
        let events = received(&machine, "events").await;
        answered(&machine, "events", &events, &[]).await;
        let (live, dead) = (format!("{CRM}-live"), format!("{CRM}-dlq"));
        let (hub, crm) = (machine.hub("deliver"), CRM.parse().unwrap());
        let mut poison: Vec<String> = Vec::new();
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        for asked in batches.iter().flatten() {
            match asked {
                Asked::Session(session, _) => drop(wanted.insert(*session)),
                Asked::Poison(_) => poison.push(body(*asked, &works, &paused)),
                Asked::Paused(_) | Asked::Nowhere(_) => {}
            }
        }
        for (number, batch) in batches.iter().enumerate() {
            let calls = |batch: &Vec<Asked>| {
                let mut batch = batch.iter();
                batch.any(|asked| matches!(asked, Asked::Session(..)))
            };
            // The first batch that makes a call at all.
            let first = batches.iter().position(calls);
            let troubled = trouble > 0 && first == Some(number);
            if troubled {
                let fault = if trouble == 1 {
                    "rate_limit"
                } else {
                    "drop_after"
                };
                machine.fault(json!({ "fault": fault, "times": 1, "where": { "path_prefix": "/services/data" } }));
            }
            for asked in batch {
                machine
                    .put(
                        "dispatch",
                        &live,
                        body(*asked, &works, &paused),
                        BTreeMap::new(),
                    )
                    .await;
            }
            let messages = received(&machine, &live).await;
            let of = |message: &QueueMessage| -> Vec<Asked> {
                let known = batches.iter().flatten();
                known
                    .filter(|asked| body(**asked, &works, &paused) == message.body)
                    .copied()
                    .collect()
            };
            let failed = deliver(&hub, &crm, messages.clone(), Duration::from_mins(2)).await;
            for message in &messages {
                let asked = of(message)[0];
                // One fault strikes the one call that all sessions of the connection share.
                let fails = troubled && matches!(asked, Asked::Session(..));
                assert_eq!(
                    failed.contains(&message.id),
                    fails,
                    "{asked:?} of {batch:?}"
                );
            }
            let named: BTreeSet<_> = failed.iter().collect();
            assert_eq!(named.len(), failed.len(), "each once");
            answered(&machine, &live, &messages, &failed).await;
            // What waits is due by the next batch, and may come with it.
            tokio::time::sleep(Duration::from_mins(20)).await;
            // What is written never goes back behind what was.
            for (key, event) in machine.ours("Event", KEY) {
                assert_eq!(event["Subject"], "Revision 2", "{key}");
            }
        }
        machine.work().await;
        let mut dead = machine.world.messages(&dead);
        dead.sort();
        poison.sort();
        assert_eq!(dead, poison);
        let written = machine.ours("Event", KEY);
        let expected: Vec<_> = wanted
            .iter()
            .map(|session| format!("ses_{session}"))
            .collect();
        assert_eq!(written.keys().cloned().collect::<Vec<_>>(), expected);
        assert!(machine.world.messages(&live).is_empty());
    });
}

/// A message of the events queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// A signed event.
    Signed(usize),
    /// A reference of ingest's.
    Reference(usize),
    /// A reference of a stranger's.
    Forged(usize),
    /// A signature over something else.
    Unsigned(usize),
    /// Signed, and no event.
    Nonsense,
}

#[test]
fn whatever_is_in_a_batch_of_dispatch() {
    let sent = (0..6_u8, 0..SESSIONS).prop_map(|(kind, session)| match kind {
        0 | 1 => Sent::Signed(session),
        2 => Sent::Reference(session),
        3 => Sent::Forged(session),
        4 => Sent::Unsigned(session),
        _ => Sent::Nonsense,
    });
    each(
        &(vec(sent, 1..=10), any::<bool>()),
        async |(batch, is_down)| {
            let (machine, _) = Machine::connected(2).await;
            for session in 0..SESSIONS {
                let id = format!("ses_{session}");
                machine
                    .accept(&call(&format!("evt_{session}"), &id, "ada@acme.example"))
                    .await;
            }
            let events = received(&machine, "events").await;
            answered(&machine, "events", &events, &[]).await;
            let signed = |body: &str| -> BTreeMap<String, String> {
                let signature = machine.world.sign(body.as_bytes()).into_iter();
                signature
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            };
            let (mut good, mut poison) = (0, 0);
            for one in &batch {
                let event = |session: usize| {
                    json!([call(
                        &format!("evt_{session}"),
                        &format!("ses_{session}"),
                        "ada@acme.example"
                    )])
                    .to_string()
                };
                let reference = |session: usize| {
                    json!({ "v": 1, "organization": ORG, "session": format!("ses_{session}"), "event": format!("evt_{session}"), "revision": 1 }).to_string()
                };
                let (who, body, attributes) = match *one {
                    Sent::Signed(session) => {
                        ("liveprompt", event(session), signed(&event(session)))
                    }
                    Sent::Reference(session) => ("ingest", reference(session), BTreeMap::new()),
                    Sent::Forged(session) => ("liveprompt", reference(session), BTreeMap::new()),
                    Sent::Unsigned(session) => ("liveprompt", event(session), signed("[]")),
                    Sent::Nonsense => ("liveprompt", "[{}]".to_owned(), signed("[{}]")),
                };
                match one {
                    Sent::Signed(_) | Sent::Reference(_) => good += 1,
                    Sent::Forged(_) | Sent::Unsigned(_) | Sent::Nonsense => poison += 1,
                }
                machine.put(who, "events", body, attributes).await;
            }
            let hub = machine.hub("dispatch");
            let messages = received(&machine, "events").await;
            assert_eq!(messages.len(), batch.len());
            if is_down {
                machine
                    .world
                    .outage
                    .begin("SendMessageBatch", Fails::Before);
            }
            let failed = dispatch(&hub, &World::event_senders(), messages.clone()).await;
            machine.world.outage.end();
            let all: BTreeSet<_> = messages.iter().map(|message| &message.id).collect();
            let named: BTreeSet<_> = failed.iter().collect();
            assert_eq!(named.len(), failed.len(), "each once");
            // Neither on nor away: all of it stays.
            assert_eq!(
                named,
                if is_down { all } else { BTreeSet::new() },
                "{batch:?}"
            );
            answered(&machine, "events", &messages, &failed).await;
            if is_down {
                tokio::time::sleep(Duration::from_mins(1)).await;
                let again = received(&machine, "events").await;
                let failed = dispatch(&hub, &World::event_senders(), again.clone()).await;
                assert_eq!(failed, [""; 0]);
                answered(&machine, "events", &again, &failed).await;
            }
            assert_eq!(
                machine.world.messages("events-dlq").len(),
                poison,
                "{batch:?}"
            );
            assert_eq!(
                machine.world.messages(&format!("{CRM}-live")).len(),
                good,
                "{batch:?}"
            );
            machine.work().await;
            if good > 0 {
                machine.each_once(ORG).await;
            }
        },
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_costs_the_others_nothing() {
    let (machine, first) = Machine::connected(3).await;
    let second = machine.connect(ORG, json!({})).await;
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    machine
        .accept(&meeting("evt_1", "ses_1", "Side by side"))
        .await;
    machine.fault(json!({ "fault": "delay", "ms": 19_000, "times": 1, "where": { "path_prefix": "/services/data/v67.0/composite/graph" } }));
    machine.dispatch().await;
    let began = machine.world.clock.now();
    machine.work().await;
    let mut took: Vec<i64> = Vec::new();
    for connection in [first, second] {
        let path = format!("/api/deliveries?connection={connection}&session=ses_1");
        let shown = machine
            .api(ORG, http::Method::GET, &path, None)
            .await
            .json();
        let item: &Value = &shown["items"][0];
        assert_eq!(item["status"], "delivered", "{item}");
        let at: hub_domain::Timestamp = item["updated_at"].as_str().unwrap().parse().unwrap();
        took.push(at.duration_since(began).as_secs());
    }
    took.sort_unstable();
    // Two seconds in which others may finish too, so that one call records all of them.
    assert!(took[0] <= 3 && took[1] >= 19, "{took:?}");
}
