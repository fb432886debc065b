//! `Idempotency-Key`: what is remembered, for how long, and of what.

use serde_json::json;

use super::{Vendor, code};

const MAKE: &str = "mutation($n:String!){create_item(board_id:18000000004,item_name:$n){id}}";

#[tokio::test]
async fn the_same_key_is_answered_as_before_for_half_an_hour() {
    let vendor = Vendor::new();
    let first = vendor.keyed(MAKE, json!({ "n": "A" }), "k").await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    vendor.caller.wait(29 * 60 + 59);
    let again = vendor.keyed(MAKE, json!({ "n": "A" }), "k").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.body, first.body);
    assert_eq!(vendor.held("tasks").len(), 1);
    vendor.caller.wait(1);
    let later = vendor.keyed(MAKE, json!({ "n": "A" }), "k").await;
    assert_ne!(later.body["data"], first.body["data"]);
    assert_eq!(vendor.held("tasks").len(), 2);
}

#[tokio::test]
async fn a_key_that_is_worked_on_is_a_conflict() {
    let vendor = Vendor::new();
    vendor.arm(json!({ "fault": "idempotency_conflict" }));
    let reply = vendor.keyed(MAKE, json!({ "n": "A" }), "k").await;
    assert_eq!((reply.status, code(&reply)), (409, "IDEMPOTENCY_CONFLICT"));
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(
        vendor.keyed(MAKE, json!({ "n": "A" }), "k").await.status,
        200
    );
    assert_eq!(vendor.held("tasks").len(), 1);
}

#[tokio::test]
async fn a_limit_and_a_failure_of_the_server_are_not_remembered_and_a_query_has_no_key() {
    let vendor = Vendor::new();
    for fault in ["rate_limit", "server_error", "complexity_limit"] {
        vendor.arm(json!({ "fault": fault }));
        let reply = vendor.keyed(MAKE, json!({ "n": fault }), fault).await;
        assert_ne!(reply.status, 200);
        let again = vendor.keyed(MAKE, json!({ "n": fault }), fault).await;
        assert!(again.status == 200 && !again.headers.contains_key("idempotency-replayed"));
    }
    vendor.keyed("{me{id}}", json!({}), "q").await;
    let again = vendor.keyed("{me{id}}", json!({}), "q").await;
    assert!(!again.headers.contains_key("idempotency-replayed"));
}
