//! Activities: what they belong to, their types, what is refused, what stays of one that was deleted.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn a_meeting_that_took_place() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let meeting = vendor.type_of("Meeting").await;
    let body = json!({ "parent": { "type": "person", "id": ada }, "type": { "category": "user", "id": meeting },
        "details": "Kick-off", "activity_date": 1_763_802_000 });
    let made = vendor.done("POST", "activities", body).await;
    assert_eq!(made["parent"], json!({ "type": "person", "id": ada }));
    assert_eq!(
        (&made["activity_date"], &made["date_created"]),
        (&json!(1_763_802_000), &json!(1_795_165_200))
    );
    assert!(made["user_id"].is_u64() && made["old_value"].is_null());
    let one = format!("activities/{}", made["id"]);
    assert_eq!(vendor.get(&one).await, made);
    vendor.caller.wait(60);
    let changed = vendor
        .done("PUT", &one, json!({ "details": "Kick-off, at length" }))
        .await;
    assert_eq!(
        changed["type"], made["type"],
        "what was not sent stays as it was"
    );
    assert_eq!(changed["date_modified"], 1_795_165_260);
}

#[tokio::test]
async fn without_a_time_it_took_place_now() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let made = vendor
        .done("POST", "activities", Vendor::note(ada, "x"))
        .await;
    assert_eq!(made["activity_date"], 1_795_165_200);
}

#[tokio::test]
async fn what_is_refused_is_named() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    for (member, value, error) in [
        ("parent", json!({ "type": "person", "id": 1 }), "invalid"),
        (
            "parent",
            json!({ "type": "activity", "id": ada }),
            "invalid",
        ),
        ("parent", json!({ "type": "lead", "id": ada }), "invalid"),
        ("parent", Value::Null, "invalid"),
        ("type", json!({ "category": "user", "id": 5 }), "invalid"),
        ("type", json!({ "category": "system", "id": 1 }), "invalid"),
        ("type", json!({ "id": 0 }), "invalid"),
        ("user_id", json!(1), "invalid"),
        ("activity_date", json!("2026-11-20T10:00:00Z"), "invalid"),
        ("activity_date", json!(1_763_802_000_000_i64), "invalid"),
        ("details", json!(5), "invalid"),
        ("old_value", json!("x"), "read only"),
    ] {
        let mut body = Vendor::note(ada, "x");
        body[member] = value.clone();
        let message = vendor.refused("POST", "activities", body, 422).await;
        assert_eq!(
            message,
            format!("Invalid input: {member}: {error}"),
            "{value}"
        );
    }
    for member in ["parent", "type"] {
        let mut body = Vendor::note(ada, "x");
        body.as_object_mut().unwrap().remove(member);
        let message = vendor.refused("POST", "activities", body, 422).await;
        assert_eq!(message, format!("Invalid input: {member}: missing"));
    }
    assert_eq!(
        vendor.caller.sandbox.state()["objects"]["activities"],
        json!([]),
        "nothing was made"
    );
}

#[tokio::test]
async fn what_is_not_known_is_overlooked_unless_the_settings_say_otherwise() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let mut body = Vendor::note(ada, "x");
    body["title"] = json!("There is no such thing");
    let made = vendor.done("POST", "activities", body.clone()).await;
    assert!(made.get("title").is_none());
    vendor.caller.set(json!({ "strict_bodies": true }));
    let message = vendor.refused("POST", "activities", body, 422).await;
    assert_eq!(message, "Invalid input: title: unknown");
}

#[tokio::test]
async fn a_type_that_is_turned_off_is_refused() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let meeting = vendor.type_of("Meeting").await;
    vendor.caller.set(json!({ "disabled_types": [meeting] }));
    let types = vendor.get("activity_types").await;
    let mut all = types["user"].as_array().unwrap().iter();
    assert!(all.any(|one| one["id"] == meeting && one["is_disabled"] == true));
    let mut body = Vendor::note(ada, "x");
    body["type"]["id"] = json!(meeting);
    vendor.refused("POST", "activities", body, 422).await;
}

#[tokio::test]
async fn activities_of_a_record_and_of_a_time() {
    let vendor = Vendor::new();
    let (ada, ben) = (
        vendor.person("ada@acme.example").await,
        vendor.person("ben@acme.example").await,
    );
    for (person, date) in [(ada, 100), (ada, 200), (ben, 300)] {
        let mut body = Vendor::note(person, "x");
        body["activity_date"] = json!(date);
        vendor.done("POST", "activities", body).await;
    }
    let dates = async |path: &str, body: Value| -> Vec<i64> {
        let found = vendor.done("POST", path, body).await;
        let found = found.as_array().unwrap().iter();
        found
            .map(|one| one["activity_date"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(dates("activities/search", json!({})).await, [300, 200, 100]);
    assert_eq!(
        dates(&format!("people/{ada}/activities"), json!({})).await,
        [200, 100]
    );
    let of = json!({ "parent": { "type": "person", "id": ben } });
    assert_eq!(dates("activities/search", of).await, [300]);
    let around = json!({ "minimum_activity_date": 200, "maximum_activity_date": 200 });
    assert_eq!(dates("activities/search", around).await, [200]);
    let calls = json!({ "activity_types": [{ "id": vendor.type_of("Phone Call").await, "category": "user" }] });
    assert!(dates("activities/search", calls).await.is_empty());
    let bad = json!({ "minimum_activity_date": "yesterday" });
    vendor.refused("POST", "activities/search", bad, 422).await;
}
