//! Bulk calls: each row for itself, ten at most.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn rows_are_answered_in_their_order_whatever_becomes_of_the_others() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let mut bad = Vendor::note(ada, "second");
    bad.as_object_mut().unwrap().remove("parent");
    let rows =
        json!({ "activities": [Vendor::note(ada, "first"), bad, Vendor::note(ada, "third")] });
    let answered = vendor.done("POST", "activities/bulk_create", rows).await;
    let answered = answered.as_array().unwrap();
    assert_eq!(answered.len(), 3);
    assert_eq!(
        (&answered[0]["details"], &answered[2]["details"]),
        (&json!("first"), &json!("third"))
    );
    assert_eq!(
        answered[1],
        json!({ "success": false, "message": { "parent": [{ "error": "missing" }] } })
    );
    let update = json!({ "activities": [{ "id": answered[0]["id"], "details": "changed" }, { "id": 5, "details": "x" }] });
    let changed = vendor.done("POST", "activities/bulk_update", update).await;
    assert_eq!(changed[0]["details"], "changed");
    assert_eq!(
        changed[1],
        json!({ "success": false, "id": 5, "message": "Resource not found" })
    );
}

#[tokio::test]
async fn people_of_a_batch_cannot_share_an_address() {
    let vendor = Vendor::new();
    let new =
        |email: &str| json!({ "name": "New", "emails": [{ "email": email, "category": "work" }] });
    let rows = json!({ "people": [new("new@acme.example"), new("NEW@acme.example"), new("ada@acme.example")] });
    let answered = vendor.done("POST", "people/bulk_create", rows).await;
    assert!(answered[0]["id"].is_u64());
    for row in [1, 2] {
        assert_eq!(
            answered[row]["message"]["emails"][0]["error"],
            "already taken"
        );
    }
}

#[tokio::test]
async fn tasks_have_bulk_calls_only_where_the_settings_say_so() {
    let vendor = Vendor::new();
    let rows = json!({ "tasks": [{ "name": "Call back" }] });
    vendor
        .refused("POST", "tasks/bulk_create", rows.clone(), 404)
        .await;
    vendor.caller.set(json!({ "bulk_tasks": true }));
    let answered = vendor.done("POST", "tasks/bulk_create", rows).await;
    assert_eq!(answered[0]["name"], "Call back");
}

#[tokio::test]
async fn what_is_no_list_is_refused_as_a_whole() {
    let vendor = Vendor::new();
    for body in [json!({}), json!({ "activities": {} })] {
        let message = vendor
            .refused("POST", "activities/bulk_create", body, 422)
            .await;
        assert_eq!(message, "Invalid input: activities: missing");
    }
    assert_eq!(
        vendor.caller.sandbox.state()["objects"]["activities"],
        Value::Array(vec![])
    );
}
