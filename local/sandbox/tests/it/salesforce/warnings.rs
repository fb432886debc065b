//! Each warning of `docs/setup/salesforce.md` that no other story tells.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};

#[tokio::test]
async fn a_description_cannot_be_searched_for_a_key() {
    let vendor = Vendor::new();
    let keyed = with(meeting(), json!({ "Description": "key ses_1" }));
    vendor.make("Event", keyed).await;
    for clause in [
        "WHERE Description LIKE '%ses_1%'",
        "WHERE Description = 'key ses_1'",
        "ORDER BY Description",
    ] {
        let reply = vendor
            .query(&format!("SELECT Id FROM Event {clause}"))
            .await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!("INVALID_FIELD")),
            "{clause}"
        );
    }
    let describe = vendor.get("/sobjects/Event/describe").await;
    let fields = describe.body["fields"].as_array().unwrap();
    let field = fields.iter().find(|one| one["name"] == "Description");
    assert_eq!(field.unwrap()["filterable"], false);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_and_never_cut() {
    let vendor = Vendor::new();
    let event = |length| with(meeting(), json!({ "Description": "x".repeat(length) }));
    assert_eq!(
        vendor.refused("Event", event(32_001)).await,
        "STRING_TOO_LONG"
    );
    let subject = with(meeting(), json!({ "Subject": "x".repeat(256) }));
    assert_eq!(vendor.refused("Event", subject).await, "STRING_TOO_LONG");
    vendor.make("Event", event(32_000)).await;
    let made = vendor.query("SELECT COUNT() FROM Event").await;
    assert_eq!(made.body["totalSize"], 1);
}

#[tokio::test]
async fn a_spent_limit_is_a_403_that_does_not_say_for_how_long() {
    let vendor = Vendor::new();
    vendor
        .caller
        .sandbox
        .set(&json!({ "daily_limit": 2 }))
        .unwrap();
    for _ in 0..2 {
        assert_eq!(vendor.get("/limits").await.status, 200);
    }
    let reply = vendor.get("/limits").await;
    assert_eq!(
        (reply.status, &reply.body[0]["errorCode"]),
        (403, &json!("REQUEST_LIMIT_EXCEEDED"))
    );
    assert!(!reply.headers.contains_key("retry-after"));
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=2/2");
}

#[tokio::test]
async fn times_come_back_in_another_form_than_they_went() {
    let vendor = Vendor::new();
    let id = vendor.make("Event", meeting()).await;
    let read = vendor.get(&format!("/sobjects/Event/{id}")).await;
    assert_eq!(read.body["StartDateTime"], "2026-11-20T15:00:00.000+0000");
    let text = read.body["StartDateTime"].as_str().unwrap();
    assert!(
        text.parse::<jiff::Timestamp>().is_ok(),
        "ours reads the offset without a colon"
    );
}

#[tokio::test]
async fn an_at_and_a_brace_in_a_text_are_a_reference() {
    let vendor = Vendor::new();
    let send = async |text: &str| {
        let body = with(meeting(), json!({ "Description": text }));
        let part = json!({ "method": "POST", "url": "/services/data/v67.0/sobjects/Event", "referenceId": "event",
            "body": body });
        let reply = vendor
            .call("POST", "/composite", json!({ "compositeRequest": [part] }))
            .await;
        reply.body["compositeResponse"][0].clone()
    };
    let refused = send("as in @{ours.id}").await;
    assert_eq!(refused["httpStatusCode"], 400, "{refused}");
    let taken = send("as in ＠{ours.id}").await;
    assert_eq!(taken["httpStatusCode"], 201, "{taken}");
}

#[tokio::test]
async fn somebody_who_was_deleted_refuses_the_activity() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let path = format!("/sobjects/Contact/{ada}");
    assert_eq!(vendor.call("DELETE", &path, Value::Null).await.status, 204);
    let about = with(meeting(), json!({ "WhoId": ada }));
    assert_eq!(vendor.refused("Event", about).await, "ENTITY_IS_DELETED");
}

#[tokio::test]
async fn a_task_has_a_day_and_no_time_of_day() {
    let vendor = Vendor::new();
    let due = |when: &str| json!({ "Subject": "Send pricing", "ActivityDate": when });
    assert_eq!(
        vendor.refused("Task", due("2026-11-27T17:00:00Z")).await,
        "JSON_PARSER_ERROR"
    );
    let id = vendor.make("Task", due("2026-11-27")).await;
    let read = vendor.get(&format!("/sobjects/Task/{id}")).await;
    assert_eq!(read.body["ActivityDate"], "2026-11-27");
}
