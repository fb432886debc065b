//! Service protection.

use serde_json::{Value, json};

use super::vendor::{Reply, Vendor, refused};

fn wait(reply: &Reply) -> i64 {
    reply.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn requests_of_five_minutes_and_a_wait_that_grows() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "request_limit": 3 }));
    for left in ["2", "1", "0"] {
        let reply = vendor.get("WhoAmI").await;
        assert_eq!(
            reply.headers["x-ms-ratelimit-burst-remaining-xrm-requests"],
            left
        );
    }
    let reply = vendor.get("WhoAmI").await;
    refused(&reply, 429, "0x80072322");
    let message = "Number of requests exceeded the limit of 3 over time window of 300 seconds.";
    assert_eq!(
        (&reply.body["error"]["message"], wait(&reply)),
        (&json!(message), 10)
    );
    let waits: Vec<i64> = vec![
        wait(&vendor.get("WhoAmI").await),
        wait(&vendor.get("WhoAmI").await),
    ];
    assert_eq!(waits, [20, 40]);
    vendor.caller.wait(301);
    assert_eq!(vendor.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn execution_time_and_requests_at_once() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "execution_ms": 700_000 }));
    for left in ["500.00", "0.00"] {
        let reply = vendor.get("WhoAmI").await;
        assert_eq!(
            reply.headers["x-ms-ratelimit-time-remaining-xrm-requests"],
            left
        );
    }
    refused(&vendor.get("WhoAmI").await, 429, "0x80072321");
    let vendor = Vendor::new();
    vendor
        .caller
        .set(json!({ "execution_ms": 5_000, "overlap": true, "concurrency_limit": 2 }));
    for _ in 0..2 {
        assert_eq!(vendor.get("WhoAmI").await.status, 200);
    }
    refused(&vendor.get("WhoAmI").await, 429, "0x80072326");
    vendor.caller.wait(5);
    assert_eq!(vendor.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn each_limit_can_be_called_up() {
    let vendor = Vendor::new();
    for (fault, code) in [
        ("rate_limit", "0x80072322"),
        ("daily_limit", "0x80072321"),
        ("concurrency_limit", "0x80072326"),
    ] {
        vendor.caller.fault(json!({ "fault": fault }));
        let reply = vendor.get("contacts").await;
        refused(&reply, 429, code);
        assert!(wait(&reply) >= 10);
    }
    assert_eq!(vendor.get("contacts").await.status, 200);
    let state = vendor.caller.sandbox.state();
    assert_eq!(
        state["limits"]["requests"],
        json!({ "used": 1, "max": 6_000 })
    );
    assert_ne!(state["objects"]["contacts"], Value::Null);
}
