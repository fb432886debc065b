//! Each warning of the setup guide, as a test that shows it.

use serde_json::json;

use super::{ACTIVITIES, CHANGE, CONTACTS, TASKS, Vendor, code};

#[tokio::test]
async fn the_search_may_not_know_a_new_item_at_once() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "search_lag_s": 5 }));
    vendor
        .item(ACTIVITIES, "New", json!({ "liveprompt_key": "ses_1" }))
        .await;
    assert!(
        vendor
            .having(ACTIVITIES, "liveprompt_key", "ses_1")
            .await
            .is_empty()
    );
    vendor.caller.wait(5);
    assert_eq!(
        vendor
            .having(ACTIVITIES, "liveprompt_key", "ses_1")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn a_contact_is_found_by_the_text_beside_its_address() {
    let vendor = Vendor::new();
    let columns = json!({ "contact_email": { "email": "eve@acme.example", "text": "Work" } });
    vendor.item(CONTACTS, "Eve", columns).await;
    vendor.caller.wait(60);
    assert!(
        vendor
            .having(CONTACTS, "contact_email", "eve@acme.example")
            .await
            .is_empty()
    );
    assert_eq!(
        vendor.having(CONTACTS, "contact_email", "Work").await.len(),
        1
    );
}

#[tokio::test]
async fn nothing_keeps_two_items_from_having_the_same_key() {
    let vendor = Vendor::new();
    for _ in 0..2 {
        vendor
            .item(ACTIVITIES, "Twice", json!({ "liveprompt_key": "ses_1" }))
            .await;
    }
    vendor.caller.wait(60);
    assert_eq!(
        vendor
            .having(ACTIVITIES, "liveprompt_key", "ses_1")
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn a_key_of_a_request_hides_what_is_new_in_a_repeat() {
    let vendor = Vendor::new();
    let make = "mutation($n:String!){create_item(board_id:18000000004,item_name:$n){id}}";
    let first = vendor.keyed(make, json!({ "n": "A" }), "k").await;
    let other = vendor.keyed(make, json!({ "n": "B" }), "k").await;
    assert_eq!(first.body, other.body, "another document, the same answer");
    assert_eq!(vendor.held("tasks").len(), 1);
}

#[tokio::test]
async fn a_failure_within_a_200_may_have_been_made() {
    let vendor = Vendor::new();
    vendor.arm(json!({ "fault": "internal_after_write" }));
    let reply = vendor
        .ask(
            "mutation{create_item(board_id:18000000004,item_name:\"A\"){id}}",
            json!({}),
        )
        .await;
    assert_eq!((reply.status, code(&reply)), (200, "INTERNAL_SERVER_ERROR"));
    assert_eq!(vendor.held("tasks").len(), 1);
}

#[tokio::test]
async fn a_label_that_is_renamed_is_refused() {
    let vendor = Vendor::new();
    let id = vendor
        .item(TASKS, "A", json!({ "status": { "label": "Done" } }))
        .await;
    let columns = json!({ "status": { "label": "Completed" } }).to_string();
    let reply = vendor
        .ask(CHANGE, json!({ "b": TASKS, "i": id, "c": columns }))
        .await;
    assert_eq!(code(&reply), "ColumnValueException");
}

#[tokio::test]
async fn a_change_of_connected_items_replaces_the_list() {
    let vendor = Vendor::new();
    let ids: Vec<String> = vendor
        .held("contacts")
        .iter()
        .map(|contact| contact["id"].as_str().unwrap().to_owned())
        .collect();
    let id = vendor
        .item(
            TASKS,
            "A",
            json!({ "contacts": { "item_ids": [ids[0], ids[1]] } }),
        )
        .await;
    let columns = json!({ "contacts": { "item_ids": [ids[2]] } }).to_string();
    vendor
        .data(CHANGE, json!({ "b": TASKS, "i": id, "c": columns }))
        .await;
    assert_eq!(vendor.held("tasks")[0]["contacts"], json!([ids[2]]));
}

#[tokio::test]
async fn the_calls_of_the_day_end_at_midnight_of_utc() {
    let vendor = Vendor::personal();
    vendor.caller.set(json!({ "daily_calls": 1.0 }));
    assert_eq!(vendor.ask("{me{id}}", json!({})).await.status, 200);
    let full = vendor.ask("{me{id}}", json!({})).await;
    assert_eq!((full.status, code(&full)), (429, "DAILY_LIMIT_EXCEEDED"));
    assert_eq!(
        full.headers["retry-after"],
        (15 * 3600).to_string().as_str()
    );
    vendor.caller.wait(15 * 3600 - 1);
    assert_eq!(vendor.ask("{me{id}}", json!({})).await.status, 429);
    vendor.caller.wait(1);
    assert_eq!(vendor.ask("{me{id}}", json!({})).await.status, 200);
}

#[tokio::test]
async fn an_old_version_of_the_api_is_refused_one_day() {
    let vendor = Vendor::new();
    let ask = async |version: &str| {
        let request = http::Request::post(format!("{}/v2", vendor.caller.base))
            .header("authorization", vendor.caller.has("api_key"))
            .header("api-version", version);
        let body = bytes::Bytes::from(json!({ "query": "{me{id}}" }).to_string());
        vendor.caller.send(request.body(body).unwrap()).await
    };
    assert_eq!(ask("2026-01").await.status, 200);
    vendor.caller.set(json!({ "strict_versions": true }));
    assert_eq!(ask("2026-10").await.status, 200);
    assert_eq!(code(&ask("2026-01").await), "InvalidVersionException");
    assert_eq!(code(&ask("yesterday").await), "InvalidVersionException");
}

#[tokio::test]
async fn an_entry_on_a_timeline_cannot_be_changed() {
    let vendor = Vendor::new();
    let change = "mutation{update_timeline_item(id:\"1\",title:\"x\"){id}}";
    let reply = vendor.ask(change, json!({})).await;
    assert_eq!(
        (reply.status, code(&reply)),
        (400, "GRAPHQL_VALIDATION_FAILED")
    );
}

#[tokio::test]
async fn an_old_refresh_token_ends_the_connection() {
    let vendor = Vendor::new();
    let caller = &vendor.caller;
    let old = caller.has("refresh_token");
    let refresh = async |token: &str| {
        let body = json!({ "grant_type": "refresh_token", "refresh_token": token,
            "client_id": caller.has("client_id"), "client_secret": caller.has("client_secret") });
        caller
            .post(
                "/oauth_ms/oauth/token",
                "application/json",
                "",
                body.to_string(),
            )
            .await
    };
    let new = refresh(&old).await;
    assert_eq!(refresh(&old).await.status, 400);
    assert_eq!(
        refresh(new.body["refresh_token"].as_str().unwrap())
            .await
            .status,
        400
    );
}
