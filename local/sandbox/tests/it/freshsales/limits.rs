//! Quotas: an hour for the whole account, and a minute.

use serde_json::json;

use super::vendor::Vendor;

#[tokio::test]
async fn an_hour_has_what_the_plan_says_and_headers_tell_it() {
    let vendor = Vendor::new();
    for (plan, most) in [("growth", "1000"), ("pro", "2000"), ("enterprise", "5000")] {
        vendor.caller.set(json!({ "plan": plan }));
        let reply = vendor.get("selector/owners").await;
        assert_eq!(reply.headers["x-ratelimit-limit"], most);
    }
    vendor.caller.set(json!({ "hourly_calls": 5 }));
    for left in ["1", "0"] {
        let reply = vendor.get("selector/owners").await;
        assert_eq!(
            (reply.status, &reply.headers["x-ratelimit-remaining"]),
            (200, &left.parse().unwrap())
        );
    }
    vendor.caller.wait(600);
    let refused = vendor.get("selector/owners").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "3000");
    assert_eq!(refused.body["errors"]["message"][0], "Too many requests");
    vendor.caller.wait(2_999);
    assert_eq!(vendor.get("selector/owners").await.status, 429);
    vendor.caller.wait(1);
    vendor.caller.set(json!({ "limit_headers": false }));
    let reply = vendor.get("selector/owners").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn what_is_refused_and_what_is_not_let_in_does_not_count() {
    let vendor = Vendor::new();
    let used = || vendor.caller.sandbox.state()["quota"]["hour"]["used"].clone();
    vendor.get("selector/owners").await;
    vendor.get("nowhere").await;
    assert_eq!(used(), 2, "an error costs a call");
    vendor
        .caller
        .get("/crm/sales/api/selector/owners", "Token token=x")
        .await;
    vendor.caller.get("/elsewhere", "").await;
    assert_eq!(used(), 2);
    vendor.caller.set(json!({ "minutely_calls": 2 }));
    assert_eq!(vendor.get("selector/owners").await.status, 429);
    assert_eq!(used(), 2);
}
