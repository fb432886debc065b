//! What waits longer than a queue should hide a message: for somebody who takes a connection into use,
//! or for a limit. It shows as held, costs nothing, and goes on by itself.

use std::time::Duration;

use http::{Method, StatusCode};
use hub_e2e::{CRM, Machine, ORG};
use serde_json::{Value, json};

use crate::sample::{call, meeting};

async fn change(machine: &Machine, connection: &str, what: &str) {
    let reply = machine.connection(Method::POST, connection, what).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
}

/// What was changed is felt: configuration is kept for half a minute.
async fn felt() {
    tokio::time::sleep(Duration::from_secs(31)).await;
}

/// Messages for deliver, in either lane.
fn queued(machine: &Machine) -> usize {
    in_lane(machine, "live") + in_lane(machine, "bulk")
}

fn in_lane(machine: &Machine, lane: &str) -> usize {
    machine.world.messages(&format!("{CRM}-{lane}")).len()
}

async fn one(machine: &Machine, session: &str) -> Value {
    machine.deliveries(ORG).await[session].clone()
}

/// A connection that was paused after dispatch, with so many calls that wait for it.
async fn paused(seed: u64, calls: usize) -> (Machine, String) {
    let (machine, connection) = Machine::connected(seed).await;
    let events: Vec<_> = (0..calls)
        .map(|n| call(&format!("evt_{n}"), &format!("ses_{n}"), "ada@acme.example"))
        .collect();
    for events in events.chunks(100) {
        machine.accept(&json!(events)).await;
    }
    while !machine.world.messages("events").is_empty() {
        machine.dispatch().await;
    }
    machine.derive().await;
    change(&machine, &connection, "/pause").await;
    felt().await;
    (machine, connection)
}

#[tokio::test(start_paused = true)]
async fn a_paused_connection_holds_its_work_and_a_resume_sets_it_free() {
    let (machine, connection) = paused(1, 3).await;
    machine.world.aws.reset_counts();
    machine.work().await;
    let counts = machine.world.aws.counts();
    assert_eq!(
        counts.calls.get("dynamodb.UpdateItem"),
        Some(&3),
        "one write each"
    );
    assert_eq!(queued(&machine), 0);
    let held = one(&machine, "ses_1").await;
    assert_eq!(
        (&held["status"], &held["held_until"]),
        (&json!("held"), &Value::Null)
    );
    let reason = held["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("it goes on once its destination is in use"),
        "{reason}"
    );
    // Ticks leave it alone, for weeks: longer than a queue would have kept its message.
    tokio::time::sleep(Duration::from_hours(24 * 20)).await;
    assert!(machine.tick().await);
    assert_eq!(queued(&machine), 0);

    change(&machine, &connection, "/resume").await;
    machine.derive().await;
    assert_eq!(in_lane(&machine, "live"), 3, "at once, without a tick");
    machine.work().await;
    machine.each_once(ORG).await;
    // The note of the release goes with the next tick that finds nothing left.
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(machine.tick().await);
    let hub = machine.hub("operator");
    let notes = hub
        .store()
        .releases(&CRM.parse().unwrap(), i64::MAX / 2, 10)
        .await;
    assert_eq!(notes.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_not_seen_the_resume_holds_and_the_next_tick_lets_go() {
    let (machine, connection) = paused(2, 1).await;
    // deliver reads the paused connection now, and keeps it for half a minute.
    machine.work().await;
    machine
        .accept(&call("evt_9", "ses_9", "ada@acme.example"))
        .await;
    change(&machine, &connection, "/resume").await;
    machine.derive().await;
    machine.work_for(Duration::from_secs(1)).await;
    assert_eq!(
        one(&machine, "ses_0").await["status"],
        "held",
        "it was held again"
    );
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(machine.tick().await);
    machine.work().await;
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn much_that_is_held_goes_at_a_bounded_pace() {
    let (machine, connection) = paused(3, 230).await;
    machine.work().await;
    change(&machine, &connection, "/resume").await;
    machine.derive().await;
    // What has just happened does not wait behind so much.
    let lanes = || (in_lane(&machine, "live"), in_lane(&machine, "bulk"));
    assert_eq!(lanes(), (0, 100));
    for expected in [200, 230] {
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(machine.tick().await);
        assert_eq!(lanes(), (0, expected));
    }
    machine.work().await;
    assert_eq!(machine.held("Task").len(), 230);
}

#[tokio::test(start_paused = true)]
async fn what_a_disconnected_connection_holds_ends_as_skipped() {
    let (machine, connection) = paused(4, 2).await;
    machine.work().await;
    let ended = machine.connection(Method::DELETE, &connection, "").await;
    assert!(ended.status.is_success(), "{}", ended.text);
    machine.derive().await;
    for session in ["ses_0", "ses_1"] {
        let delivery = one(&machine, session).await;
        assert_eq!(delivery["status"], "skipped", "{delivery}");
        assert_eq!(delivery["reason"], "the connection is gone");
    }
    assert_eq!(queued(&machine), 0);
}

#[tokio::test(start_paused = true)]
async fn a_long_limit_is_held_at_no_further_write_and_ends_by_the_clock() {
    let (machine, _) = Machine::connected(5).await;
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    machine.fault(json!({ "fault": "daily_limit", "times": 1 }));
    machine.world.aws.reset_counts();
    machine.accept(&meeting("evt_1", "ses_1", "Held")).await;
    machine.work().await;
    let counts = machine.world.aws.counts();
    assert_eq!(
        counts.calls["dynamodb.BatchExecuteStatement"], 2,
        "claim and outcome"
    );
    assert_eq!(
        counts.calls["dynamodb.UpdateItem"], 1,
        "the session's alone"
    );
    let held = one(&machine, "ses_1").await;
    assert_eq!(
        (&held["status"], &held["held_until"], &held["failures"]),
        (&json!("held"), &json!("2026-11-20T13:00:00Z"), &json!(0))
    );
    assert_eq!(queued(&machine), 0);
    assert!(machine.tick().await);
    assert_eq!(queued(&machine), 0, "not before its time");
    machine.work_through().await;
    machine.each_once(ORG).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_may_die_at_any_point_of_holding_and_of_letting_go() {
    let mut walked = 0;
    for limit in [false, true] {
        for releasing in [false, true] {
            for point in 1.. {
                let (machine, connection) = if limit {
                    let (machine, connection) = Machine::connected(6).await;
                    machine
                        .accept(&call("evt_0", "ses_0", "ada@acme.example"))
                        .await;
                    machine.dispatch().await;
                    machine.fault(json!({ "fault": "daily_limit", "times": 1 }));
                    (machine, connection)
                } else {
                    paused(6, 1).await
                };
                let died = if releasing {
                    machine.work().await;
                    assert_eq!(one(&machine, "ses_0").await["status"], "held");
                    if limit {
                        tokio::time::sleep(Duration::from_mins(61)).await;
                        machine
                            .world
                            .outage
                            .until(point, machine.tick())
                            .await
                            .is_none()
                    } else {
                        change(&machine, &connection, "/resume").await;
                        machine
                            .world
                            .outage
                            .until(point, machine.derive())
                            .await
                            .is_none()
                    }
                } else {
                    machine.works_and_dies(point).await
                };
                // What died begins again: Lambda brings the message and the change again.
                machine.work().await;
                if limit {
                    tokio::time::sleep(Duration::from_mins(61)).await;
                } else {
                    change(&machine, &connection, "/resume").await;
                    machine.derive().await;
                    tokio::time::sleep(Duration::from_mins(2)).await;
                }
                assert!(machine.tick().await, "{point}");
                machine.work_through().await;
                machine.each_once(ORG).await;
                assert!(machine.world.messages(&format!("{CRM}-dlq")).is_empty());
                if !died {
                    assert!(point > 4, "limit {limit}, releasing {releasing}: {point}");
                    break;
                }
                walked += 1;
            }
        }
    }
    println!("{walked} points walked");
}
