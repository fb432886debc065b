//! Up to a hundred records at a time.

use serde_json::{Value, json};

use super::vendor::{Reply, Vendor, meeting, text, to};

fn with_key(key: &str) -> Value {
    let mut properties = meeting();
    properties["liveprompt_key"] = json!(key);
    properties
}

fn traces(reply: &Reply, list: &str) -> Vec<String> {
    let list = reply.body[list].as_array().cloned().unwrap_or_default();
    let trace = |one: &Value| match &one["objectWriteTraceId"] {
        Value::Null => text(&one["context"]["objectWriteTraceId"][0]),
        trace => text(trace),
    };
    let mut traces: Vec<String> = list.iter().map(trace).collect();
    traces.sort();
    traces
}

#[tokio::test]
async fn contacts_by_address_with_those_that_are_missing_in_a_207() {
    let vendor = Vendor::new();
    let body = json!({ "idProperty": "email", "properties": ["email", "firstname"], "propertiesWithHistory": [],
        "inputs": [{ "id": "lee@prospect.example" }, { "id": "Ada@acme.example" }, { "id": "nobody@x.example" },
            { "id": "ada@acme.example" }] });
    let reply = vendor.objects("POST", "/contacts/batch/read", body).await;
    assert_eq!(reply.status, 207, "{}", reply.text);
    assert_eq!(
        reply.body["results"].as_array().unwrap().len(),
        2,
        "each once"
    );
    assert_eq!(reply.body["numErrors"], 1);
    let error = &reply.body["errors"][0];
    assert_eq!(error["category"], "OBJECT_NOT_FOUND");
    assert_eq!(error["context"]["ids"], json!(["nobody@x.example"]));
    let body = json!({ "idProperty": "firstname", "inputs": [{ "id": "Ada" }] });
    assert_eq!(
        vendor
            .objects("POST", "/contacts/batch/read", body)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn with_traces_a_batch_succeeds_in_part_without_it_fails_as_a_whole() {
    let vendor = Vendor::new();
    let contact = vendor.contact("ada@acme.example").await;
    let good = json!({ "properties": with_key("a"), "associations": [to(&contact, 200)], "objectWriteTraceId": "1" });
    let bad = json!({ "properties": { "hs_timestamp": "never" }, "associations": [], "objectWriteTraceId": "2" });
    let dangling = json!({ "properties": with_key("c"), "associations": [to("1", 200)], "objectWriteTraceId": "3" });
    let same =
        json!({ "properties": with_key("a"), "associations": [], "objectWriteTraceId": "4" });
    let inputs = json!([good, bad, dangling, same]);
    let reply = vendor
        .objects(
            "POST",
            "/meetings/batch/create",
            json!({ "inputs": inputs }),
        )
        .await;
    assert_eq!(reply.status, 207, "{}", reply.text);
    assert_eq!(
        (traces(&reply, "results"), traces(&reply, "errors")),
        (
            vec!["1".to_owned()],
            ["2", "3", "4"].map(str::to_owned).to_vec()
        )
    );
    assert_eq!(reply.body["numErrors"], 3);
    assert!(
        reply.body["errors"][2]["message"]
            .as_str()
            .unwrap()
            .contains("CONFLICTING_UNIQUE_VALUE")
    );
    let state = vendor.caller.sandbox.state();
    assert_eq!(
        state["objects"]["meetings"][0]["associations"]["contacts"],
        json!([contact])
    );
    let mut untraced = inputs.clone();
    for input in untraced.as_array_mut().unwrap() {
        input.as_object_mut().unwrap().remove("objectWriteTraceId");
    }
    untraced[0]["properties"]["liveprompt_key"] = json!("z");
    let reply = vendor
        .objects(
            "POST",
            "/meetings/batch/create",
            json!({ "inputs": untraced }),
        )
        .await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (400, &json!("VALIDATION_ERROR"))
    );
    assert_eq!(vendor.count("meetings"), 1, "nothing of it was written");
}

#[tokio::test]
async fn the_dated_versions_can_hide_the_207() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "multi_status": false }));
    let inputs = json!({ "inputs": [
        { "properties": meeting(), "objectWriteTraceId": "1" },
        { "properties": {}, "objectWriteTraceId": "2" },
    ] });
    let reply = vendor
        .objects("POST", "/meetings/batch/create", inputs.clone())
        .await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (201, &json!(1)));
    assert_eq!(
        vendor
            .post("/crm/v3/objects/meetings/batch/create", inputs)
            .await
            .status,
        207
    );
}

#[tokio::test]
async fn an_upsert_makes_a_record_once() {
    let vendor = Vendor::new();
    let upsert = async |key: &str, title: &str| {
        let mut properties = meeting();
        properties["hs_meeting_title"] = json!(title);
        let body = json!({ "inputs": [{ "idProperty": "liveprompt_key", "id": key, "objectWriteTraceId": "1",
            "properties": properties }] });
        vendor.objects("POST", "/meetings/batch/upsert", body).await
    };
    let first = upsert("lp_1", "one").await;
    assert_eq!(
        (first.status, &first.body["results"][0]["new"]),
        (200, &json!(true))
    );
    assert_eq!(
        first.body["results"][0]["properties"]["liveprompt_key"],
        "lp_1"
    );
    assert_eq!(first.body["results"][0]["objectWriteTraceId"], "1");
    vendor.caller.fault(json!({ "fault": "drop_after" }));
    let lost = json!({ "inputs": [{ "idProperty": "liveprompt_key", "id": "lp_2", "properties": meeting() }] });
    let request = vendor.request("POST", "/crm/objects/2026-09/meetings/batch/upsert", &lost);
    assert!(vendor.caller.sandbox.handle(request).await.is_err());
    let again = upsert("lp_2", "two").await;
    assert_eq!(again.body["results"][0]["new"], false);
    assert_eq!(vendor.count("meetings"), 2);
    let twice = json!({ "inputs": [
        { "idProperty": "liveprompt_key", "id": "x", "properties": meeting() },
        { "idProperty": "liveprompt_key", "id": "x", "properties": meeting() },
    ] });
    assert_eq!(
        vendor
            .objects("POST", "/meetings/batch/upsert", twice)
            .await
            .status,
        400
    );
    vendor.caller.set(json!({ "unique_property": false }));
    let reply = upsert("lp_3", "three").await;
    assert_eq!(reply.status, 207, "{}", reply.text);
    let message = text(&reply.body["errors"][0]["message"]);
    assert!(
        message.starts_with(
            "Unable to perform update/upsert by non-unique 0-47 property liveprompt_key"
        )
    );
}

#[tokio::test]
async fn an_upsert_of_a_contact_by_address() {
    let vendor = Vendor::new();
    let body = json!({ "inputs": [
        { "idProperty": "email", "id": "new@acme.example", "properties": { "firstname": "New" } },
        { "idProperty": "email", "id": "ben@acme.example", "properties": { "jobtitle": "CIO" } },
    ] });
    let reply = vendor.objects("POST", "/contacts/batch/upsert", body).await;
    let mut new: Vec<bool> = Vec::new();
    for result in reply.body["results"].as_array().unwrap() {
        new.push(result["new"].as_bool().unwrap());
    }
    new.sort_unstable();
    assert_eq!(new, [false, true]);
    assert_eq!(vendor.count("contacts"), 8);
}

#[tokio::test]
async fn updates_and_archives() {
    let vendor = Vendor::new();
    let (a, b) = (
        vendor.make("notes", json!({ "hs_timestamp": 0 })).await,
        "12345".to_owned(),
    );
    let body = json!({ "inputs": [
        { "id": a, "properties": { "hs_note_body": "x" } },
        { "id": b, "properties": { "hs_note_body": "y" } },
    ] });
    let reply = vendor.objects("POST", "/notes/batch/update", body).await;
    assert_eq!(
        (reply.status, &reply.body["errors"][0]["context"]["ids"]),
        (207, &json!([b]))
    );
    assert_eq!(reply.body["results"][0]["properties"]["hs_note_body"], "x");
    let body = json!({ "inputs": [{ "id": a }, { "id": b }] });
    assert_eq!(
        vendor
            .objects("POST", "/notes/batch/archive", body)
            .await
            .status,
        204
    );
    assert_eq!(vendor.count("notes"), 0);
}

#[tokio::test]
async fn a_batch_has_at_most_a_hundred_inputs() {
    let vendor = Vendor::new();
    let inputs =
        |count: usize| json!({ "inputs": vec![json!({ "properties": meeting() }); count] });
    let path = "/meetings/batch/create";
    assert_eq!(vendor.objects("POST", path, inputs(100)).await.status, 201);
    assert_eq!(vendor.objects("POST", path, inputs(101)).await.status, 400);
    assert_eq!(vendor.objects("POST", path, inputs(0)).await.status, 400);
    assert_eq!(vendor.count("meetings"), 100);
}
