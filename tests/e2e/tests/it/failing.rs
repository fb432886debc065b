//! What goes wrong, and what the CRM holds afterwards: everything, once.

use std::time::Duration;

use hub_domain::QueueMessage;
use hub_e2e::{CRM, Machine, ORG};
use hub_engine::deliver::deliver;
use hub_world::Fails;
use serde_json::{Value, json};

use crate::sample::{KEY, call, meeting};

/// Everything of one meeting is there, once, and the delivery says so.
async fn is_there_once(machine: &Machine) {
    assert_eq!(
        machine.ours("Event", KEY).keys().collect::<Vec<_>>(),
        ["ses_1"]
    );
    assert_eq!(machine.ours("Task", KEY).len(), 2);
    assert_eq!(
        machine.deliveries(ORG).await["ses_1"]["status"],
        "delivered"
    );
    assert!(machine.world.messages(&format!("{CRM}-dlq")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn whatever_the_crm_does_each_record_is_there_once() {
    let faults: [(&str, Value); 13] = [
        ("a 500", json!({ "fault": "server_error", "times": 3 })),
        (
            "a 503 of the vendor's",
            json!({ "fault": "service_unavailable", "times": 2 }),
        ),
        (
            "a page of HTML",
            json!({ "fault": "maintenance_html", "times": 2 }),
        ),
        (
            "a 429 with a wait",
            json!({ "fault": "status", "status": 429, "headers": { "Retry-After": "30" }, "body": "[]", "times": 2 }),
        ),
        (
            "the rate limit",
            json!({ "fault": "rate_limit", "times": 2 }),
        ),
        (
            "the daily limit",
            json!({ "fault": "daily_limit", "times": 2 }),
        ),
        (
            "the concurrency limit",
            json!({ "fault": "concurrency_limit", "times": 2 }),
        ),
        (
            "a request that never arrives",
            json!({ "fault": "drop_before", "times": 2 }),
        ),
        (
            "an answer that is lost",
            json!({ "fault": "drop_after", "times": 1, "where": { "path_prefix": "/services/data/v67.0/composite/graph" } }),
        ),
        (
            "answers that are lost again and again",
            json!({ "fault": "drop_after", "times": 5 }),
        ),
        ("a locked row", json!({ "fault": "lock_row", "times": 2 })),
        (
            "a spent access token",
            json!({ "fault": "expire_access_token", "times": 1 }),
        ),
        (
            "an outage of an hour",
            json!({ "fault": "outage", "seconds": 3600 }),
        ),
    ];
    for (seed, (name, fault)) in faults.into_iter().enumerate() {
        let (machine, _) = Machine::connected(100 + seed as u64).await;
        machine.fault(fault);
        machine.accept(&meeting("evt_1", "ses_1", name)).await;
        machine.work_through().await;
        is_there_once(&machine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_the_crm_asks_for_is_kept() {
    let (machine, _) = Machine::connected(120).await;
    machine.fault(json!({ "fault": "status", "status": 503, "headers": { "Retry-After": "120" }, "body": "[]", "times": 1 }));
    machine.accept(&meeting("evt_1", "ses_1", "Patience")).await;
    machine.work_for(Duration::from_secs(119)).await;
    assert!(machine.ours("Event", KEY).is_empty());
    let waiting = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(waiting["status"], "retrying", "{waiting}");
    assert_eq!(waiting["failures"], 1);
    machine.work_for(Duration::from_secs(10)).await;
    is_there_once(&machine).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_one_delivery_back_off_together() {
    let (machine, _) = Machine::connected(130).await;
    machine.fault(json!({ "fault": "outage", "seconds": 60 }));
    // Each comes by itself, a moment after the other: four messages of one delivery.
    machine.accept(&meeting("evt_1", "ses_1", "First")).await;
    machine.work_for(Duration::from_millis(50)).await;
    for n in 2..5 {
        let mut again = meeting(&format!("evt_{n}"), "ses_1", &format!("Changed {n}"));
        again["timestamp"] = json!(format!("2026-11-20T11:0{n}:00Z"));
        machine.accept(&again).await;
        machine.work_for(Duration::from_millis(50)).await;
    }
    machine.work_for(Duration::from_secs(58)).await;
    let failures = machine.deliveries(ORG).await["ses_1"]["failures"]
        .as_u64()
        .unwrap();
    // 1 + 2 + 4 + 8 + 16 + 32 s are more than a minute even at half the jitter.
    assert!(
        (3..=9).contains(&failures),
        "{failures} failures in a minute"
    );
    machine.work().await;
    is_there_once(&machine).await;
    assert_eq!(machine.ours("Event", KEY)["ses_1"]["Subject"], "Changed 4");
}

#[tokio::test(start_paused = true)]
async fn a_newer_revision_waits_for_the_worker_and_not_for_its_lease() {
    let (machine, connection) = Machine::connected(140).await;
    machine.accept(&meeting("evt_1", "ses_1", "First")).await;
    // A worker is three seconds into the first revision when the second one comes.
    let graph = "/services/data/v67.0/composite/graph";
    machine.fault(
        json!({ "fault": "delay", "ms": 3_000, "times": 1, "where": { "path_prefix": graph } }),
    );
    let slow = reference(&connection);
    let (hub, crm) = (machine.hub("deliver"), CRM.parse().unwrap());
    let slow = deliver(&hub, &crm, vec![slow], Duration::from_mins(2));
    let newer = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut changed = meeting("evt_2", "ses_1", "Second");
        changed["timestamp"] = json!("2026-11-20T11:30:00Z");
        machine.accept(&changed).await;
        machine.work_for(Duration::from_secs(12)).await;
    };
    tokio::join!(slow, newer);
    is_there_once(&machine).await;
    assert_eq!(machine.ours("Event", KEY)["ses_1"]["Subject"], "Second");
}

#[tokio::test(start_paused = true)]
async fn whatever_aws_does_each_record_is_there_once() {
    let calls = [
        "BatchGetItem",
        "BatchExecuteStatement",
        "SendMessageBatch",
        "GetSecretValue",
        ".GetItem",
        ".Query",
        "ChangeMessageVisibilityBatch",
    ];
    for (seed, call) in calls.into_iter().enumerate() {
        for fails in [Fails::Before, Fails::After] {
            for times in [1, 2, 3] {
                let (machine, _) = Machine::connected(200 + seed as u64).await;
                machine.accept(&meeting("evt_1", "ses_1", call)).await;
                machine.world.outage.times(call, fails, times);
                machine.fault(json!({ "fault": "server_error", "times": 1 }));
                machine.work().await;
                is_there_once(&machine).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_accepted_that_is_not_stored_and_queued() {
    for call in [
        ".PutItem",
        ".UpdateItem",
        ".GetItem",
        "SendMessageBatch",
        "GetSecretValue",
    ] {
        for fails in [Fails::Before, Fails::After] {
            let (machine, _) = Machine::connected(300).await;
            machine.world.outage.times(call, fails, 1);
            let event = meeting("evt_1", "ses_1", call);
            let reply = machine.send(&event).await;
            // A call that is not on the way, or whose effect is found, may let it pass at once.
            if reply.status != 202 {
                assert_eq!(reply.status, 503, "{call} {fails:?}: {}", reply.text);
                machine.accept(&event).await;
            }
            machine.world.outage.end();
            machine.work().await;
            is_there_once(&machine).await;
        }
    }
}

/// A message that asks for the first revision of the session on a connection.
fn reference(connection: &str) -> QueueMessage {
    let body = json!({
        "v": 1, "organization": ORG, "connection": connection, "session": "ses_1", "event": "evt_1", "revision": 1,
    });
    QueueMessage {
        id: "m".to_owned(),
        receipt: "r".to_owned(),
        body: body.to_string(),
        receives: 1,
        source: format!("hub-{CRM}-live"),
        ..QueueMessage::default()
    }
}

/// A worker that begins the delivery and dies after `life`, while it waits for the CRM.
async fn a_worker_dies(machine: &Machine, connection: &str, life: Duration) {
    let (hub, crm) = (machine.hub("deliver"), CRM.parse().unwrap());
    let work = deliver(
        &hub,
        &crm,
        vec![reference(connection)],
        Duration::from_mins(2),
    );
    assert!(
        tokio::time::timeout(life, work).await.is_err(),
        "it had nothing to wait for"
    );
    assert_eq!(machine.deliveries(ORG).await["ses_1"]["status"], "claimed");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_before_or_after_the_write_leaves_nothing_out_and_nothing_double() {
    let silence = |path: &str| json!({ "fault": "delay", "ms": 600_000, "times": 1, "where": { "path_prefix": path } });
    let graph = "/services/data/v67.0/composite/graph";
    for (seed, path, written) in [(400, graph, 0), (401, "/services/oauth2/token", 1)] {
        let (machine, connection) = Machine::connected(seed).await;
        machine.accept(&meeting("evt_1", "ses_1", "Unlucky")).await;
        if written == 1 {
            // The write is applied and its answer is lost; three hours later a worker finds the
            // access token spent, and dies while it asks for another.
            machine.fault(
                json!({ "fault": "drop_after", "times": 1, "where": { "path_prefix": graph } }),
            );
            machine.work_for(Duration::ZERO).await;
            assert_eq!(machine.ours("Event", KEY).len(), 1);
            tokio::time::sleep(Duration::from_hours(3)).await;
        }
        machine.fault(silence(path));
        a_worker_dies(&machine, &connection, Duration::from_secs(19)).await;
        assert_eq!(machine.ours("Event", KEY).len(), written);
        machine.work().await;
        is_there_once(&machine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_parks_the_connection_and_its_work_waits_for_the_person() {
    let (machine, connection) = Machine::connected(500).await;
    machine.fault(json!({ "fault": "revoke_refresh_token", "times": 1 }));
    machine.fault(json!({ "fault": "expire_access_token", "times": 1 }));
    machine.accept(&meeting("evt_1", "ses_1", "Waiting")).await;
    machine.work_for(Duration::from_hours(1)).await;
    let shown = machine
        .api(
            ORG,
            http::Method::GET,
            &format!("/api/integrations/crm/{connection}"),
            None,
        )
        .await
        .json();
    assert_eq!(shown["state"], "reconnect_needed", "{shown}");
    assert!(
        shown["reason"].as_str().unwrap().contains("invalid_grant"),
        "{shown}"
    );
    assert_eq!(machine.deliveries(ORG).await["ses_1"]["status"], "held");
    assert!(machine.world.messages(&format!("{CRM}-live")).is_empty());
    let calls = machine.sandbox.calls();
    machine
        .accept(&call("evt_2", "ses_2", "ada@acme.example"))
        .await;
    machine.work_for(Duration::from_hours(3)).await;
    assert_eq!(
        machine.sandbox.calls(),
        calls,
        "nobody knocks at a closed door"
    );
    machine.authorize(ORG, &connection).await;
    machine.derive().await;
    machine.work().await;
    assert_eq!(machine.ours("Event", KEY).len(), 1);
    assert_eq!(machine.ours("Task", KEY).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_deliveries_with_one_spent_token_refresh_once() {
    let (machine, _) = Machine::connected(600).await;
    let many: Vec<_> = (0..100)
        .map(|n| call(&format!("evt_{n}"), &format!("ses_{n}"), "ada@acme.example"))
        .collect();
    machine.accept(&json!(many)).await;
    let before = machine.calls("/services/oauth2/token");
    tokio::time::sleep(Duration::from_hours(3)).await;
    machine.work().await;
    assert_eq!(machine.calls("/services/oauth2/token") - before, 1);
    assert_eq!(machine.ours("Task", KEY).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_lies_in_the_dead_letter_queue_with_its_reason() {
    let (machine, _) = Machine::connected(700).await;
    machine.fault(json!({ "fault": "server_error", "times": 1000 }));
    machine.accept(&meeting("evt_1", "ses_1", "Hopeless")).await;
    machine.work().await;
    let delivery = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(delivery["status"], "dead_lettered");
    assert_eq!(delivery["failures"], 30);
    assert!(
        delivery["reason"].as_str().unwrap().contains("500"),
        "{delivery}"
    );
    let dump = machine.world.aws.dump().unwrap();
    let dead = &dump.queues[&format!("hub-{CRM}-dlq")];
    assert_eq!(dead.len(), 1);
    assert!(
        dead[0]
            .message_attributes
            .to_string()
            .contains("failed 30 times"),
        "{}",
        dead[0].message_attributes
    );
}
