//! Its own ways to fail.

use serde_json::{Value, json};

use super::vendor::{Vendor, guid, refused};

#[tokio::test]
async fn an_error_waits_for_its_record() {
    let vendor = Vendor::new();
    vendor.caller.fault(json!({ "fault": "record_error", "object": "task", "message": "The customer's own rule says no" }));
    vendor.make("contacts", json!({ "lastname": "A" })).await;
    let reply = vendor
        .call("POST", "tasks", &[], json!({ "subject": "a" }))
        .await;
    refused(&reply, 400, "0x80040265");
    assert_eq!(
        reply.body["error"]["message"],
        "The customer's own rule says no"
    );
    vendor.make("tasks", json!({ "subject": "a" })).await;
}

#[tokio::test]
async fn the_answers_of_trouble() {
    let vendor = Vendor::new();
    for (fault, status, code) in [
        ("missing_privilege", 403, "0x80040220"),
        ("sql_timeout", 500, "0x80044151"),
        ("server_error", 500, "0x80040216"),
    ] {
        vendor.caller.fault(json!({ "fault": fault }));
        refused(&vendor.get("contacts").await, status, code);
    }
    vendor
        .caller
        .fault(json!({ "fault": "service_unavailable" }));
    let page = vendor.get("contacts").await;
    assert!(page.status == 503 && page.text.starts_with("<html>"));
    vendor
        .caller
        .fault(json!({ "fault": "expire_access_token" }));
    let reply = vendor.get("contacts").await;
    assert_eq!((reply.status, &reply.body), (401, &Value::Null));
    assert!(
        reply.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer authorization_uri=")
    );
}

#[tokio::test]
async fn a_lost_answer_was_applied() {
    let vendor = Vendor::new();
    vendor.caller.fault(json!({ "fault": "drop_after" }));
    let at = format!("tasks({})", guid(1));
    let request = http::Request::patch(format!("{}/{at}", super::vendor::API))
        .header("authorization", format!("Bearer {}", vendor.token))
        .header("content-type", "application/json")
        .body(bytes::Bytes::from(json!({ "subject": "a" }).to_string()))
        .unwrap();
    assert!(vendor.caller.sandbox.handle(request).await.is_err());
    refused(
        &vendor
            .patch(&at, &["If-None-Match: *"], json!({ "subject": "a" }))
            .await,
        412,
        "0x80040237",
    );
}

#[tokio::test]
async fn a_reset_brings_everything_back() {
    let mut vendor = Vendor::new();
    vendor.make("tasks", json!({ "subject": "a" })).await;
    let before = vendor.contact("ada@acme.example").await;
    vendor.caller.sandbox.reset();
    vendor.token = vendor.caller.sandbox.credentials()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(vendor.rows("tasks").await.is_empty());
    assert_eq!(vendor.contact("ada@acme.example").await, before);
}
