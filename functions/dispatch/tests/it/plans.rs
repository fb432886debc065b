//! Syncs of a plan that limits them: counted once, exactly, and held beyond the limit.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use hub_aws::Clients;
use hub_dispatch::handler;
use hub_domain::{ledger::DeliveryStatus, subscription::Month};
use hub_engine::{
    Hub,
    held::{self, Released},
};
use hub_lambda::{Deadline, queue};
use hub_world::{Fails, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{asked, dispatch, world};

async fn starter() -> World {
    let (world, _) = world().await;
    world.subscribe("org_demo", "starter").await;
    world
}

/// A batch of references to these events, each of its own session.
fn batch(world: &World, events: &[usize]) -> Value {
    let sample = world.event("DispatchFunction.references.json", &[]);
    let record = |n: &usize| {
        let mut record = sample["Records"][0].clone();
        let body = json!({ "v": 1, "organization": "org_demo", "session": format!("ses_{n}"), "event": format!("evt_{n}"), "revision": 1 });
        record["messageId"] = json!(format!("{n}"));
        record["body"] = json!(body.to_string());
        record
    };
    json!({ "Records": events.iter().map(record).collect::<Vec<_>>() })
}

fn hub(world: &World) -> Hub {
    world.hub("operator", World::no_crm())
}

async fn counted(world: &World) -> u64 {
    let month = Month::of(world.clock.now());
    let counted = hub(world)
        .store()
        .syncs(&"org_demo".parse().unwrap(), &month)
        .await;
    counted.unwrap()
}

/// Uses up all but `left` of this month, in the one item that counts it.
async fn use_up(world: &World, left: usize) {
    let clients = Clients::with(hub_aws::Parts {
        http_client: world.aws.http_client(),
        endpoint: hub_local_aws::ENDPOINT.to_owned(),
        access_key: "operator".to_owned(),
        clock: world.clock.clone(),
    });
    let month = Month::of(world.clock.now()).name;
    let put = clients.dynamodb.put_item().table_name("hub");
    put.item("pk", AttributeValue::S("org_demo#usage#0".to_owned()))
        .item("sk", AttributeValue::S(format!("syncs#{month}")))
        .item("n", AttributeValue::N((1_000 - left).to_string()))
        .send()
        .await
        .unwrap();
}

/// The held deliveries: session, until when, why.
async fn held_now(world: &World) -> Vec<(String, i64, String)> {
    let filter = hub_engine::deliveries::DeliveryFilter {
        status: Some(DeliveryStatus::Held),
        ..Default::default()
    };
    let organization = "org_demo".parse().unwrap();
    let page = hub(world)
        .store()
        .deliveries(&organization, &filter, None, 100)
        .await;
    let mut found: Vec<_> = page
        .unwrap()
        .deliveries
        .into_iter()
        .map(|found| {
            let until = found.held.as_ref().unwrap().until;
            (found.subject.matter().to_owned(), until, found.reason)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn exactly_a_thousand_are_counted_however_many_come_at_once() {
    let world = starter().await;
    use_up(&world, 100).await;
    // 130 events, a fifth of them twice, ten handlers at a time, each a process of its own.
    let mut events: Vec<usize> = (0..130).chain((0..130).step_by(5)).collect();
    events.sort_by_key(|n| (n * 7_919) % 157);
    let mut work = JoinSet::new();
    for chunk in events.chunks(10) {
        let handler = handler(
            world.hub("dispatch", World::no_crm()),
            World::event_senders(),
        );
        let event = batch(&world, chunk);
        work.spawn(async move {
            let deadline = Deadline::after(Duration::from_mins(1));
            let answer = queue::handle(event, deadline, &handler).await.unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]));
        });
        if work.len() == 10 {
            work.join_next().await.unwrap().unwrap();
        }
    }
    work.join_all().await;
    assert_eq!(counted(&world).await, 1_000);
    let mut sent: Vec<_> = asked(&world)
        .into_iter()
        .map(|(_, session)| session)
        .collect();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 100, "what is counted is sent, and nothing else");
    let held = held_now(&world).await;
    assert_eq!(held.len(), 30);
    for (session, until, reason) in held {
        assert!(!sent.contains(&session), "{session} is sent or held");
        assert_eq!(until, 1_796_083_200_000, "2026-12-01T00:00:00Z");
        assert_eq!(
            reason,
            "the plan starter allows 1000 syncs a month (in use: 1000); the plan professional has no such limit; \
             it goes on at 2026-12-01T00:00:00Z, or as soon as there is a larger plan"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_a_limit_writes_nothing() {
    let (world, _) = world().await;
    world.subscribe("org_demo", "professional").await;
    world.aws.reset_counts();
    assert!(
        dispatch(&world, &batch(&world, &[1, 2, 3]))
            .await
            .is_empty()
    );
    let calls = world.aws.counts();
    assert!(calls.write_units.abs() < f64::EPSILON, "{calls:?}");
    assert_eq!((asked(&world).len(), counted(&world).await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_again_is_counted_once_and_sent_again() {
    let world = starter().await;
    use_up(&world, 1).await;
    for _ in 0..3 {
        assert!(dispatch(&world, &batch(&world, &[1])).await.is_empty());
    }
    assert_eq!((counted(&world).await, asked(&world).len()), (1_000, 3));
    assert_eq!(held_now(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_goes_on_when_the_month_ends_and_counts_there() {
    let world = starter().await;
    use_up(&world, 0).await;
    for _ in 0..2 {
        assert!(dispatch(&world, &batch(&world, &[1, 2])).await.is_empty());
    }
    assert_eq!((asked(&world).len(), held_now(&world).await.len()), (0, 2));
    let operator = hub(&world);
    let release = async || {
        held::release_due(&operator, world.clock.now())
            .await
            .unwrap()
    };
    assert_eq!(release().await, Released::default(), "not yet");
    let until = Month::of(world.clock.now()).ends_at;
    let wait = until.duration_since(world.clock.now());
    tokio::time::advance(wait.try_into().unwrap()).await;
    let two = Released {
        sent: 2,
        ..Released::default()
    };
    assert_eq!(release().await, two);
    assert_eq!((asked(&world).len(), counted(&world).await), (2, 2));
    assert_eq!(held_now(&world).await, []);
    assert_eq!(release().await, Released::default(), "once");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_goes_on_with_a_larger_plan() {
    let world = starter().await;
    use_up(&world, 0).await;
    assert!(dispatch(&world, &batch(&world, &[1, 2])).await.is_empty());
    let organization = "org_demo".parse().unwrap();
    let operator = hub(&world);
    let release = async || {
        let now = world.clock.now();
        held::release(&operator, &organization, now).await.unwrap()
    };
    let same = release().await;
    assert_eq!((same.sent, same.held), (0, 2), "the plan is the same");
    world.subscribe("org_demo", "professional").await;
    assert_eq!(release().await.sent, 2);
    assert_eq!((asked(&world).len(), held_now(&world).await), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_half_way_is_repeated_without_counting_twice() {
    for (call, fails) in [
        (".TransactWriteItems", Fails::After),
        (".SendMessage", Fails::After),
        (".UpdateItem", Fails::Before),
        (".UpdateItem", Fails::After),
    ] {
        let world = starter().await;
        use_up(&world, 0).await;
        assert!(dispatch(&world, &batch(&world, &[1])).await.is_empty());
        tokio::time::advance(Duration::from_hours(11 * 24)).await;
        let operator = hub(&world);
        world.outage.times(call, fails, 1);
        let first = held::release_due(&operator, world.clock.now()).await;
        assert!(first.is_err(), "{call} {fails:?}");
        held::release_due(&operator, world.clock.now())
            .await
            .unwrap();
        assert_eq!(counted(&world).await, 1, "{call} {fails:?}");
        assert!(!asked(&world).is_empty(), "{call} {fails:?}");
        assert_eq!(held_now(&world).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_next_month_has_no_room_either_the_rest_is_held_on() {
    let world = starter().await;
    use_up(&world, 0).await;
    assert!(
        dispatch(&world, &batch(&world, &[1, 2, 3]))
            .await
            .is_empty()
    );
    tokio::time::advance(Duration::from_hours(11 * 24)).await;
    use_up(&world, 1).await;
    let released = held::release_due(&hub(&world), world.clock.now())
        .await
        .unwrap();
    assert_eq!((released.sent, released.held), (1, 2));
    assert_eq!(counted(&world).await, 1_000);
    let held = held_now(&world).await;
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].1, 1_798_761_600_000, "2027-01-01T00:00:00Z");
}
