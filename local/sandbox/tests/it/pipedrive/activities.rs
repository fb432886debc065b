//! Activities: who takes part, what is refused, what follows from what.

use serde_json::{Value, json};

use super::vendor::Vendor;

const PATH: &str = "/api/v2/activities";

#[tokio::test]
async fn a_meeting_that_took_place() {
    let vendor = Vendor::new("a_meeting_that_took_place");
    let (ada, ben) = (
        vendor.person("ada@acme.example").await,
        vendor.person("ben@acme.example").await,
    );
    let body = json!({ "subject": "Kick-off", "type": "meeting", "due_date": "2026-11-19", "due_time": "15:00",
        "duration": "00:45", "done": true, "org_id": 1, "deal_id": 1, "note": "<p>Hello</p><!-- x --><script>y</script>",
        "participants": [{ "person_id": ben, "primary": false }, { "person_id": ada, "primary": true }],
        "attendees": [{ "email": "ada@acme.example", "person_id": ada }] });
    let made = vendor.data("POST", PATH, body).await;
    assert_eq!(made["person_id"], ada, "the primary participant");
    assert_eq!(
        (&made["due_time"], &made["duration"]),
        (&json!("15:00:00"), &json!("00:45:00"))
    );
    assert_eq!(
        (&made["done"], &made["busy"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(made["marked_as_done_time"], "2026-11-20T09:00:00Z");
    assert_eq!(made["note"], "<p>Hello</p>", "sanitised");
    assert_eq!(made["attendees"][0]["email"], "ada@acme.example");
    assert_eq!(made["add_time"], "2026-11-20T09:00:00Z");
    let one = format!("{PATH}/{}", made["id"]);
    let read = vendor.data("GET", &one, Value::Null).await;
    assert!(read.get("attendees").is_none(), "only where asked for");
    let read = vendor
        .data(
            "GET",
            &format!("{one}?include_fields=attendees"),
            Value::Null,
        )
        .await;
    assert_eq!(read, made);
    vendor.caller.wait(60);
    let changed = json!({ "participants": [{ "person_id": ben }], "done": false });
    let changed = vendor.data("PATCH", &one, changed).await;
    assert_eq!(
        (&changed["person_id"], &changed["marked_as_done_time"]),
        (&json!(ben), &json!(null))
    );
    assert_eq!(changed["update_time"], "2026-11-20T09:01:00Z");
    assert_eq!(changed["subject"], "Kick-off", "what was not sent stays");
    assert_eq!(
        vendor.data("DELETE", &one, Value::Null).await,
        json!({ "id": made["id"] })
    );
    assert_eq!(
        vendor.data("GET", &one, Value::Null).await["is_deleted"],
        true
    );
    let gone = vendor.call("PATCH", &one, json!({ "done": true })).await;
    assert_eq!((gone.status, &gone.body["success"]), (404, &json!(false)));
    assert_eq!(vendor.data("GET", PATH, Value::Null).await, json!([]));
}

#[tokio::test]
async fn a_bare_activity_is_named_after_its_type() {
    let vendor = Vendor::new("a_bare_activity_is_named_after_its_type");
    let made = vendor.data("POST", PATH, json!({ "type": "task" })).await;
    assert_eq!(
        (&made["subject"], &made["done"]),
        (&json!("Task"), &json!(false))
    );
    vendor
        .caller
        .set(json!({ "activity_types": ["discovery_call"] }));
    let made = vendor.data("POST", PATH, json!({})).await;
    assert_eq!(made["type"], "discovery_call");
    let refused = vendor.call("POST", PATH, json!({ "type": "task" })).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

#[tokio::test]
async fn what_is_refused_is_named() {
    let vendor = Vendor::new("what_is_refused_is_named");
    let ada = vendor.person("ada@acme.example").await;
    for (member, value) in [
        ("due_time", json!("9:05")),
        ("due_time", json!("2026-11-20T09:05:00Z")),
        ("due_date", json!("20.11.2026")),
        ("duration", json!(45)),
        ("done", json!(1)),
        ("done", json!("true")),
        ("subject", json!("")),
        ("subject", json!("x".repeat(256))),
        ("type", json!("Meeting")),
        ("owner_id", json!(1)),
        ("deal_id", json!(99)),
        ("org_id", json!("1")),
        ("lead_id", json!("adf21080-0e10-11eb-879b-05d71fb426ec")),
        ("participants", json!([ada])),
        (
            "participants",
            json!([{ "person_id": ada, "primary_flag": true }]),
        ),
        (
            "participants",
            json!([{ "person_id": ada }, { "person_id": ada }]),
        ),
        ("attendees", json!([{ "name": "Ada" }])),
        ("custom_fields", json!({})),
        ("key", json!("x")),
    ] {
        let reply = vendor.call("POST", PATH, json!({ member: value })).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (400, &json!("ERR_SCHEMA_VALIDATION_FAILED")),
            "{member}: {}",
            reply.text
        );
        let error = reply.body["error"].as_str().unwrap();
        assert!(
            error.starts_with(&format!("Validation failed: {member}: ")),
            "{error}"
        );
    }
    let unknown = json!({ "participants": [{ "person_id": 99 }] });
    let reply = vendor.call("POST", PATH, unknown).await;
    assert_eq!(
        reply.body["error"],
        "Validation failed: participants.person_id: Person 99 was not found."
    );
    let reply = vendor.call("POST", PATH, json!({ "person_id": ada })).await;
    assert_eq!(
        (reply.status, reply.body),
        (
            400,
            json!({ "success": false, "code": "ERR_BAD_REQUEST",
                "error": "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. \
                          For example: \"participants\": [{ \"person_id\": 1, \"primary\": true }]" })
        )
    );
    let state = vendor.caller.sandbox.state();
    assert_eq!(
        state["objects"]["activities"],
        json!([]),
        "nothing was made"
    );
    vendor.caller.set(json!({ "strict_bodies": false }));
    let made = vendor.data("POST", PATH, json!({ "key": "x" })).await;
    assert!(made.get("key").is_none());
}
