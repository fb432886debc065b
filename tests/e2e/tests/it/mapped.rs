//! Records that the CRM refuses.

use std::time::Duration;

use hub_e2e::{Machine, ORG};
use serde_json::json;

use crate::sample::{KEY, meeting};

#[tokio::test(start_paused = true)]
async fn one_refused_record_is_parked_with_its_field_and_the_others_arrive() {
    let (machine, _) = Machine::connected(1).await;
    machine.fault(json!({ "fault": "record_error", "error_code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Tasks need an owner", "object": "Task", "times": 1 }));
    machine
        .accept(&meeting("evt_1", "ses_1", "Mostly right"))
        .await;
    machine.work().await;
    assert_eq!(machine.ours("Event", KEY).len(), 1);
    assert_eq!(machine.ours("Task", KEY).len(), 1);
    let delivery = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(delivery["status"], "parked", "{delivery}");
    assert_eq!(
        delivery["faults"][0]["code"], "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "{delivery}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_customer_without_our_field_is_told_what_to_set_up() {
    let (machine, _) = Machine::connected(2).await;
    machine
        .sandbox
        .set(&json!({ "liveprompt_field": false }))
        .unwrap();
    machine.accept(&meeting("evt_1", "ses_1", "No field")).await;
    machine.work().await;
    let delivery = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(delivery["status"], "parked", "{delivery}");
    assert!(
        delivery["reason"].as_str().unwrap().contains("field"),
        "{delivery}"
    );
    assert!(machine.held("Event").is_empty(), "nothing without a key");
}

#[tokio::test(start_paused = true)]
async fn with_shared_activities_everybody_is_related() {
    let machine = Machine::new(3).await;
    machine
        .connect(ORG, json!({ "shared_activities": "on" }))
        .await;
    machine.accept(&meeting("evt_1", "ses_1", "Together")).await;
    machine.work_for(Duration::from_mins(1)).await;
    let activity = machine.ours("Event", KEY)["ses_1"]["Id"].clone();
    let related = machine
        .held("EventRelation")
        .into_iter()
        .filter(|relation| relation["EventId"] == activity && relation["IsWhat"] == false)
        .count();
    assert_eq!(
        related,
        3,
        "Ada, Ben and Carla: {:?}",
        machine.held("EventRelation")
    );
}
