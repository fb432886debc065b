//! A CRM in which we choose the ids, and activities are completed in a second step.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hub_domain::plan::client_id;
use hub_e2e::{Machine, ORG};
use serde_json::{Value, json};

use crate::sample::{call, event, meeting};

const CRM: &str = "dynamics365";

async fn connected(seed: u64) -> Machine {
    let machine = Machine::of(CRM, seed).await;
    machine.connect(ORG, json!({})).await;
    machine
}

/// The records of a set, by subject.
fn by_subject(machine: &Machine, set: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for record in machine.held(set) {
        let subject = record["subject"].as_str().unwrap().to_owned();
        let twice = found.insert(subject.clone(), record);
        assert!(twice.is_none(), "{subject} is there twice");
    }
    found
}

/// What somebody does in the CRM.
async fn by_hand(machine: &Machine, method: Method, path: &str, body: &Value) {
    let given = machine.sandbox.credentials();
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    let request = Request::builder()
        .method(method)
        .uri(format!("{}/api/data/v9.2/{path}", text("base_url")))
        .header("authorization", format!("Bearer {}", text("access_token")))
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let answer = machine.sandbox.handle(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
}

/// The session once more, later and with another title.
fn again(id: &str, session: &str, title: &str) -> Value {
    let mut changed = meeting(id, session, title);
    changed["timestamp"] = json!("2026-11-20T12:00:00Z");
    changed
}

#[tokio::test(start_paused = true)]
async fn activities_have_our_ids_their_people_and_their_state() {
    let machine = connected(1).await;
    machine
        .accept(&json!([
            meeting("evt_1", "ses_1", "Discovery"),
            call("evt_2", "ses_2", "lee@prospect.example")
        ]))
        .await;
    machine.work().await;
    machine.each_once(ORG).await;
    let contact = |email: &str| {
        let all = machine.held("contacts");
        let found = all.into_iter().find(|row| row["emailaddress1"] == email);
        found.unwrap()
    };
    let (ada, ben, carla) = (
        contact("ada@acme.example"),
        contact("ben@acme.example"),
        contact("carla@globex.example"),
    );
    let met = &by_subject(&machine, "appointments")["Discovery"];
    assert_eq!(met["activityid"], client_id("ses_1"));
    assert_eq!(
        (&met["statecode"], &met["statuscode"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(met["scheduleddurationminutes"], 45);
    assert_eq!(
        met["_regardingobjectid_value"],
        ada["_parentcustomerid_value"]
    );
    let attendees: Vec<&Value> = met["parties"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|party| party["mask"] == 5)
        .map(|party| &party["id"])
        .collect();
    for person in [&ada, &ben, &carla] {
        assert!(attendees.contains(&&person["contactid"]), "{met:#}");
    }
    assert_eq!(attendees.len(), 3, "nobody twice, and nobody unknown");
    let called = &by_subject(&machine, "phonecalls")["Call"];
    assert_eq!(
        (&called["statecode"], &called["statuscode"]),
        (&json!(1), &json!(2))
    );
    let lead = machine
        .held("leads")
        .into_iter()
        .find(|row| row["emailaddress1"] == "lee@prospect.example");
    assert_eq!(called["_regardingobjectid_value"], lead.unwrap()["leadid"]);
    let tasks = by_subject(&machine, "tasks");
    assert_eq!(
        tasks["Send pricing"]["activityid"],
        client_id("ses_1-task-a1")
    );
    assert_eq!(
        tasks["Send pricing"]["scheduledend"],
        "2026-11-27T10:00:00Z"
    );
    assert_eq!(tasks["Send pricing"]["statecode"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_changed_session_changes_what_is_completed_and_leaves_what_a_person_completed() {
    let machine = connected(2).await;
    machine.accept(&meeting("evt_1", "ses_1", "First")).await;
    machine.work().await;
    let task = format!("tasks({})", client_id("ses_1-task-a1"));
    let complete = json!({ "statecode": 1, "statuscode": 5 });
    by_hand(&machine, Method::PATCH, &task, &complete).await;
    machine.accept(&again("evt_2", "ses_1", "Second")).await;
    machine.work().await;
    machine.each_once(ORG).await;
    let met = by_subject(&machine, "appointments");
    assert_eq!(met.keys().collect::<Vec<_>>(), ["Second"]);
    assert_eq!(
        (&met["Second"]["statecode"], &met["Second"]["statuscode"]),
        (&json!(1), &json!(3))
    );
    let tasks = by_subject(&machine, "tasks");
    assert_eq!(
        tasks["Send pricing"]["statecode"], 1,
        "a person completed it"
    );
    assert_eq!(tasks["Book a demo"]["statecode"], 0);
    // What is done in liveprompt is completed here.
    let done = json!({ "sessionId": "ses_1", "action_item": { "id": "a2", "title": "Book a demo", "status": "done" } });
    machine
        .accept(&event(
            "evt_3",
            "action_item.created",
            "2026-11-20T13:00:00Z",
            done,
        ))
        .await;
    machine.work().await;
    assert_eq!(
        by_subject(&machine, "tasks")["Book a demo"]["statuscode"],
        5
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_deleted_is_made_anew() {
    let machine = connected(3).await;
    machine.accept(&meeting("evt_1", "ses_1", "First")).await;
    machine.work().await;
    let at = format!("appointments({})", client_id("ses_1"));
    by_hand(&machine, Method::DELETE, &at, &json!({})).await;
    machine.accept(&again("evt_2", "ses_1", "Second")).await;
    machine.work().await;
    machine.each_once(ORG).await;
    let met = by_subject(&machine, "appointments");
    assert_eq!(met["Second"]["activityid"], client_id("ses_1"));
    assert_eq!(met["Second"]["statecode"], 1);
    assert!(
        met["Second"]["parties"]
            .as_array()
            .unwrap()
            .iter()
            .any(|party| party["mask"] == 5)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_keeps_no_other_out_and_leaves_nothing_half_done() {
    let machine = connected(4).await;
    machine.fault(
        json!({ "fault": "record_error", "object": "task", "message": "The plug-in says no" }),
    );
    machine
        .accept(&meeting("evt_1", "ses_1", "Mostly right"))
        .await;
    machine.work().await;
    assert_eq!(
        by_subject(&machine, "appointments")["Mostly right"]["statecode"],
        1
    );
    assert_eq!(machine.held("tasks").len(), 1);
    let delivery = machine.deliveries(ORG).await["ses_1"].clone();
    assert_eq!(delivery["status"], "parked", "{delivery}");
    assert_eq!(delivery["faults"][0]["code"], "0x80040265");
    // The state is refused: so the activity is not there at all.
    let (machine, short) = (connected(5).await, "x".repeat(10));
    machine.fault(json!({ "fault": "record_error", "object": "appointment" }));
    machine.accept(&meeting("evt_1", "ses_1", &short)).await;
    machine.work().await;
    assert!(machine.held("appointments").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_environment_without_sales_has_no_leads_and_takes_sessions() {
    let machine = connected(6).await;
    machine.sandbox.set(&json!({ "sales": false })).unwrap();
    machine.accept(&meeting("evt_1", "ses_1", "No leads")).await;
    machine.work().await;
    machine.each_once(ORG).await;
}
