//! `/composite/graph`: what the hub writes a session with.

use serde_json::{Value, json};

use super::composite::part;
use super::vendor::{Vendor, meeting, with};

fn session(vendor_ids: (&str, &str), key: &str, status: &str) -> Value {
    let (who, what) = vendor_ids;
    let event = with(meeting(), json!({ "EventWhoIds": [who], "WhatId": what }));
    let task = json!({ "Subject": "Send pricing", "Status": status, "WhoId": who, "Description": "from @{event.id}" });
    json!({ "graphId": key, "compositeRequest": [
        part("PATCH", &format!("/sobjects/Event/Liveprompt_Key__c/{key}"), "event", event),
        part("PATCH", &format!("/sobjects/Task/Liveprompt_Key__c/{key}-task1"), "task", task),
        part("PATCH", &format!("/sobjects/Contact/{who}"), "contact", json!({ "Title": "Seen in @{event.id}" })),
    ] })
}

#[tokio::test]
async fn a_graph_writes_a_session_and_a_repeat_changes_nothing() {
    let vendor = Vendor::new();
    let (ada, deal) = (
        vendor.contact("ada@acme.example").await,
        vendor.deal().await,
    );
    let body = json!({ "graphs": [session((&ada, &deal), "ses1", "Not Started")] });
    let first = vendor.call("POST", "/composite/graph", body.clone()).await;
    assert_eq!(first.status, 200);
    let graph = &first.body["graphs"][0];
    assert_eq!(
        (&graph["graphId"], &graph["isSuccessful"]),
        (&json!("ses1"), &json!(true)),
        "{}",
        first.body
    );
    let parts = graph["graphResponse"]["compositeResponse"]
        .as_array()
        .unwrap();
    let statuses: Vec<u64> = parts
        .iter()
        .map(|part| part["httpStatusCode"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 201, 204]);
    let second = vendor.call("POST", "/composite/graph", body).await;
    let parts = &second.body["graphs"][0]["graphResponse"]["compositeResponse"];
    assert_eq!(
        (&parts[0]["httpStatusCode"], &parts[0]["body"]["created"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(
        vendor.query("SELECT COUNT() FROM Event").await.body["totalSize"],
        1
    );
    assert_eq!(
        vendor.query("SELECT COUNT() FROM Task").await.body["totalSize"],
        1
    );
    assert_eq!(
        vendor.query("SELECT COUNT() FROM EventRelation").await.body["totalSize"],
        2
    );
}

#[tokio::test]
async fn a_failed_graph_leaves_nothing_and_the_others_stand() {
    let vendor = Vendor::new();
    let (ada, deal) = (
        vendor.contact("ada@acme.example").await,
        vendor.deal().await,
    );
    let ids = (ada.as_str(), deal.as_str());
    let body = json!({ "graphs": [session(ids, "good", "Completed"), session(ids, "bad", "Never"), session(ids, "last", "Deferred")] });
    let reply = vendor.call("POST", "/composite/graph", body).await;
    let good: Vec<&Value> = (0..3)
        .map(|n| &reply.body["graphs"][n]["isSuccessful"])
        .collect();
    assert_eq!(good, [true, false, true]);
    let parts = reply.body["graphs"][1]["graphResponse"]["compositeResponse"]
        .as_array()
        .unwrap();
    assert_eq!(parts.len(), 3);
    let codes: Vec<&Value> = parts
        .iter()
        .map(|part| &part["body"][0]["errorCode"])
        .collect();
    assert_eq!(
        codes,
        [
            "PROCESSING_HALTED",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "PROCESSING_HALTED"
        ]
    );
    assert!(parts.iter().all(|part| part["httpStatusCode"] == 400));
    let keys = vendor
        .query("SELECT Liveprompt_Key__c FROM Event ORDER BY Liveprompt_Key__c")
        .await;
    let keys: Vec<&Value> = keys.body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["Liveprompt_Key__c"])
        .collect();
    assert_eq!(keys, ["good", "last"]);
    assert_eq!(
        vendor.query("SELECT COUNT() FROM EventRelation").await.body["totalSize"],
        4
    );
}

#[tokio::test]
async fn its_limits() {
    let vendor = Vendor::new();
    let node = |n: usize| {
        part(
            "POST",
            "/sobjects/Task",
            &format!("r{n}"),
            json!({ "Subject": "x" }),
        )
    };
    let graph = |id: usize, nodes: usize| json!({ "graphId": id.to_string(), "compositeRequest": (0..nodes).map(node).collect::<Vec<_>>() });
    let send = async |graphs: Vec<Value>| {
        vendor
            .call("POST", "/composite/graph", json!({ "graphs": graphs }))
            .await
    };
    assert_eq!(
        send((0..76).map(|id| graph(id, 1)).collect()).await.body[0]["errorCode"],
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        send(vec![graph(1, 501)]).await.body[0]["errorCode"],
        "LIMIT_EXCEEDED"
    );
    assert_eq!(send(vec![graph(1, 1), graph(1, 1)]).await.status, 400);
    let deep: Vec<Value> = (0..16)
        .map(|n| {
            let about = if n == 0 {
                "start".to_owned()
            } else {
                format!("@{{r{}.id}}", n - 1)
            };
            part(
                "POST",
                "/sobjects/Task",
                &format!("r{n}"),
                json!({ "Subject": about }),
            )
        })
        .collect();
    let reply = send(vec![json!({ "graphId": "deep", "compositeRequest": deep })]).await;
    assert_eq!(reply.body["graphs"][0]["isSuccessful"], false);
    let failing: Vec<Value> = (0..16)
        .map(|id| json!({ "graphId": format!("g{id}"), "compositeRequest": [part("POST", "/sobjects/Contact", "r", json!({}))] }))
        .collect();
    let reply = send(failing).await;
    let code = |n: usize| {
        reply.body["graphs"][n]["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"]
            .clone()
    };
    assert_eq!(
        (code(13), code(14)),
        (json!("REQUIRED_FIELD_MISSING"), json!("PROCESSING_HALTED"))
    );
    assert_eq!(
        vendor.query("SELECT COUNT() FROM Task").await.body["totalSize"],
        0
    );
}
