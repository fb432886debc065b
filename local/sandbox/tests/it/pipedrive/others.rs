//! Notes, users, types, fields, persons, webhooks, scopes.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn notes_are_of_v1() {
    let vendor = Vendor::new("notes_are_of_v1");
    let body =
        json!({ "content": "Hi <b>there</b><!-- k -->", "deal_id": 1, "pinned_to_deal_flag": 1 });
    let note = vendor.data("POST", "/api/v1/notes", body).await;
    assert_eq!(note["content"], "Hi <b>there</b>");
    assert_eq!(note["deal"]["title"], "Acme expansion");
    assert_eq!(
        (&note["pinned_to_deal_flag"], &note["add_time"]),
        (&json!(true), &json!("2026-11-20 09:00:00"))
    );
    vendor.caller.wait(60);
    let one = format!("/v1/notes/{}", note["id"]);
    let changed = vendor.data("PUT", &one, json!({ "content": "Bye" })).await;
    assert_eq!(
        (&changed["content"], &changed["update_time"]),
        (&json!("Bye"), &json!("2026-11-20 09:01:00"))
    );
    let other = json!({ "content": "Other", "person_id": 1 });
    vendor.data("POST", "/v1/notes", other).await;
    let reply = vendor.get("/v1/notes?sort=add_time%20DESC&limit=1").await;
    assert_eq!(reply.body["data"][0]["content"], "Other");
    assert_eq!(reply.body["additional_data"]["pagination"]["next_start"], 1);
    let of_deal = vendor.data("GET", "/v1/notes?deal_id=1", Value::Null).await;
    assert_eq!(of_deal.as_array().unwrap().len(), 1);
    assert_eq!(vendor.data("DELETE", &one, Value::Null).await, json!(true));
    assert_eq!(
        vendor.data("GET", &one, Value::Null).await["active_flag"],
        false
    );
    for wrong in [
        json!({ "content": "a" }),
        json!({ "content": "", "deal_id": 1 }),
        json!({ "content": "a", "deal_id": 1, "pinned_to_deal_flag": true }),
    ] {
        let reply = vendor.call("POST", "/v1/notes", wrong.clone()).await;
        assert_eq!(
            (reply.status, &reply.body["data"]),
            (400, &json!(null)),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn users_and_types() {
    let vendor = Vendor::new("users_and_types");
    let users = vendor.data("GET", "/v1/users", Value::Null).await;
    assert_eq!(users[1]["email"], "rafael@liveprompt.example");
    assert_eq!(
        (&users[0]["is_you"], &users[1]["is_you"]),
        (&json!(true), &json!(false))
    );
    let one = format!("/v1/users/{}", users[1]["id"]);
    assert_eq!(vendor.data("GET", &one, Value::Null).await, users[1]);
    assert_eq!(vendor.get("/v1/users/1").await.status, 404);
    let found = "/v1/users/find?term=rafael@&search_by_email=1";
    assert_eq!(
        vendor.data("GET", found, Value::Null).await[0]["id"],
        users[1]["id"]
    );
    let types = vendor.data("GET", "/v1/activityTypes", Value::Null).await;
    let keys: Vec<&str> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["key_string"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        ["call", "meeting", "task", "deadline", "email", "lunch"]
    );
}

#[tokio::test]
async fn fields_of_each_type() {
    let vendor = Vendor::new("fields_of_each_type");
    for kind in ["activity", "person", "organization", "deal"] {
        let path = format!("/api/v2/{kind}Fields?include_fields=ui_visibility&limit=5");
        let reply = vendor.get(&path).await;
        assert!(
            reply.body["additional_data"]["next_cursor"].is_string(),
            "{kind}"
        );
    }
    let subject = vendor
        .data("GET", "/api/v2/activityFields/subject", Value::Null)
        .await;
    assert_eq!(
        (&subject["field_type"], &subject["is_custom_field"]),
        (&json!("varchar"), &json!(false))
    );
    let body = json!({ "field_name": "Tier", "field_type": "enum", "options": [{ "label": "A" }, { "label": "B" }] });
    let refused = vendor
        .call("POST", "/api/v2/activityFields", body.clone())
        .await;
    assert_eq!(refused.status, 404, "an activity has no custom fields");
    let made = vendor.data("POST", "/api/v2/personFields", body).await;
    let code = made["field_code"].as_str().unwrap();
    let put = |value: Value| {
        let body = json!({ "custom_fields": { code: value } });
        vendor.call("PATCH", "/api/v2/persons/1", body)
    };
    assert_eq!(put(json!(2)).await.body["data"]["custom_fields"][code], 2);
    let wrong = put(json!("B")).await;
    assert_eq!(
        (wrong.status, &wrong.body["code"]),
        (400, &json!("ERR_SCHEMA_VALIDATION_FAILED"))
    );
    assert_eq!(
        put(json!(null)).await.body["data"]["custom_fields"][code],
        json!(null)
    );
    let only = format!("/api/v2/persons/1?custom_fields={code}");
    let person = vendor.data("GET", &only, Value::Null).await;
    assert_eq!(person["custom_fields"].as_object().unwrap().len(), 1);
    let many = vec!["a"; 16].join(",");
    assert_eq!(
        vendor
            .get(&format!("/api/v2/persons?custom_fields={many}"))
            .await
            .status,
        400
    );
    let path = format!("/api/v2/personFields/{code}");
    vendor.data("DELETE", &path, Value::Null).await;
    assert_eq!(put(json!(1)).await.status, 400, "the field is gone");
}

#[tokio::test]
async fn a_person_and_what_needs_contact_sync() {
    let vendor = Vendor::new("a_person_and_what_needs_contact_sync");
    let refused = vendor
        .call("PATCH", "/api/v2/persons/1", json!({ "job_title": "CEO" }))
        .await;
    assert_eq!(refused.status, 403);
    vendor.caller.set(json!({ "contact_sync": true }));
    let person = vendor
        .data("PATCH", "/api/v2/persons/1", json!({ "job_title": "CEO" }))
        .await;
    assert_eq!(person["job_title"], "CEO");
    let refused = vendor
        .call("POST", "/api/v2/persons", json!({ "first_name": "Ada" }))
        .await;
    assert_eq!(
        refused.body["error"],
        "Validation failed: name: This field is missing."
    );
    let organization = json!({ "name": "New Org", "address": { "value": "Street 1" } });
    let organization = vendor
        .data("POST", "/api/v2/organizations", organization)
        .await;
    assert_eq!(organization["address"]["value"], "Street 1");
}

#[tokio::test]
async fn webhooks_are_kept_and_not_called() {
    let vendor = Vendor::new("webhooks_are_kept_and_not_called");
    let body = json!({ "subscription_url": "https://hub.example/x", "event_action": "*", "event_object": "person",
        "name": "hub", "http_auth_user": "u", "http_auth_password": "p" });
    let reply = vendor.call("POST", "/v1/webhooks", body.clone()).await;
    assert_eq!(reply.status, 201);
    assert_eq!(
        vendor.get("/v1/webhooks").await.body["data"][0]["version"],
        "2.0"
    );
    let mut wrong = body;
    wrong["subscription_url"] = json!("http://hub.example/x");
    let reply = vendor.call("POST", "/v1/webhooks", wrong).await;
    assert_eq!(
        (reply.status, &reply.body["errors"]["subscription_url"][0]),
        (400, &json!("invalid or non-reachable URL"))
    );
    assert_eq!(
        vendor
            .call("DELETE", "/v1/webhooks/1", Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(
        vendor
            .call("DELETE", "/v1/webhooks/1", Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_scope_that_is_missing_closes_its_calls() {
    let vendor = Vendor::new("a_scope_that_is_missing_closes_its_calls");
    vendor
        .caller
        .set(json!({ "scopes": ["base", "activities:read"] }));
    let token = format!("Bearer {}", vendor.caller.has("access_token"));
    assert_eq!(
        vendor.caller.get("/api/v2/activities", &token).await.status,
        200
    );
    let kind = "application/json";
    let refused = vendor
        .caller
        .post("/api/v2/activities", kind, &token, "{}".to_owned())
        .await;
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (403, &json!("Scope and URL mismatch"))
    );
    for path in [
        "/api/v2/persons",
        "/v1/notes",
        "/v1/users",
        "/api/v2/activityFields",
        "/v1/webhooks",
    ] {
        assert_eq!(vendor.caller.get(path, &token).await.status, 403, "{path}");
    }
}
