//! The quotas and what tells of them.

use serde_json::json;

use super::{Vendor, code};

const MAKE: &str = "mutation{create_item(board_id:18000000004,item_name:\"A\"){id}}";

#[tokio::test]
async fn the_minute_and_its_headers() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "minute_calls": 2 }));
    let first = vendor.ask("{me{id}}", json!({})).await;
    assert!(
        first.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"minuteRate\";r=1, \"concurrency\"")
    );
    assert!(
        first.headers["ratelimit-policy"]
            .to_str()
            .unwrap()
            .starts_with("\"minuteRate\";q=2;w=60")
    );
    vendor.ask("{me{id}}", json!({})).await;
    vendor.caller.wait(20);
    let full = vendor.ask("{me{id}}", json!({})).await;
    assert_eq!(
        (full.status, code(&full)),
        (429, "Minute limit rate exceeded")
    );
    assert_eq!(full.headers["retry-after"], "40");
    assert_eq!(full.body["errors"][0]["extensions"]["retry_in_seconds"], 40);
    vendor.caller.wait(40);
    assert_eq!(vendor.ask("{me{id}}", json!({})).await.status, 200);
}

#[tokio::test]
async fn points_of_queries_and_of_mutations_are_apart() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "complexity_budget": 15_000 }));
    assert_eq!(vendor.ask(MAKE, json!({})).await.status, 200);
    let full = vendor.ask(MAKE, json!({})).await;
    assert_eq!(
        (full.status, code(&full)),
        (429, "COMPLEXITY_BUDGET_EXHAUSTED")
    );
    assert_eq!(full.body["errors"][0]["extensions"]["retry_in_seconds"], 60);
    assert!(
        full.headers["ratelimit"]
            .to_str()
            .unwrap()
            .contains("\"complexityMinute\";r=5000")
    );
    assert_eq!(vendor.ask("{me{id}}", json!({})).await.status, 200);
    vendor.caller.wait(60);
    assert_eq!(vendor.ask(MAKE, json!({})).await.status, 200);
    let two = "mutation{a:create_item(board_id:18000000004,item_name:\"A\"){id} b:create_item(board_id:18000000004,item_name:\"B\"){id}}";
    let dear = vendor.ask(two, json!({})).await;
    assert_eq!((dear.status, code(&dear)), (400, "maxComplexityExceeded"));
    assert_eq!(vendor.held("tasks").len(), 2);
}

#[tokio::test]
async fn the_other_faults_are_in_the_vendors_words() {
    let vendor = Vendor::new();
    for (fault, status, expected) in [
        ("locked", 423, "RESOURCE_LOCKED"),
        ("blocked", 429, "API_TEMPORARILY_BLOCKED"),
        ("concurrency_limit", 429, "maxConcurrencyExceeded"),
        ("daily_limit", 429, "DAILY_LIMIT_EXCEEDED"),
        ("server_error", 500, "INTERNAL_SERVER_ERROR"),
    ] {
        vendor.arm(json!({ "fault": fault }));
        let reply = vendor.ask(MAKE, json!({})).await;
        assert_eq!((reply.status, code(&reply)), (status, expected));
    }
    assert!(vendor.held("tasks").is_empty());
    vendor.arm(json!({ "fault": "record_error", "board": "18000000004", "code": "ColumnValueException", "column": "status", "status": 200 }));
    let other = "mutation{create_item(board_id:18000000003,item_name:\"A\"){id}}";
    assert_eq!(
        vendor.ask(other, json!({})).await.body["errors"],
        json!(null)
    );
    assert_eq!(
        code(&vendor.ask(MAKE, json!({})).await),
        "ColumnValueException"
    );
}
