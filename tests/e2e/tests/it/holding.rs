//! What a plan leaves no room for is held, says so, and goes on later.

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use hub_aws::Clients;
use hub_domain::subscription::Month;
use hub_e2e::{Machine, ORG};
use hub_engine::held;
use hub_local_aws::ENDPOINT;
use hub_world::Fails;
use serde_json::{Value, json};

use crate::sample::meeting;

/// A Starter organization that has `left` syncs left this month.
async fn starter(left: usize) -> Machine {
    let (machine, _) = Machine::connected(1).await;
    let world = &machine.world;
    world.subscribe(ORG, "starter").await;
    let clients = Clients::with(hub_aws::Parts {
        http_client: world.aws.http_client(),
        endpoint: ENDPOINT.to_owned(),
        access_key: "operator".to_owned(),
        clock: world.clock.clone(),
    });
    let month = Month::of(world.clock.now()).name;
    let put = clients.dynamodb.put_item().table_name("hub");
    put.item("pk", AttributeValue::S(format!("{ORG}#usage#0")))
        .item("sk", AttributeValue::S(format!("syncs#{month}")))
        .item("n", AttributeValue::N((1_000 - left).to_string()))
        .send()
        .await
        .unwrap();
    machine
}

async fn held_of(machine: &Machine) -> Vec<Value> {
    let reply = machine
        .api(ORG, Method::GET, "/api/deliveries?status=held", None)
        .await;
    reply.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_session_waits_for_the_next_month() {
    let machine = starter(1).await;
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    machine.accept(&meeting("evt_2", "ses_2", "Two")).await;
    machine.work().await;
    let deliveries = machine.deliveries(ORG).await;
    assert_eq!(deliveries["ses_1"]["status"], "delivered");
    let held = held_of(&machine).await;
    assert_eq!(held.len(), 1);
    assert_eq!(
        (
            &held[0]["session"],
            &held[0]["status"],
            &held[0]["held_until"],
            &held[0]["revision"]
        ),
        (
            &json!("ses_2"),
            &json!("held"),
            &json!("2026-12-01T00:00:00Z"),
            &json!(0)
        )
    );
    let reason = held[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the plan starter allows 1000 syncs a month"),
        "{reason}"
    );
    let id = held[0]["id"].as_str().unwrap();
    let detail = machine
        .api(ORG, Method::GET, &format!("/api/deliveries/{id}"), None)
        .await;
    assert_eq!(detail.json()["status"], "held", "{}", detail.text);

    let until = Month::of(machine.world.clock.now()).ends_at;
    let wait = until.duration_since(machine.world.clock.now());
    tokio::time::advance(wait.try_into().unwrap()).await;
    let operator = machine.hub("batch");
    let released = held::release_due(&operator, machine.world.clock.now()).await;
    assert_eq!(released.unwrap().sent, 1);
    machine.work().await;
    assert_eq!(held_of(&machine).await, Vec::<Value>::new());
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn a_later_event_of_a_delivered_session_is_held_and_a_larger_plan_lets_it_go() {
    let machine = starter(1).await;
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    machine
        .accept(&meeting("evt_2", "ses_1", "One, renamed"))
        .await;
    machine.work().await;
    let held = held_of(&machine).await;
    assert_eq!((held.len(), &held[0]["revision"]), (1, &json!(1)));

    machine.world.subscribe(ORG, "professional").await;
    let operator = machine.hub("batch");
    let (organization, now) = (ORG.parse().unwrap(), machine.world.clock.now());
    let released = held::release(&operator, &organization, now).await;
    assert_eq!(released.unwrap().sent, 1);
    machine.work().await;
    assert_eq!(held_of(&machine).await, Vec::<Value>::new());
    assert_eq!(machine.deliveries(ORG).await["ses_1"]["revision"], 2);
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_written_meanwhile_is_not_counted_again() {
    let machine = starter(0).await;
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    assert_eq!(held_of(&machine).await.len(), 1);
    // A later event of it finds room, and takes along what is held: a session is written as it stands.
    machine.world.subscribe(ORG, "professional").await;
    machine
        .accept(&meeting("evt_2", "ses_1", "One, renamed"))
        .await;
    machine.work().await;
    assert_eq!(held_of(&machine).await, Vec::<Value>::new());
    let (operator, now) = (machine.hub("batch"), machine.world.clock.now());
    let organization = ORG.parse().unwrap();
    let released = held::release(&operator, &organization, now).await.unwrap();
    assert_eq!((released.sent, released.dropped), (0, 1));
    machine.each_once(ORG).await;
}

/// The syncs of this month.
async fn counted(machine: &Machine) -> u64 {
    let month = Month::of(machine.world.clock.now());
    let hub = machine.hub("operator");
    let organization = ORG.parse().unwrap();
    hub.store().syncs(&organization, &month).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_skip_is_free_however_often_it_comes() {
    let machine = starter(2).await;
    let mut internal = meeting("evt_1", "ses_1", "Among ourselves");
    internal["payload"]["session"]["participants"] =
        json!([{ "name": "Hana", "email": "hana@seller.example" }]);
    for _ in 0..3 {
        machine.accept(&internal).await;
        machine.work().await;
        assert_eq!(counted(&machine).await, 998);
    }
    assert_eq!(machine.deliveries(ORG).await["ses_1"]["status"], "skipped");
    // The same content under a new event changes nothing and costs nothing.
    for event in ["evt_2", "evt_3"] {
        machine.accept(&meeting(event, "ses_2", "One")).await;
        machine.work().await;
        assert_eq!(counted(&machine).await, 999, "{event}");
    }
    assert_eq!(
        machine.deliveries(ORG).await["ses_2"]["status"],
        "delivered"
    );
    // What was written counts, also if it comes again after others were skipped.
    machine.accept(&meeting("evt_2", "ses_2", "One")).await;
    machine.work().await;
    assert_eq!(counted(&machine).await, 999);
}

#[tokio::test(start_paused = true)]
async fn a_skip_whose_sync_cannot_be_given_back_comes_again() {
    let machine = starter(2).await;
    let mut internal = meeting("evt_1", "ses_1", "Among ourselves");
    internal["payload"]["session"]["participants"] = json!([]);
    for (number, fails) in [(1, Fails::Before), (2, Fails::After)] {
        internal["id"] = json!(format!("evt_{number}"));
        internal["payload"]["session"]["title"] = json!(format!("{fails:?}"));
        machine.accept(&internal).await;
        // The first is dispatch's count, done by the time the message is there.
        machine.dispatch().await;
        machine.world.outage.times(".TransactWriteItems", fails, 1);
        machine.work().await;
        assert_eq!(counted(&machine).await, 998, "{fails:?}");
        assert_eq!(machine.deliveries(ORG).await["ses_1"]["status"], "skipped");
    }
}
