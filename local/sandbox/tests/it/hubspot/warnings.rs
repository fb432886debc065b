//! Each warning of `docs/setup/hubspot.md` that no other story tells.

use serde_json::{Value, json};

use super::vendor::Vendor;

fn meeting(key: &str) -> Value {
    json!({ "hs_timestamp": "2026-11-20T15:00:00Z", "liveprompt_key": key })
}

fn to(contact: &str) -> Value {
    json!({ "to": { "id": contact }, "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200 }] })
}

#[tokio::test]
async fn an_upsert_makes_no_associations() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let body = json!({ "inputs": [{ "idProperty": "liveprompt_key", "id": "ses_1", "properties": meeting("ses_1"),
        "associations": [to(&ada)] }] });
    let reply = vendor.objects("POST", "/meetings/batch/upsert", body).await;
    assert_eq!(reply.body["results"][0]["new"], true, "{}", reply.text);
    let state = vendor.caller.sandbox.state();
    assert_eq!(
        state["objects"]["meetings"][0]["associations"]["contacts"],
        Value::Null
    );
}

#[tokio::test]
async fn the_results_of_a_batch_come_in_another_order() {
    let vendor = Vendor::new();
    let keys = ["ses_1", "ses_2", "ses_3"];
    let inputs: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "properties": meeting(key), "associations": [], "objectWriteTraceId": key }))
        .collect();
    let body = json!({ "inputs": inputs });
    let reply = vendor.objects("POST", "/meetings/batch/create", body).await;
    let results = reply.body["results"].as_array().unwrap();
    let mut told: Vec<&str> = results
        .iter()
        .map(|one| one["properties"]["liveprompt_key"].as_str().unwrap())
        .collect();
    assert_ne!(told, keys);
    told.sort_unstable();
    assert_eq!(told, keys);
    for one in results {
        assert_eq!(
            one["objectWriteTraceId"],
            one["properties"]["liveprompt_key"]
        );
    }
}

#[tokio::test]
async fn a_trace_id_keeps_no_second_record_away() {
    let vendor = Vendor::new();
    for _ in 0..2 {
        let input = json!({ "properties": { "hs_timestamp": "2026-11-20T15:00:00Z" }, "associations": [],
            "objectWriteTraceId": "ses_1" });
        let body = json!({ "inputs": [input] });
        let reply = vendor.objects("POST", "/meetings/batch/create", body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
    }
    assert_eq!(vendor.count("meetings"), 2);
}

#[tokio::test]
async fn the_newest_version_does_not_list_associations() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let body = json!({ "properties": meeting("ses_1"), "associations": [to(&ada)] });
    let id = vendor.objects("POST", "/meetings", body).await.body["id"].clone();
    let id = id.as_str().unwrap();
    let listed = |version: &str| format!("/crm/{version}/meetings/{id}/associations/contacts");
    assert_eq!(vendor.get(&listed("objects/2026-09")).await.status, 405);
    assert_eq!(vendor.get(&listed("v4/objects")).await.status, 200);
    let read = format!("/meetings/{id}?associations=contacts");
    let read = vendor.objects("GET", &read, Value::Null).await;
    assert_eq!(
        read.body["associations"]["contacts"]["results"][0]["id"],
        ada
    );
}
