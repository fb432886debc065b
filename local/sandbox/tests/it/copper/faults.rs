//! Faults of this CRM alone.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn a_record_that_is_refused() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let arm = |fault: Value| vendor.caller.sandbox.add_fault(fault).unwrap();
    arm(
        json!({ "fault": "record_error", "object": "activities", "field": "details", "error": "too long" }),
    );
    vendor
        .done("POST", "tasks", json!({ "name": "not it" }))
        .await;
    let rows = json!({ "activities": [Vendor::note(ada, "a"), Vendor::note(ada, "b")] });
    let answered = vendor.done("POST", "activities/bulk_create", rows).await;
    assert_eq!(answered[0]["message"]["details"][0]["error"], "too long");
    assert!(answered[1]["id"].is_u64(), "it strikes once");
    arm(json!({ "fault": "record_error", "status": 403, "error": "Forbidden" }));
    let message = vendor
        .refused("POST", "activities", Vendor::note(ada, "c"), 403)
        .await;
    assert_eq!(message, "Forbidden");
}

#[tokio::test]
async fn a_search_that_sees_nothing_new_for_a_while() {
    let vendor = Vendor::new();
    let lag = json!({ "fault": "search_lag", "seconds": 30 });
    vendor.caller.sandbox.add_fault(lag).unwrap();
    let made = vendor.done("POST", "tasks", json!({ "name": "x" })).await;
    let found = async || vendor.done("POST", "tasks/search", json!({})).await;
    assert_eq!(found().await, json!([]));
    assert_eq!(vendor.get(&format!("tasks/{}", made["id"])).await, made);
    vendor.caller.wait(30);
    assert_eq!(found().await, json!([made]));
}
