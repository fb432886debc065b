//! Stories that every CRM of the registry has to pass: they ask the CRM by the connector, so they
//! know nothing of its objects.

use std::time::Duration;

use hub_e2e::{Machine, ORG};
use hub_engine::CRMS;
use serde_json::{Value, json};

use crate::sample::{action_item, call, meeting, summary};

async fn connected(crm: &'static str, seed: u64) -> Machine {
    let machine = Machine::of(crm, seed).await;
    machine.connect(ORG, json!({})).await;
    machine
}

/// Whether the CRM gives no refresh token: its access tokens have no end.
fn lives_for_ever(crm: &str) -> bool {
    let manifest = hub_connectors::manifest(crm).unwrap().unwrap();
    let oauth = manifest.oauth.as_ref();
    oauth.is_some_and(|oauth| oauth.default_lifetime_s == 0)
}

#[tokio::test(start_paused = true)]
async fn whatever_the_crm_does_each_record_is_there_once() {
    let faults: [(&str, Value); 9] = [
        ("nothing", json!(null)),
        ("a 500", json!({ "fault": "server_error", "times": 3 })),
        (
            "the rate limit",
            json!({ "fault": "rate_limit", "times": 2 }),
        ),
        (
            "the daily limit",
            json!({ "fault": "daily_limit", "times": 2 }),
        ),
        (
            "a request that never arrives",
            json!({ "fault": "drop_before", "times": 2 }),
        ),
        (
            "a spent access token",
            json!({ "fault": "expire_access_token", "times": 1 }),
        ),
        (
            "an outage of an hour",
            json!({ "fault": "outage", "seconds": 3600 }),
        ),
        (
            "answers that are lost",
            json!({ "fault": "drop_after", "times": 3 }),
        ),
        (
            "the answer to the last call is lost",
            json!({ "fault": "drop_after", "times": 1, "where": { "method": "POST", "nth": 3 } }),
        ),
    ];
    for crm in CRMS {
        for (seed, (name, fault)) in (1..).zip(&faults) {
            // Where a token never ends, one that ended was taken away, and somebody connects again.
            if *name == "a spent access token" && lives_for_ever(crm) {
                continue;
            }
            let machine = connected(crm, seed).await;
            if !fault.is_null() {
                machine.fault(fault.clone());
            }
            machine
                .accept(&json!([
                    meeting("evt_1", "ses_1", name),
                    call("evt_2", "ses_2", "ada@acme.example")
                ]))
                .await;
            machine.work_through().await;
            assert_eq!(machine.deliveries(ORG).await.len(), 2, "{crm}, {name}");
            machine.each_once(ORG).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parts_in_any_order_land_on_the_same_records() {
    for crm in CRMS {
        let machine = connected(crm, 20).await;
        machine
            .accept(&summary(
                "evt_1",
                "ses_1",
                "2026-11-20T11:10:00Z",
                "Words that came first.",
            ))
            .await;
        machine
            .accept(&action_item("evt_2", "ses_1", "a9", "Early task"))
            .await;
        machine.work_for(Duration::from_mins(1)).await;
        machine
            .accept(&meeting("evt_3", "ses_1", "The session"))
            .await;
        machine.work().await;
        let mut changed = meeting("evt_4", "ses_1", "The session, changed");
        changed["timestamp"] = json!("2026-11-20T12:00:00Z");
        machine.accept(&changed).await;
        machine.fault(json!({ "fault": "drop_after", "times": 2 }));
        machine.work().await;
        machine.each_once(ORG).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_item_alone_is_joined_by_its_session() {
    for crm in CRMS {
        let machine = connected(crm, 30).await;
        machine
            .accept(&action_item("evt_1", "ses_1", "a1", "Call back"))
            .await;
        machine.work().await;
        machine.each_once(ORG).await;
        machine.accept(&meeting("evt_2", "ses_1", "Late")).await;
        machine.work().await;
        machine.each_once(ORG).await;
    }
}
