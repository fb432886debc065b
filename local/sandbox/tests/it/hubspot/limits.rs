//! Quotas.

use serde_json::{Value, json};

use super::vendor::{Vendor, text};

#[tokio::test]
async fn a_hundred_and_ten_calls_in_ten_seconds() {
    let vendor = Vendor::new();
    let call = || vendor.get("/account-info/v3/details");
    let first = call().await;
    assert_eq!(first.headers["x-hubspot-ratelimit-max"], "110");
    assert_eq!(first.headers["x-hubspot-ratelimit-remaining"], "109");
    assert_eq!(
        first.headers["x-hubspot-ratelimit-interval-milliseconds"],
        "10000"
    );
    assert!(
        !first.headers.contains_key("x-hubspot-ratelimit-daily"),
        "not for OAuth"
    );
    for _ in 0..109 {
        assert_eq!(call().await.status, 200);
    }
    let reply = call().await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.body["policyName"], "TEN_SECONDLY_ROLLING");
    assert_eq!(
        reply.body["message"],
        "You have reached your ten_secondly_rolling limit."
    );
    assert_eq!(reply.body["errorType"], "RATE_LIMIT");
    assert!(!reply.headers.contains_key("retry-after"));
    vendor.caller.wait(9);
    assert_eq!(call().await.status, 429);
    vendor.caller.wait(1);
    assert_eq!(call().await.status, 200);
}

#[tokio::test]
async fn searches_have_a_limit_of_their_own() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "ten_secondly_limit": 1 }));
    let search = || vendor.objects("POST", "/contacts/search", json!({}));
    for _ in 0..5 {
        assert_eq!(search().await.status, 200);
    }
    let reply = search().await;
    assert_eq!(reply.status, 429);
    assert_eq!(
        reply.body["message"],
        "You have reached your secondly limit."
    );
    assert!(!reply.headers.contains_key("x-hubspot-ratelimit-max"));
    assert_eq!(
        vendor.get("/account-info/v3/details").await.status,
        200,
        "the other bucket is full"
    );
    vendor.caller.wait(1);
    assert_eq!(search().await.status, 200);
}

#[tokio::test]
async fn the_daily_limit_ends_at_midnight() {
    let mut vendor = Vendor::new();
    vendor.caller.set(json!({ "daily_limit": 2 }));
    vendor.token = text(&vendor.caller.sandbox.credentials()["private_app_token"]);
    let call = || vendor.get("/account-info/v3/details");
    assert_eq!([call().await.status, call().await.status], [200, 200]);
    let reply = call().await;
    assert_eq!(
        (reply.status, &reply.body["policyName"]),
        (429, &json!("DAILY"))
    );
    assert_eq!(reply.body["message"], "You have reached your daily limit.");
    assert_eq!(reply.headers["x-hubspot-ratelimit-daily-remaining"], "0");
    vendor.caller.wait(15 * 3_600);
    assert_eq!(call().await.status, 200);
    let quota = vendor.caller.sandbox.state()["quota"].clone();
    assert_eq!(quota["daily"], json!({ "used": 1, "max": 2 }));
}

#[tokio::test]
async fn calls_are_counted_whatever_comes_of_them() {
    let vendor = Vendor::new();
    let before = vendor.caller.sandbox.calls();
    vendor.get("/account-info/v3/details").await;
    vendor.call("GET", "/nowhere", Value::Null).await;
    assert_eq!(vendor.caller.sandbox.calls(), before + 2);
}
