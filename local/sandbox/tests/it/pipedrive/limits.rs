//! Quotas: tokens of the day, calls in two seconds, and what follows on hammering.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::Vendor;
use crate::caller::{Caller, Reply};

async fn personal(caller: &Caller, method: &str, path: &str, body: &'static str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", caller.base))
        .header("content-type", "application/json")
        .header("x-api-token", caller.has("api_key"));
    caller.send(request.body(Bytes::from(body)).unwrap()).await
}

#[tokio::test]
async fn each_kind_of_call_has_its_price() {
    let vendor = Vendor::new("each_kind_of_call_has_its_price");
    let used = || vendor.caller.sandbox.state()["quota"]["daily_tokens"]["used"].clone();
    let mut spent = 0;
    for (method, path, body, price) in [
        ("GET", "/api/v1/users/me", Value::Null, 2),
        ("GET", "/api/v1/users", Value::Null, 20),
        ("GET", "/api/v1/activityTypes", Value::Null, 20),
        ("POST", "/api/v2/activities", json!({}), 5),
        ("PATCH", "/api/v2/activities/1", json!({}), 5),
        ("GET", "/api/v2/activities/1", Value::Null, 1),
        ("GET", "/api/v2/activities", Value::Null, 10),
        ("DELETE", "/api/v2/activities/1", Value::Null, 3),
        ("GET", "/api/v2/persons/search?term=ada", Value::Null, 20),
        ("GET", "/api/v2/personFields", Value::Null, 10),
        ("GET", "/api/v2/stages", Value::Null, 5),
        (
            "POST",
            "/api/v1/notes",
            json!({ "content": "a", "deal_id": 1 }),
            10,
        ),
        ("GET", "/api/v1/notes", Value::Null, 20),
        ("GET", "/api/v2/deals/archived", Value::Null, 20),
        ("POST", "/api/v2/activities", json!({ "type": "x" }), 5),
    ] {
        vendor.call(method, path, body).await;
        spent += price;
        assert_eq!(used(), spent, "{method} {path}");
    }
    vendor.get("/api/v2/nowhere").await;
    assert_eq!(used(), spent);
}

#[tokio::test]
async fn the_budget_is_the_company_s_and_ends_at_midnight() {
    let mut vendor = Vendor::new("the_budget_is_the_company_s_and_ends_at_midnight");
    vendor.caller.set(json!({ "plan": "lite", "seats": 2 }));
    let first = vendor.get("/api/v1/users/me").await;
    assert_eq!(first.headers["x-daily-ratelimit-token-limit"], "60000");
    assert_eq!(first.headers["x-daily-ratelimit-token-remaining"], "59998");
    vendor.caller.set(json!({ "daily_tokens": 10 }));
    let reply = personal(&vendor.caller, "POST", "/api/v2/activities", "{}").await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.headers["x-daily-requests-left"], "3",
        "an app and a token share it"
    );
    let reply = vendor.call("POST", "/api/v2/activities", json!({})).await;
    assert_eq!((reply.status, &reply.body["errorCode"]), (429, &json!(429)));
    assert!(
        !reply.headers.contains_key("x-daily-requests-left"),
        "of tokens alone"
    );
    vendor.caller.wait(15 * 3600 - 1);
    vendor.token = vendor.caller.has("access_token");
    assert_eq!(
        vendor
            .call("POST", "/api/v2/activities", json!({}))
            .await
            .status,
        429
    );
    vendor.caller.wait(1);
    assert_eq!(
        vendor
            .call("POST", "/api/v2/activities", json!({}))
            .await
            .status,
        200
    );
    vendor.caller.set(json!({ "daily_headers": false }));
    let reply = vendor.get("/api/v1/users/me").await;
    assert!(
        !reply
            .headers
            .contains_key("x-daily-ratelimit-token-remaining")
    );
}

#[tokio::test]
async fn calls_and_searches_in_two_seconds() {
    let vendor = Vendor::new("calls_and_searches_in_two_seconds");
    vendor.caller.set(json!({ "plan": "lite" }));
    let search = || vendor.get("/api/v2/persons/search?term=ada");
    for _ in 0..10 {
        assert_eq!(search().await.status, 200);
    }
    let reply = search().await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.headers["x-ratelimit-limit"], "80");
    assert_eq!(reply.headers["x-ratelimit-remaining"], "0");
    assert_eq!(reply.headers["x-ratelimit-reset"], "2");
    assert!(!reply.headers.contains_key("retry-after"));
    for left in (0..70).rev() {
        let reply = vendor.get("/api/v1/users/me").await;
        assert_eq!(reply.headers["x-ratelimit-remaining"], left.to_string());
    }
    assert_eq!(vendor.get("/api/v1/users/me").await.status, 429);
    vendor.caller.wait(1);
    assert_eq!(vendor.get("/api/v1/users/me").await.status, 429);
    vendor.caller.wait(1);
    assert_eq!(search().await.status, 200);
}

#[tokio::test]
async fn whoever_goes_on_after_a_429_is_locked_out() {
    let caller = Caller::new("pipedrive");
    caller.set(json!({ "plan": "lite", "block_after": 3 }));
    let me = || personal(&caller, "GET", "/v1/users/me", "");
    for _ in 0..20 {
        assert_eq!(me().await.status, 200);
    }
    for _ in 0..3 {
        assert_eq!(me().await.status, 429);
    }
    let page = me().await;
    assert!(
        page.status == 403 && page.text.starts_with("<html>"),
        "{}",
        page.text
    );
    caller.wait(59);
    assert_eq!(me().await.status, 403);
    caller.wait(1);
    assert_eq!(me().await.status, 200);
}

#[tokio::test]
async fn faults_of_its_own() {
    let vendor = Vendor::new("faults_of_its_own");
    let arm = |fault: Value| vendor.caller.sandbox.add_fault(fault).unwrap();
    arm(json!({ "fault": "unpaid" }));
    assert_eq!(
        vendor
            .call("POST", "/api/v2/activities", json!({}))
            .await
            .status,
        402
    );
    assert_eq!(
        vendor
            .call("POST", "/api/v2/activities", json!({}))
            .await
            .status,
        200
    );
    arm(
        json!({ "fault": "record_error", "object": "deals", "status": 403, "code": "x", "error": "No" }),
    );
    vendor.data("POST", "/api/v2/activities", json!({})).await;
    let refused = vendor.call("PATCH", "/api/v2/deals/1", json!({})).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("x")));
    assert_eq!(
        vendor
            .call("PATCH", "/api/v2/deals/1", json!({}))
            .await
            .status,
        200
    );
    arm(json!({ "fault": "feature_capping" }));
    let capped = vendor
        .call("POST", "/api/v2/deals", json!({ "title": "x" }))
        .await;
    assert_eq!(
        (capped.status, &capped.body["code"]),
        (403, &json!("feature_capping_deals_limit"))
    );
}
