//! The main job.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use hub_e2e::{CRM, Machine, ORG};
use serde_json::json;

use crate::sample::{KEY, action_item, call, event, meeting, summary};

#[tokio::test(start_paused = true)]
async fn a_meeting_becomes_an_event_and_a_task_per_action_item() {
    let (machine, connection) = Machine::connected(1).await;
    machine
        .accept(&meeting("evt_1", "ses_1", "Discovery call 🎉"))
        .await;
    machine.work().await;

    let events = machine.ours("Event", KEY);
    assert_eq!(events.keys().collect::<Vec<_>>(), ["ses_1"]);
    let activity = &events["ses_1"];
    let contact = |email: &str| {
        machine
            .held("Contact")
            .into_iter()
            .find(|c| c["Email"] == email)
            .unwrap()
    };
    assert_eq!(activity["Subject"], "Discovery call 🎉");
    assert_eq!(activity["DurationInMinutes"], 45);
    assert_eq!(
        activity["WhoId"],
        contact("ada@acme.example")["Id"],
        "the first person who is known"
    );
    assert_eq!(
        activity["WhatId"],
        contact("ada@acme.example")["AccountId"],
        "and their company"
    );
    let notes = activity["Description"].as_str().unwrap();
    for part in [
        "Acme wants to expand.",
        "Budget: 40,000 EUR",
        "- Send pricing",
        "Nobody <nobody@nowhere.example>",
        "https://app.liveprompt.example/s/1",
    ] {
        assert!(notes.contains(part), "{part} is missing in {notes}");
    }
    let tasks = machine.ours("Task", KEY);
    assert_eq!(
        tasks.keys().collect::<Vec<_>>(),
        ["ses_1-task-a1", "ses_1-task-a2"]
    );
    assert_eq!(tasks["ses_1-task-a1"]["Subject"], "Send pricing");
    assert_eq!(tasks["ses_1-task-a1"]["ActivityDate"], "2026-11-27");
    assert!(
        tasks["ses_1-task-a1"]["Description"]
            .as_str()
            .unwrap()
            .contains("“Can you send me the pricing by Friday?”")
    );

    let deliveries = machine.deliveries(ORG).await;
    assert_eq!(deliveries["ses_1"]["status"], "delivered");
    let id = deliveries["ses_1"]["id"].as_str().unwrap();
    assert_eq!(
        id,
        format!("dlv_{}.1", connection.trim_start_matches("conn_"))
    );
    let detail = machine
        .api(ORG, Method::GET, &format!("/api/deliveries/{id}"), None)
        .await
        .json();
    let writes = detail["plan"]["writes"].as_array().unwrap();
    assert_eq!(writes.len(), 3);
    assert_eq!(
        detail["records"].as_array().unwrap().len(),
        3,
        "each record's id is known: {detail}"
    );
    let subject = writes[1]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["to"] == "Subject")
        .unwrap();
    assert_eq!(
        subject["evidence"],
        json!(["s1"]),
        "a task leads back to the sentence that caused it"
    );
}

#[tokio::test(start_paused = true)]
async fn one_session_costs_one_look_up_and_one_write() {
    let (machine, _) = Machine::connected(2).await;
    let before = machine.sandbox.calls();
    machine
        .accept(&meeting("evt_1", "ses_1", "Discovery"))
        .await;
    machine.work().await;
    assert_eq!(
        machine.sandbox.calls() - before,
        2,
        "{:?}",
        machine.sandbox.requests()
    );
    // Ten more in one batch cost no more.
    let before = machine.sandbox.calls();
    let many: Vec<_> = (10..20)
        .map(|n| meeting(&format!("evt_{n}"), &format!("ses_{n}"), "Discovery"))
        .collect();
    machine.accept(&json!(many)).await;
    machine.work().await;
    assert_eq!(
        machine.sandbox.calls() - before,
        2,
        "{:?}",
        machine.sandbox.requests()
    );
    assert_eq!(machine.ours("Event", KEY).len(), 11);
    assert_eq!(machine.ours("Task", KEY).len(), 22);
}

#[tokio::test(start_paused = true)]
async fn the_same_event_through_both_doors_is_written_once() {
    let (machine, _) = Machine::connected(3).await;
    let meeting = meeting("evt_1", "ses_1", "Discovery");
    machine.accept(&meeting).await;
    machine.enqueue(&meeting).await;
    machine.accept(&meeting).await;
    machine.work().await;
    machine.enqueue(&meeting).await;
    machine.work().await;
    assert_eq!(machine.ours("Event", KEY).len(), 1);
    assert_eq!(machine.ours("Task", KEY).len(), 2);
    assert_eq!(
        machine.calls("/composite/graph"),
        1,
        "the repeats were no writes"
    );
    assert!(machine.world.messages("events-dlq").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_raw_event_in_the_queue_is_as_good_as_one_over_http() {
    let (machine, _) = Machine::connected(4).await;
    machine
        .enqueue(&meeting("evt_1", "ses_1", "By queue"))
        .await;
    // Dispatch is down for two hours: the signature is judged by when the message was sent.
    tokio::time::sleep(Duration::from_hours(2)).await;
    machine.work().await;
    assert_eq!(machine.ours("Event", KEY)["ses_1"]["Subject"], "By queue");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_event_takes_nobody_along() {
    let (machine, _) = Machine::connected(5).await;
    machine
        .put(
            "liveprompt",
            "events",
            "not even JSON".to_owned(),
            BTreeMap::new(),
        )
        .await;
    machine.accept(&meeting("evt_1", "ses_1", "Valid")).await;
    // A reference that ingest did not write, though it looks like one.
    let forged = machine
        .world
        .messages("events")
        .into_iter()
        .find(|body| body.contains("ses_1"))
        .unwrap();
    machine
        .put("mallory", "events", forged, BTreeMap::new())
        .await;
    // A signature of another body.
    let mut stolen = machine.world.sign(b"{}");
    let attributes = stolen
        .iter_mut()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    machine
        .put(
            "liveprompt",
            "events",
            meeting("evt_2", "ses_2", "Forged").to_string(),
            attributes,
        )
        .await;
    // And one in the CRM's own queue.
    machine
        .put(
            "dispatch",
            &format!("{CRM}-live"),
            "{}".to_owned(),
            BTreeMap::new(),
        )
        .await;
    machine.work().await;
    assert_eq!(
        machine.ours("Event", KEY).keys().collect::<Vec<_>>(),
        ["ses_1"]
    );
    assert_eq!(machine.world.messages("events-dlq").len(), 3);
    assert_eq!(machine.world.messages(&format!("{CRM}-dlq")), ["{}"]);
}

#[tokio::test(start_paused = true)]
async fn one_invalid_event_of_a_batch_loses_nothing_beside_it() {
    let (machine, _) = Machine::connected(6).await;
    let mut broken = meeting("evt_2", "ses_2", "Broken");
    broken["payload"]["session"]["duration_seconds"] = json!(-1);
    let reply = machine
        .send(&json!([
            meeting("evt_1", "ses_1", "First"),
            broken,
            meeting("evt_3", "ses_3", "Third")
        ]))
        .await;
    assert_eq!(reply.status, StatusCode::MULTI_STATUS);
    assert_eq!(
        reply.json()["events"][1]["faults"][0]["pointer"],
        "/payload/session/duration_seconds"
    );
    machine.work().await;
    assert_eq!(
        machine.ours("Event", KEY).keys().collect::<Vec<_>>(),
        ["ses_1", "ses_3"]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_internal_reaches_the_crm() {
    let (machine, _) = Machine::connected(7).await;
    let before = machine.sandbox.calls();
    let mut alone = meeting("evt_1", "ses_1", "Nobody came");
    alone["payload"]["session"]["participants"] = json!([]);
    machine
        .accept(&json!([
            alone,
            call("evt_2", "ses_2", "ida@seller.example")
        ]))
        .await;
    machine.work().await;
    assert_eq!(machine.sandbox.calls(), before);
    let deliveries = machine.deliveries(ORG).await;
    assert_eq!(deliveries["ses_1"]["status"], "skipped");
    assert_eq!(deliveries["ses_2"]["status"], "skipped");
}

#[tokio::test(start_paused = true)]
async fn a_changed_session_updates_the_same_records() {
    let (machine, _) = Machine::connected(8).await;
    machine.accept(&meeting("evt_1", "ses_1", "Before")).await;
    machine.work().await;
    let first = machine.ours("Event", KEY)["ses_1"]["Id"].clone();
    let mut changed = meeting("evt_2", "ses_1", "After");
    changed["timestamp"] = json!("2026-11-20T11:30:00Z");
    machine.accept(&changed).await;
    machine
        .accept(&summary(
            "evt_3",
            "ses_1",
            "2026-11-20T11:31:00Z",
            "Better words.",
        ))
        .await;
    machine.work().await;
    // An older one that comes late changes nothing.
    let mut late = meeting("evt_0", "ses_1", "Long ago");
    late["timestamp"] = json!("2026-11-20T10:59:00Z");
    machine.accept(&late).await;
    machine.work().await;
    let events = machine.ours("Event", KEY);
    assert_eq!(events.len(), 1);
    assert_eq!(events["ses_1"]["Id"], first);
    assert_eq!(events["ses_1"]["Subject"], "After");
    assert!(
        events["ses_1"]["Description"]
            .as_str()
            .unwrap()
            .starts_with("Better words.")
    );
    assert_eq!(machine.ours("Task", KEY).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn parts_that_come_before_their_session_join_it() {
    let (machine, _) = Machine::connected(9).await;
    machine
        .accept(&json!([
            summary(
                "evt_1",
                "ses_1",
                "2026-11-20T11:10:00Z",
                "Words that came first."
            ),
            action_item("evt_2", "ses_1", "a9", "Early task"),
        ]))
        .await;
    machine.work_for(Duration::from_mins(1)).await;
    assert!(
        machine.held("Task").iter().all(|task| task[KEY].is_null()),
        "they wait for the session"
    );
    machine
        .accept(&meeting("evt_3", "ses_1", "The session"))
        .await;
    machine.work().await;
    let events = machine.ours("Event", KEY);
    assert_eq!(events.len(), 1);
    assert!(
        events["ses_1"]["Description"]
            .as_str()
            .unwrap()
            .starts_with("Words that came first."),
        "the newer summary stands"
    );
    assert_eq!(
        machine.ours("Task", KEY).keys().collect::<Vec<_>>(),
        ["ses_1-task-a1", "ses_1-task-a2", "ses_1-task-a9"]
    );
    assert_eq!(
        machine.calls("/composite/graph"),
        1,
        "what waited found everything written"
    );
}

#[tokio::test(start_paused = true)]
async fn an_action_item_whose_session_never_comes_is_written_alone_after_a_quarter_of_an_hour() {
    let (machine, _) = Machine::connected(10).await;
    machine
        .accept(&json!([
            action_item("evt_1", "ses_1", "a1", "Call back"),
            summary("evt_2", "ses_2", "2026-11-20T11:10:00Z", "Words alone")
        ]))
        .await;
    machine.work_for(Duration::from_secs(890)).await;
    assert!(machine.ours("Task", KEY).is_empty());
    machine.work().await;
    assert_eq!(
        machine.ours("Task", KEY)["ses_1-task-a1"]["Subject"],
        "Call back"
    );
    assert!(
        machine.ours("Event", KEY).is_empty(),
        "a summary has no record of its own; it waits for its session"
    );
    // The session comes after all, and takes both in.
    machine
        .accept(&json!([
            meeting("evt_3", "ses_1", "Late"),
            call("evt_4", "ses_2", "lee@prospect.example")
        ]))
        .await;
    machine.work().await;
    assert_eq!(
        machine.ours("Event", KEY).keys().collect::<Vec<_>>(),
        ["ses_1"]
    );
    let tasks = machine.ours("Task", KEY);
    assert_eq!(
        tasks["ses_2"]["Description"]
            .as_str()
            .unwrap()
            .lines()
            .next(),
        Some("Words alone")
    );
}

#[tokio::test(start_paused = true)]
async fn people_are_matched_to_contacts_then_leads_and_the_choice_is_explained() {
    let (machine, _) = Machine::connected(11).await;
    machine
        .accept(&json!([
            call("evt_1", "ses_1", "dup@initech.example"),
            call("evt_2", "ses_2", "LEE@prospect.example"),
            call("evt_3", "ses_3", "nobody@nowhere.example")
        ]))
        .await;
    machine.work().await;
    let tasks = machine.ours("Task", KEY);
    let doubles: Vec<_> = machine
        .held("Contact")
        .into_iter()
        .filter(|contact| contact["Email"] == "dup@initech.example")
        .collect();
    let newest = doubles
        .iter()
        .max_by_key(|contact| contact["LastModifiedDate"].as_str().unwrap().to_owned())
        .unwrap();
    assert_eq!(tasks["ses_1"]["WhoId"], newest["Id"]);
    let lead = machine
        .held("Lead")
        .into_iter()
        .find(|lead| lead["Email"] == "lee@prospect.example")
        .unwrap();
    assert_eq!(tasks["ses_2"]["WhoId"], lead["Id"]);
    assert!(tasks["ses_2"]["WhatId"].is_null(), "a lead has no company");
    assert!(tasks["ses_3"]["WhoId"].is_null());
    let id = machine.deliveries(ORG).await["ses_1"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let detail = machine
        .api(ORG, Method::GET, &format!("/api/deliveries/{id}"), None)
        .await
        .json();
    assert_eq!(
        detail["matches"][0]["rejected"].as_array().unwrap().len(),
        1,
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_organizations_share_nothing() {
    let (machine, _) = Machine::connected(12).await;
    machine.world.organization("org_other").await;
    machine.connect("org_other", json!({})).await;
    let before = machine.calls("/composite/graph");
    machine.accept(&meeting("evt_1", "ses_1", "Ours")).await;
    machine.work().await;
    assert_eq!(
        machine.calls("/composite/graph") - before,
        1,
        "one connection, not two"
    );
    assert!(machine.deliveries("org_other").await.is_empty());
    let ours = machine.deliveries(ORG).await["ses_1"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let foreign = machine
        .api(
            "org_other",
            Method::GET,
            &format!("/api/deliveries/{ours}"),
            None,
        )
        .await;
    let unknown = machine
        .api(
            "org_other",
            Method::GET,
            "/api/deliveries/dlv_01ABC.x",
            None,
        )
        .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(foreign.text, unknown.text);
}

#[tokio::test(start_paused = true)]
async fn nothing_personal_lies_open_in_table_or_queues() {
    let (machine, _) = Machine::connected(13).await;
    let mut canary = meeting("evt_1", "ses_1", "CANARYTITLE");
    canary["payload"]["session"]["summary"]["text"] = json!("CANARYSUMMARY");
    canary["payload"]["session"]["participants"][0]["name"] = json!("CANARYNAME");
    machine.accept(&canary).await;
    let scheduled = event(
        "evt_2",
        "meeting.scheduled",
        "2026-11-20T11:00:00Z",
        json!({ "meeting": { "id": "m1", "title": "CANARYMEETING",
        "starts_at": "2026-11-21T10:00:00Z", "ends_at": "2026-11-21T11:00:00Z", "host": { "name": "H", "email": "h@s.example" }, "participants": [] } }),
    );
    machine.accept(&scheduled).await;
    let tokens = machine.sandbox.credentials();
    // What the fake CRM's tokens look like, as its vendor's do.
    assert!(
        tokens["access_token"].as_str().unwrap().contains("!AQ")
            && tokens["refresh_token"]
                .as_str()
                .unwrap()
                .starts_with("5Aep")
    );
    let look = |place: &str| {
        let dump = machine.world.aws.dump().unwrap();
        let all = format!("{:?} {:?}", dump.queues, dump.tables);
        for secret in [
            "CANARY",
            "ada@acme",
            "nowhere.example",
            tokens["client_secret"].as_str().unwrap(),
            "!AQ",
            "5Aep",
        ] {
            assert!(!all.contains(secret), "{secret} lies open {place}");
        }
    };
    look("before dispatch");
    machine.fault(json!({ "fault": "server_error", "times": 2 }));
    machine.work_for(Duration::from_secs(1)).await;
    look("in between");
    machine.work().await;
    look("after delivery");
    assert_eq!(
        machine.ours("Event", KEY)["ses_1"]["Subject"],
        "CANARYTITLE"
    );
}
