//! Faults, quotas, settings and the control endpoints.

use bytes::Bytes;
use http::Request;
use hub_sandbox::{Dropped, Sandbox};
use serde_json::{Value, json};

use super::composite::part;
use super::oauth::refresh;
use super::vendor::{BASE, Vendor, meeting, read};

async fn control(vendor: &Vendor, method: &str, what: &str, body: &str) -> super::vendor::Reply {
    let uri = format!("{BASE}/__sandbox/{what}");
    vendor
        .caller
        .send(
            Request::builder()
                .method(method)
                .uri(uri)
                .body(Bytes::from(body.to_owned()))
                .unwrap(),
        )
        .await
}

#[tokio::test]
async fn the_vendors_own_bodies() {
    let vendor = Vendor::new();
    let cases = [
        (
            "daily_limit",
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
        ),
        (
            "concurrency_limit",
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        (
            "rate_limit",
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        (
            "server_error",
            500,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred.",
        ),
        (
            "service_unavailable",
            503,
            "SERVER_UNAVAILABLE",
            "The server is temporarily unavailable",
        ),
    ];
    for (fault, status, code, message) in cases {
        vendor.caller.fault(json!({ "fault": fault }));
        let reply = vendor.get("/limits").await;
        assert_eq!(reply.status, status);
        assert_eq!(
            reply.body,
            json!([{ "message": message, "errorCode": code }])
        );
        assert!(reply.headers.contains_key("sforce-limit-info"));
        assert_eq!(
            vendor.get("/limits").await.status,
            200,
            "{fault} strikes once"
        );
    }
    vendor.caller.fault(json!({ "fault": "maintenance_html" }));
    let reply = vendor.get("/limits").await;
    assert_eq!(
        (
            reply.status,
            reply.headers["content-type"].to_str().unwrap()
        ),
        (503, "text/html;charset=UTF-8")
    );
    vendor.caller.fault(json!({ "fault": "status", "status": 429, "headers": { "Retry-After": "7" }, "body": { "a": 1 } }));
    let reply = vendor.get("/limits").await;
    assert_eq!(
        (
            reply.status,
            reply.headers["retry-after"].to_str().unwrap(),
            &reply.body
        ),
        (429, "7", &json!({ "a": 1 }))
    );
}

#[tokio::test]
async fn where_and_how_often() {
    let vendor = Vendor::new();
    vendor.caller.fault(json!({ "fault": "server_error", "times": 2,
        "where": { "method": "POST", "path_prefix": "/services/data/v67.0/sobjects/Task", "nth": 2 } }));
    let post = async || {
        vendor
            .call("POST", "/sobjects/Task", json!({ "Subject": "x" }))
            .await
            .status
    };
    assert_eq!(vendor.get("/limits").await.status, 200);
    assert_eq!(
        [post().await, post().await, post().await, post().await],
        [201, 500, 500, 201]
    );
}

#[tokio::test]
async fn dropped_before_and_after() {
    let vendor = Vendor::new();
    let request = || vendor.request("PATCH", "/sobjects/Event/Liveprompt_Key__c/k", &meeting());
    vendor.caller.fault(json!({ "fault": "drop_before" }));
    assert_eq!(
        vendor.caller.sandbox.handle(request()).await.err(),
        Some(Dropped)
    );
    assert_eq!(
        vendor.query("SELECT Id FROM Event").await.body["totalSize"],
        0
    );
    vendor
        .caller
        .fault(json!({ "fault": "drop_after", "where": { "method": "PATCH" } }));
    assert_eq!(
        vendor.caller.sandbox.handle(request()).await.err(),
        Some(Dropped)
    );
    assert_eq!(
        vendor.query("SELECT Id FROM Event").await.body["totalSize"],
        1
    );
    assert_eq!(vendor.caller.send(request()).await.body["created"], false);
    let log = vendor.caller.sandbox.requests();
    let patches: Vec<Option<u16>> = log
        .iter()
        .filter(|r| r.method == "PATCH")
        .map(|r| r.status)
        .collect();
    assert_eq!(patches, [None, None, Some(200)]);
}

#[tokio::test]
async fn an_outage_ends_by_the_clock() {
    let vendor = Vendor::new();
    vendor
        .caller
        .fault(json!({ "fault": "outage", "seconds": 30 }));
    let request = || vendor.request("GET", "/limits", &Value::Null);
    assert!(vendor.caller.sandbox.handle(request()).await.is_err());
    vendor.caller.wait(29);
    assert!(vendor.caller.sandbox.handle(request()).await.is_err());
    assert_eq!(
        control(&vendor, "GET", "state", "").await.status,
        200,
        "the controls work all the time"
    );
    vendor.caller.wait(1);
    assert!(vendor.caller.sandbox.handle(request()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_delay_takes_its_time() {
    let vendor = Vendor::new();
    vendor.caller.fault(json!({ "fault": "delay", "ms": 1500 }));
    vendor.caller.fault(json!({ "fault": "server_error" }));
    let before = tokio::time::Instant::now();
    assert_eq!(vendor.get("/limits").await.status, 500);
    assert_eq!(before.elapsed().as_millis(), 1500);
}

#[tokio::test]
async fn tokens_that_die() {
    let mut vendor = Vendor::new();
    let token = vendor.caller.sandbox.credentials()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    vendor
        .caller
        .fault(json!({ "fault": "expire_access_token" }));
    assert_eq!(vendor.get("/limits").await.status, 401);
    let reply = refresh(&vendor, &token).await;
    assert_eq!(reply.status, 200);
    vendor.token = reply.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(vendor.get("/limits").await.status, 200);
    let token = reply.body["refresh_token"].as_str().unwrap();
    vendor.caller.fault(json!({ "fault": "revoke_refresh_token", "where": { "path_prefix": "/services/oauth2/token" } }));
    assert_eq!(refresh(&vendor, token).await.body["error"], "invalid_grant");
}

#[tokio::test]
async fn a_locked_row_fails_one_record_wherever_it_is_written() {
    let vendor = Vendor::new();
    vendor
        .caller
        .fault(json!({ "fault": "lock_row", "object": "Event" }));
    vendor
        .make("Task", json!({ "Subject": "other objects are free" }))
        .await;
    let reply = vendor.call("POST", "/sobjects/Event", meeting()).await;
    assert_eq!(
        (reply.status, &reply.body[0]["errorCode"]),
        (400, &json!("UNABLE_TO_LOCK_ROW"))
    );
    vendor.caller.fault(json!({ "fault": "record_error", "error_code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No", "object": "Task" }));
    let graph = json!({ "graphs": [{ "graphId": "g", "compositeRequest": [
        part("POST", "/sobjects/Event", "e", meeting()), part("POST", "/sobjects/Task", "t", json!({})) ] }] });
    let reply = vendor.call("POST", "/composite/graph", graph.clone()).await;
    let part = &reply.body["graphs"][0]["graphResponse"]["compositeResponse"][1];
    assert_eq!(
        part["body"][0]["errorCode"],
        "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    );
    assert_eq!(
        vendor.query("SELECT Id FROM Event").await.body["totalSize"],
        0
    );
    let reply = vendor.call("POST", "/composite/graph", graph).await;
    assert_eq!(reply.body["graphs"][0]["isSuccessful"], true);
}

#[tokio::test]
async fn a_fault_that_is_not_understood() {
    let vendor = Vendor::new();
    let cases = [
        (json!([]), ""),
        (json!({}), "fault"),
        (json!({ "fault": "earthquake" }), "fault"),
        (json!({ "fault": "delay" }), "ms"),
        (json!({ "fault": "delay", "ms": "1" }), "ms"),
        (json!({ "fault": "status", "status": 99 }), "status"),
        (
            json!({ "fault": "status", "status": 500, "headers": { "a": 1 } }),
            "headers",
        ),
        (json!({ "fault": "server_error", "ms": 1 }), "ms"),
        (json!({ "fault": "server_error", "times": 0 }), "times"),
        (
            json!({ "fault": "server_error", "where": { "verb": "GET" } }),
            "where.verb",
        ),
        (
            json!({ "fault": "server_error", "where": { "nth": 0 } }),
            "where.nth",
        ),
        (json!({ "fault": "record_error" }), "error_code"),
    ];
    for (fault, field) in cases {
        let reply = control(&vendor, "POST", "faults", &fault.to_string()).await;
        assert_eq!(
            (reply.status, &reply.body["field"]),
            (422, &json!(field)),
            "{fault}"
        );
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        assert!(reply.body["detail"].is_string());
        assert_eq!(
            vendor.caller.sandbox.add_fault(fault).unwrap_err().field,
            field
        );
    }
    assert_eq!(control(&vendor, "POST", "faults", "{").await.status, 422);
    assert_eq!(
        control(&vendor, "POST", "faults", "{\"fault\":\"server_error\"}")
            .await
            .status,
        204
    );
    assert_eq!(control(&vendor, "PUT", "faults", "").await.status, 405);
    assert_eq!(control(&vendor, "GET", "nope", "").await.status, 404);
    let reply = control(
        &vendor,
        "POST",
        "settings",
        "{\"daily_limit\":5,\"colour\":1}",
    )
    .await;
    assert_eq!(
        (reply.status, &reply.body["field"]),
        (422, &json!("colour"))
    );
    assert_eq!(
        control(&vendor, "GET", "settings", "").await.body["daily_limit"],
        100_000,
        "none was set"
    );
}

#[tokio::test]
async fn quotas_count_and_roll() {
    let vendor = Vendor::new();
    assert_eq!(
        control(&vendor, "POST", "settings", "{\"daily_limit\":3}")
            .await
            .status,
        204
    );
    for used in 1..=3 {
        let reply = vendor.get("/limits").await;
        assert_eq!(
            reply.headers["sforce-limit-info"].to_str().unwrap(),
            format!("api-usage={used}/3")
        );
        assert_eq!(
            reply.body["DailyApiRequests"],
            json!({ "Max": 3, "Remaining": 3 - used })
        );
        vendor.caller.wait(600);
    }
    let reply = vendor.get("/limits").await;
    assert_eq!(
        reply.body,
        json!([{ "message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED" }])
    );
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=3/3");
    let mut vendor = vendor;
    vendor.caller.wait(86_400 - 1_200);
    vendor.token = vendor.caller.sandbox.credentials()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        vendor.get("/limits").await.headers["sforce-limit-info"],
        "api-usage=2/3"
    );
}

#[tokio::test]
async fn state_credentials_and_reset() {
    let vendor = Vendor::new();
    vendor.make("Event", meeting()).await;
    let state = control(&vendor, "GET", "state", "").await.body;
    assert_eq!(state["objects"]["Event"][0]["Subject"], "Discovery");
    assert_eq!(state["quota"], json!({ "used": 1, "max": 100_000 }));
    let tokens = [vendor.token.as_str(), "5Aep"];
    assert!(
        tokens
            .iter()
            .all(|token| !state.to_string().contains(token))
    );
    let given = control(&vendor, "GET", "credentials", "").await.body;
    for field in [
        "base_url",
        "client_id",
        "client_secret",
        "access_token",
        "refresh_token",
        "redirect_uri",
        "username",
        "password",
    ] {
        assert!(given[field].is_string(), "{field}");
    }
    let log = control(&vendor, "GET", "requests", "").await.body;
    assert_eq!(
        (&log[0]["method"], &log[0]["status"]),
        (&json!("POST"), &json!(201))
    );
    assert_eq!(
        log[0]["path_and_query"],
        "/services/data/v67.0/sobjects/Event"
    );
    vendor
        .caller
        .fault(json!({ "fault": "server_error", "times": 9 }));
    assert_eq!(control(&vendor, "POST", "reset", "").await.status, 204);
    assert_eq!(
        (
            vendor.caller.sandbox.calls(),
            vendor.caller.sandbox.requests().len()
        ),
        (0, 0)
    );
    let fresh = Vendor::new();
    let (seed, again) = (fresh.caller.sandbox.state(), vendor.caller.sandbox.state());
    assert_eq!(seed["objects"], again["objects"]);
    assert_eq!(seed["objects"]["Contact"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn it_is_a_tower_service_and_a_registry() {
    assert!(Sandbox::crms().contains(&"salesforce"));
    assert_eq!(
        (
            Sandbox::default_port("salesforce"),
            Sandbox::default_port("x")
        ),
        (4101, 0)
    );
    let vendor = Vendor::new();
    assert!(Sandbox::new("x", BASE, std::sync::Arc::new(jiff::Timestamp::now), 1).is_none());
    let request = vendor.request("GET", "/limits", &Value::Null);
    let reply = tower::ServiceExt::oneshot(vendor.caller.sandbox.clone(), request)
        .await
        .unwrap();
    assert_eq!(read(reply).status, 200);
}
