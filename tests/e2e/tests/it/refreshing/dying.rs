//! Workers that die, and AWS calls that fail, at every point of a refresh: afterwards the connection
//! works, or says that somebody has to connect it again, and why; and its work waits.

use std::time::Duration;

use hub_domain::ConnectionState;
use hub_e2e::{Machine, ORG};
use hub_engine::CRMS;
use hub_world::Fails;

use super::{burns, spent, stored, token_calls, used, works};
use crate::sample::meeting;

/// One that rotates, one that keeps, one whose old token lives on, and one that also says itself when a
/// token ends.
const WALKED: [&str; 4] = ["salesforce", "hubspot", "dynamics365", "monday"];

/// The requests by which a refresh token was spent whose answer was not stored.
fn answers(machine: &Machine) -> usize {
    let sent = machine.wire.sent();
    sent.iter()
        .filter(|sent| sent.body.contains("grant_type") && sent.answer.contains("access_token"))
        .count()
}

async fn version(machine: &Machine, id: &str) -> u64 {
    machine.tokens(ORG, id).await.unwrap().version
}

/// An hour later it works, or is parked; the token endpoint was called three times at most.
async fn is_alive_or_parked(machine: &Machine, id: &str, before: usize, what: &str) -> bool {
    let delivers = CRMS.contains(&machine.crm);
    let mut alive = false;
    for _ in 0..60 {
        if delivers {
            machine.work_for(Duration::from_mins(1)).await;
        } else {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        let parked = stored(machine, id).await.state == ConnectionState::ReconnectNeeded;
        if parked {
            break;
        }
        alive = works(machine, id).await;
        if alive {
            break;
        }
    }
    if delivers {
        machine.work_for(Duration::from_hours(1)).await;
    }
    let calls = token_calls(machine) - before;
    assert!(calls <= 3, "{what}: {calls} token calls");
    let found = stored(machine, id).await;
    let queue = format!("{}-live", machine.crm);
    if alive {
        assert_eq!(found.state, ConnectionState::Active, "{what}: {found:?}");
        if delivers {
            machine.work().await;
            machine.each_once(ORG).await;
        }
    } else {
        assert_eq!(found.state, ConnectionState::ReconnectNeeded, "{what}");
        assert!(found.cause.is_some() && !found.reason.is_empty(), "{what}");
        if delivers {
            // Its message waits, or the delivery does without one.
            let held = machine.deliveries(ORG).await["ses_1"]["status"] == "held";
            let messages = machine.world.messages(&queue).len();
            assert_eq!(messages + usize::from(held), 1, "{what}");
        }
        machine.authorize(ORG, id).await;
        if delivers {
            machine.derive().await;
            machine.work().await;
            machine.each_once(ORG).await;
        }
        assert!(works(machine, id).await, "{what}");
    }
    alive
}

/// A machine whose connection has a spent token, and one meeting that waits to be delivered.
async fn waiting(crm: &'static str) -> (Machine, String) {
    let (machine, id) = spent(crm).await;
    if CRMS.contains(&crm) {
        machine.accept(&meeting("evt_1", "ses_1", "Waiting")).await;
    }
    (machine, id)
}

#[tokio::test(start_paused = true)]
async fn a_worker_may_die_at_any_point_of_a_refresh() {
    let (mut walked, mut lost) = (0, 0);
    for crm in WALKED {
        let mut point = 0;
        loop {
            point += 1;
            let (machine, id) = waiting(crm).await;
            let calls = token_calls(&machine);
            let (given, stands) = (answers(&machine), version(&machine, &id).await);
            let hub = machine.hub("deliver");
            let work = Box::pin(used(&hub, &id));
            let done = Box::pin(machine.world.outage.until(point, work)).await;
            if let Some(tested) = done {
                assert!(tested.works, "{crm}: {tested:?}");
                assert_eq!(token_calls(&machine) - calls, 1, "{crm}");
                break;
            }
            let stored = version(&machine, &id).await != stands;
            let gone = burns(crm) && answers(&machine) > given && !stored;
            let what = format!("{crm}, point {point}");
            let alive = is_alive_or_parked(&machine, &id, calls, &what).await;
            assert_eq!(
                alive, !gone,
                "{what}: it is parked if and only if it has to be"
            );
            walked += 1;
            lost += usize::from(gone);
        }
        println!("{crm}: {} points", point - 1);
        assert!(point > 12, "{crm}: {point}");
    }
    println!("{walked} points walked, {lost} lose a refresh token that rotates");
    assert!((2..=8).contains(&lost), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn any_call_to_aws_may_fail_during_a_refresh() {
    let (mut walked, mut parked) = (0, 0);
    for crm in ["salesforce", "hubspot"] {
        for call in [".UpdateItem", ".GetItem", "GetSecretValue", ".PutItem"] {
            for fails in [Fails::Before, Fails::After] {
                for times in [1, 2, 6] {
                    let (machine, id) = waiting(crm).await;
                    let calls = token_calls(&machine);
                    machine.world.outage.times(call, fails, times);
                    let hub = machine.hub("deliver");
                    // It may not even find its connection.
                    let caller = hub_world::World::admin(ORG);
                    let one = id.parse().unwrap();
                    drop(hub_engine::lifecycle::test(&hub, &caller, &one).await);
                    machine.world.outage.end();
                    let what = format!("{crm}, {call} {fails:?} {times} times");
                    let alive = is_alive_or_parked(&machine, &id, calls, &what).await;
                    assert!(alive, "{what}: nothing is lost by AWS");
                    walked += 1;
                    parked += usize::from(!alive);
                }
            }
        }
    }
    println!("{walked} outages of AWS walked, {parked} parked");
}

/// The answer to the write that stores the new tokens is lost as often as it is tried, and more: the
/// tokens are there.
#[tokio::test(start_paused = true)]
async fn our_own_write_is_known_again() {
    for fails in [Fails::Before, Fails::After] {
        for times in 1..=8 {
            let (machine, id) = spent("salesforce").await;
            let before = token_calls(&machine);
            let hub = machine.hub("deliver");
            // From the answer on.
            let path = "/services/oauth2/token";
            let slow = serde_json::json!({ "fault": "delay", "ms": 1_000, "where": { "path_prefix": path } });
            machine.fault(slow);
            let outage = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                machine.world.outage.times(".UpdateItem", fails, times);
            };
            let (tested, ()) = tokio::join!(used(&hub, &id), outage);
            machine.world.outage.end();
            let what = format!("{fails:?} {times} times");
            assert_eq!(token_calls(&machine) - before, 1, "{what}");
            if times < 8 {
                assert!(tested.works, "{what}: {tested:?}");
                assert!(works(&machine, &id).await, "{what}");
            } else if fails == Fails::After {
                // It never heard that they are stored.
                assert!(!tested.works, "{what}: {tested:?}");
                assert!(works(&machine, &id).await, "{what}");
            } else {
                // Half a minute of refusals: given up, and said.
                assert!(!tested.works, "{what}: {tested:?}");
                tokio::time::sleep(Duration::from_mins(2)).await;
                assert!(!works(&machine, &id).await);
                let found = stored(&machine, &id).await;
                assert_eq!(found.state, ConnectionState::ReconnectNeeded, "{what}");
            }
            assert!(token_calls(&machine) - before <= 2, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_takes_too_long_does_not_outlast_the_right_to_refresh() {
    for (ms, works_at_once) in [(24_000, true), (40_000, false), (600_000, false)] {
        let (machine, id) = spent("salesforce").await;
        let path = "/services/oauth2/token";
        machine.fault(
            serde_json::json!({ "fault": "delay", "ms": ms, "times": 1, "where": { "path_prefix": path } }),
        );
        let hub = machine.hub("deliver");
        let begun = machine.world.clock.now();
        assert_eq!(used(&hub, &id).await.works, works_at_once, "{ms}");
        let took = machine.world.clock.now().duration_since(begun);
        assert!(took.as_secs() <= 26, "{took}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(works(&machine, &id).await, "{ms}");
    }
}
