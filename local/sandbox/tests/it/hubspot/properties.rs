//! Properties, owners, pipelines and the account.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting};

const PROPERTIES: &str = "/crm/properties/2026-09";

fn named(name: &str, unique: bool) -> Value {
    json!({ "name": name, "label": "Key", "type": "string", "fieldType": "text", "groupName": "engagement",
        "hasUniqueValue": unique })
}

#[tokio::test]
async fn our_key_is_there_and_unique() {
    let vendor = Vendor::new();
    for kind in ["meetings", "calls", "tasks", "notes"] {
        let reply = vendor
            .get(&format!("{PROPERTIES}/{kind}/liveprompt_key"))
            .await;
        assert_eq!(
            (reply.status, &reply.body["hasUniqueValue"]),
            (200, &json!(true))
        );
        assert_eq!(reply.body["modificationMetadata"]["readOnlyValue"], false);
    }
    vendor.caller.set(json!({ "liveprompt_property": false }));
    let reply = vendor
        .get(&format!("{PROPERTIES}/meetings/liveprompt_key"))
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_property_is_made_once_and_used() {
    let vendor = Vendor::new();
    let path = format!("{PROPERTIES}/meetings");
    assert_eq!(vendor.post(&path, named("our_key", true)).await.status, 201);
    let again = vendor.post(&path, named("our_key", true)).await;
    assert_eq!(
        (again.status, &again.body["category"]),
        (409, &json!("OBJECT_ALREADY_EXISTS"))
    );
    let mut properties = meeting();
    properties["our_key"] = json!("1");
    vendor.make("meetings", properties).await;
    let found = vendor
        .get("/crm/v3/objects/meetings/1?idProperty=our_key&properties=our_key")
        .await;
    assert_eq!(found.body["properties"]["our_key"], "1");
    let list = vendor.get("/crm/v3/properties/meetings").await;
    let names: Vec<&str> = list.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["name"].as_str())
        .collect();
    assert!(names.contains(&"our_key") && names.contains(&"hs_meeting_title"));
    let change = json!({ "label": "Other", "hasUniqueValue": false });
    let reply = vendor
        .call("PATCH", &format!("{path}/our_key"), change)
        .await;
    assert_eq!(
        (&reply.body["label"], &reply.body["hasUniqueValue"]),
        (&json!("Other"), &json!(true))
    );
    assert_eq!(
        vendor
            .call("DELETE", &format!("{path}/our_key"), Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        vendor
            .call("DELETE", &format!("{path}/hs_timestamp"), Value::Null)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn properties_that_cannot_be_made() {
    let vendor = Vendor::new();
    let path = format!("{PROPERTIES}/meetings");
    let mut other_group = named("a", false);
    other_group["groupName"] = json!("nowhere");
    for body in [
        named("Has Spaces", false),
        json!({ "name": "a" }),
        other_group,
    ] {
        assert_eq!(vendor.post(&path, body).await.status, 400);
    }
    for number in 0..9 {
        assert_eq!(
            vendor
                .post(&path, named(&format!("k{number}"), true))
                .await
                .status,
            201
        );
    }
    let reply = vendor.post(&path, named("k9", true)).await;
    assert_eq!(
        reply.status, 400,
        "ours and nine more are ten: {}",
        reply.text
    );
    assert_eq!(vendor.post(&path, named("k9", false)).await.status, 201);
    vendor.caller.set(json!({ "unique_property": false }));
    assert_eq!(
        vendor
            .post(&format!("{PROPERTIES}/calls"), named("k", true))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn groups_and_batches() {
    let vendor = Vendor::new();
    let group = json!({ "name": "liveprompt", "label": "Liveprompt" });
    let path = format!("{PROPERTIES}/calls/groups");
    assert_eq!(vendor.post(&path, group.clone()).await.status, 201);
    assert_eq!(vendor.post(&path, group).await.status, 409);
    assert_eq!(
        vendor.get(&path).await.body["results"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let body =
        json!({ "archived": false, "inputs": [{ "name": "liveprompt_key" }, { "name": "nope" }] });
    let reply = vendor
        .post("/crm/v3/properties/calls/batch/read", body)
        .await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
}

#[tokio::test]
async fn owners_pipelines_and_the_account() {
    let vendor = Vendor::new();
    let owner = vendor
        .get("/crm/owners/2026-09?email=Rafael@liveprompt.example")
        .await;
    let rafael = &owner.body["results"][0];
    assert_eq!(rafael["firstName"], "Rafael");
    assert_ne!(
        rafael["id"],
        rafael["userId"].to_string(),
        "two different numbers"
    );
    let id = rafael["id"].as_str().unwrap();
    assert_eq!(
        vendor.get(&format!("/crm/v3/owners/{id}")).await.body["email"],
        rafael["email"]
    );
    let page = vendor.get("/crm/v3/owners?limit=1").await;
    assert!(page.body["paging"]["next"]["after"].is_string());
    let deals = vendor.get("/crm/pipelines/2026-09/deals").await;
    let won = &deals.body["results"][0]["stages"][5];
    assert_eq!(
        won["metadata"],
        json!({ "isClosed": "true", "probability": "1.0" })
    );
    assert_eq!(vendor.get("/crm/v3/pipelines/notes").await.status, 400);
    let account = vendor.get("/account-info/v3/details").await;
    assert_eq!(
        account.body["portalId"],
        vendor.caller.sandbox.credentials()["hub_id"]
    );
}
