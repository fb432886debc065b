//! Faults in the vendor's words.

use serde_json::{Value, json};

use super::vendor::{Vendor, invalid, meeting};

#[tokio::test]
async fn the_vendors_own_bodies() {
    let vendor = Vendor::new();
    let cases = [
        (
            "rate_limit",
            429,
            "You have reached your ten_secondly_rolling limit.",
        ),
        (
            "concurrency_limit",
            429,
            "You have reached your secondly limit.",
        ),
        ("daily_limit", 429, "You have reached your daily limit."),
        ("server_error", 500, "internal error"),
        (
            "service_unavailable",
            503,
            "Service temporarily unavailable",
        ),
        (
            "lock_423",
            423,
            "The resource is currently locked. Wait at least 2 seconds between requests.",
        ),
    ];
    for (fault, status, message) in cases {
        vendor.caller.fault(json!({ "fault": fault }));
        let reply = vendor.get("/account-info/v3/details").await;
        assert_eq!(
            (reply.status, &reply.body["message"]),
            (status, &json!(message))
        );
        assert_eq!(reply.body["status"], "error");
        assert!(reply.body["correlationId"].as_str().unwrap().len() == 36);
        assert_eq!(vendor.get("/account-info/v3/details").await.status, 200);
    }
    vendor.caller.fault(json!({ "fault": "bad_gateway" }));
    let reply = vendor.get("/account-info/v3/details").await;
    assert_eq!((reply.status, reply.body), (502, Value::Null));
    vendor.caller.fault(json!({ "fault": "missing_scopes" }));
    assert_eq!(
        vendor.get("/account-info/v3/details").await.body["category"],
        "MISSING_SCOPES"
    );
}

#[tokio::test]
async fn a_migration_says_how_long_it_takes() {
    let vendor = Vendor::new();
    for (fault, wait) in [
        (json!({ "fault": "migration_477" }), "3600"),
        (
            json!({ "fault": "migration_477", "seconds": 86_400 }),
            "86400",
        ),
    ] {
        vendor.caller.fault(fault);
        let reply = vendor.get("/account-info/v3/details").await;
        assert_eq!(
            (reply.status, reply.headers["retry-after"].to_str().unwrap()),
            (477, wait)
        );
    }
}

#[tokio::test]
async fn sessions_end_and_the_app_is_taken_away() {
    let vendor = Vendor::new();
    vendor
        .caller
        .fault(json!({ "fault": "expire_access_token" }));
    let reply = vendor.get("/account-info/v3/details").await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (401, &json!("EXPIRED_AUTHENTICATION"))
    );
    vendor
        .caller
        .fault(json!({ "fault": "revoke_refresh_token" }));
    let credentials = vendor.caller.sandbox.credentials();
    let fields = ["client_id", "client_secret", "refresh_token"]
        .map(|n| (n, credentials[n].as_str().unwrap()));
    let mut fields = fields.to_vec();
    fields.push(("grant_type", "refresh_token"));
    let reply = vendor.form("/oauth/2026-09/token", &fields).await;
    assert_eq!(reply.body["status"], "BAD_REFRESH_TOKEN");
}

#[tokio::test]
async fn one_record_of_a_batch_is_refused() {
    let vendor = Vendor::new();
    let inputs = || {
        let input = |trace: &str| json!({ "properties": meeting(), "objectWriteTraceId": trace });
        json!({ "inputs": [input("1"), input("2")] })
    };
    vendor.caller.fault(
        json!({ "fault": "record_error", "object": "meetings", "property": "hs_meeting_title",
        "message": "Enter only letters" }),
    );
    let reply = vendor
        .objects("POST", "/meetings/batch/create", inputs())
        .await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    assert_eq!(
        reply.body["errors"][0]["context"]["objectWriteTraceId"],
        json!(["1"])
    );
    vendor
        .caller
        .fault(json!({ "fault": "record_error", "object": "calls", "property": "hs_call_title" }));
    let reply = vendor
        .objects("POST", "/meetings/batch/create", inputs())
        .await;
    assert_eq!(reply.status, 201, "another type of record");
    let reply = vendor.refused("calls", json!({ "hs_timestamp": 0 })).await;
    assert_eq!(invalid(&reply)[0].0, "hs_call_title");
    vendor
        .caller
        .fault(json!({ "fault": "record_error", "category": "CONFLICT", "message": "no" }));
    assert_eq!(
        vendor
            .refused("calls", json!({ "hs_timestamp": 0 }))
            .await
            .status,
        409
    );
}

#[tokio::test]
async fn what_is_unknown_is_refused_and_reset_brings_everything_back() {
    let vendor = Vendor::new();
    assert_eq!(
        vendor
            .caller
            .sandbox
            .add_fault(json!({ "fault": "lock_row" }))
            .unwrap_err()
            .field,
        "fault"
    );
    assert_eq!(
        vendor
            .caller
            .sandbox
            .set(&json!({ "nope": 1 }))
            .unwrap_err()
            .field,
        "nope"
    );
    let before = vendor.caller.sandbox.state();
    vendor.make("meetings", meeting()).await;
    vendor.caller.set(json!({ "search_lag_s": 0 }));
    vendor.caller.sandbox.reset();
    assert_eq!(vendor.caller.sandbox.settings()["search_lag_s"], 5);
    assert_eq!(vendor.caller.sandbox.state()["objects"], before["objects"]);
}
