//! Each warning of the setup guide, as something that happens.

use serde_json::{Value, json};

use super::vendor::{OWNER, Vendor};
use crate::caller::text;

#[tokio::test]
async fn an_upsert_knows_the_address_as_emails_and_not_as_email() {
    let vendor = Vendor::new();
    let upsert = |name: &str| json!({ "unique_identifier": { name: "ada@acme.example" }, "contact": { "job_title": "CEO" } });
    let refused = vendor
        .refused("POST", "contacts/upsert", upsert("email"))
        .await;
    assert!(refused[0].contains("provide a unique field"), "{refused:?}");
    let done = vendor
        .call("POST", "contacts/upsert", upsert("emails"))
        .await;
    assert_eq!(done.status, 200);
}

#[tokio::test]
async fn a_limit_may_come_as_a_400() {
    let vendor = Vendor::new();
    vendor
        .caller
        .set(json!({ "hourly_calls": 1, "wrapped_limits": true }));
    assert_eq!(vendor.get("selector/owners").await.status, 200);
    let reply = vendor.get("selector/owners").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("response_code :: 429"));
    assert!(
        !reply.headers.contains_key("retry-after"),
        "no wait is told"
    );
}

#[tokio::test]
async fn the_calls_of_an_hour_are_everybody_s() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "hourly_calls": 2 }));
    let keys = vendor.caller.sandbox.credentials()["api_keys"].clone();
    for user in ["olivia@liveprompt.example", "rafael@liveprompt.example"] {
        let header = format!("Token token={}", text(&keys[user]));
        let reply = vendor
            .caller
            .get("/crm/sales/api/selector/owners", &header)
            .await;
        assert_eq!(reply.status, 200, "{user}");
    }
    assert_eq!(vendor.get("selector/owners").await.status, 429);
}

#[tokio::test]
async fn a_minute_has_a_limit_of_its_own() {
    let vendor = Vendor::new();
    for _ in 0..400 {
        assert_eq!(vendor.get("selector/owners").await.status, 200);
    }
    let reply = vendor.get("selector/owners").await;
    assert_eq!(
        (reply.status, &reply.headers["retry-after"]),
        (429, &"60".parse().unwrap())
    );
    vendor.caller.wait(60);
    assert_eq!(vendor.get("selector/owners").await.status, 200);
}

#[tokio::test]
async fn the_look_up_does_not_know_who_was_added_a_moment_ago() {
    let vendor = Vendor::new();
    let body = json!({ "contact": { "email": "new@new.example" } });
    vendor.good("POST", "contacts", body).await;
    assert!(vendor.found("new@new.example").await.is_empty());
    vendor.caller.wait(5);
    assert_eq!(vendor.found("new@new.example").await.len(), 1);
    let lag = json!({ "fault": "search_lag", "seconds": 600 });
    vendor.caller.sandbox.add_fault(lag).unwrap();
    let body = json!({ "contact": { "email": "newer@new.example" } });
    vendor.good("POST", "contacts", body).await;
    vendor.caller.wait(590);
    assert!(vendor.found("newer@new.example").await.is_empty());
    vendor.caller.wait(20);
    assert_eq!(vendor.found("newer@new.example").await.len(), 1);
}

#[tokio::test]
async fn a_wrong_address_and_an_ended_trial_are_pages() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "edition": "classic" }));
    let reply = vendor.get("selector/owners").await;
    assert_eq!(reply.status, 302);
    assert!(text(&json!(reply.headers["location"].to_str().unwrap())).ends_with("/login"));
    vendor
        .caller
        .set(json!({ "edition": "suite", "expired": true }));
    let reply = vendor.get("selector/owners").await;
    assert_eq!(reply.status, 200, "a success that is none");
    assert!(reply.text.starts_with("<html>"), "{}", reply.text);
}

#[tokio::test]
async fn a_task_belongs_to_a_user() {
    let vendor = Vendor::new();
    let task = |owner: Value| json!({ "task": { "title": "T", "owner_id": owner } });
    for (owner, message) in [
        (Value::Null, "Owner id can't be blank"),
        (json!(1), "Owner id is invalid"),
    ] {
        let refused = vendor.refused("POST", "tasks", task(owner)).await;
        assert_eq!(refused, [message]);
    }
    vendor.good("POST", "tasks", task(json!(OWNER))).await;
    vendor.caller.set(json!({ "task_owner_required": false }));
    let made = vendor.good("POST", "tasks", task(Value::Null)).await;
    assert_eq!(made["task"]["owner_id"], Value::Null);
}

#[tokio::test]
async fn a_list_takes_the_number_of_a_choice_and_not_its_label() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let path = format!("contacts/{ada}");
    let stage = |value: Value| json!({ "contact": { "lifecycle_stage_id": value } });
    let refused = vendor.refused("PUT", &path, stage(json!("Lead"))).await;
    assert_eq!(refused, ["Lifecycle stage id is invalid"]);
    let fields = vendor.get("selector/lifecycle_stages").await.body;
    let id = fields["lifecycle_stages"][0]["id"].clone();
    vendor.good("PUT", &path, stage(id)).await;
}

#[tokio::test]
async fn nothing_keeps_an_appointment_from_being_made_twice() {
    let vendor = Vendor::new();
    let first = vendor.appointment("Same").await;
    assert_ne!(vendor.appointment("Same").await, first);
    // A field of ours that could be unique is dropped.
    let body = json!({ "appointment": { "title": "T", "from_date": "2026-11-19T10:00:00Z",
        "end_date": "2026-11-19T10:30:00Z", "custom_field": { "cf_hub_key": "k" } } });
    let made = vendor.good("POST", "appointments", body).await;
    assert_eq!(made["appointment"]["custom_field"], Value::Null);
    vendor.caller.wait(60);
    let found = vendor
        .get("search?q=Same&include=contact,sales_account,deal")
        .await;
    assert_eq!(found.body, json!([]), "no search knows appointments");
}

#[tokio::test]
async fn an_appointment_is_in_the_list_of_its_time_at_once_and_moves_with_it() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "search_lag_s": 3_600 }));
    let id = vendor.appointment("Moved").await;
    let count = |filter: &str| {
        let path = format!("appointments?filter={filter}");
        let vendor = &vendor;
        async move {
            let body = vendor.get(&path).await.body;
            body["appointments"].as_array().unwrap().len()
        }
    };
    assert_eq!((count("past").await, count("upcoming").await), (1, 0));
    let body = json!({ "appointment": { "end_date": "2026-12-19T10:30:00Z" } });
    vendor
        .good("PUT", &format!("appointments/{id}"), body)
        .await;
    assert_eq!((count("past").await, count("upcoming").await), (0, 1));
}

#[tokio::test]
async fn a_page_has_25_a_hundred_at_most_and_may_not_say_how_many_there_are() {
    let vendor = Vendor::new();
    for number in 0..101 {
        vendor.appointment(&format!("A{number}")).await;
    }
    let page = |query: &str| {
        let path = format!("appointments?filter=past{query}");
        let vendor = &vendor;
        async move { vendor.get(&path).await.body }
    };
    let rows = |body: &Value| body["appointments"].as_array().unwrap().len();
    let first = page("").await;
    assert_eq!(
        (rows(&first), &first["meta"]),
        (25, &json!({ "total_pages": 5, "total": 101 }))
    );
    assert_eq!(rows(&page("&per_page=500").await), 100);
    assert_eq!(rows(&page("&per_page=100&page=2").await), 1);
    vendor.caller.set(json!({ "list_meta": false }));
    let last = page("&per_page=100&page=3").await;
    assert_eq!((rows(&last), &last["meta"]), (0, &Value::Null));
}

#[tokio::test]
async fn what_was_deleted_is_a_404_and_what_belonged_to_it_stays() {
    let vendor = Vendor::new();
    let ben = vendor.contact("ben@acme.example").await;
    let linked = |id: u64| json!({ "task": { "title": "T", "owner_id": OWNER, "targetable_type": "Contact", "targetable_id": id } });
    let task = vendor.good("POST", "tasks", linked(ben)).await;
    vendor
        .call("DELETE", &format!("contacts/{ben}"), Value::Null)
        .await;
    let refused = vendor.refused("POST", "tasks", linked(ben)).await;
    assert_eq!(refused, ["Targetable is invalid"]);
    let path = format!("tasks/{}", task["task"]["id"]);
    assert_eq!(vendor.get(&path).await.status, 200);
    vendor.call("DELETE", &path, Value::Null).await;
    let gone = json!({ "task": { "title": "U" } });
    assert_eq!(vendor.call("PUT", &path, gone).await.status, 404);
}

#[tokio::test]
async fn an_account_may_have_no_sales_activities() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "sales_activities": false }));
    for path in [
        "selector/sales_activity_types",
        "settings/sales_activities/fields",
    ] {
        assert_eq!(vendor.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn attendees_are_there_before_the_appointment() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let with = |kind: &str, id: u64| {
        json!({ "appointment": { "title": "T", "from_date": "2026-11-19T10:00:00Z", "end_date": "2026-11-19T10:30:00Z",
            "appointment_attendees_attributes": [{ "attendee_type": kind, "attendee_id": id.to_string() }] } })
    };
    for (kind, id) in [
        ("Contact", ada),
        ("FdMultitenant::User", OWNER),
        ("FdMultiuser", OWNER),
    ] {
        vendor.good("POST", "appointments", with(kind, id)).await;
    }
    for (kind, id) in [
        ("Contact", 1),
        ("FdMultitenant::User", ada),
        ("User", OWNER),
    ] {
        let refused = vendor.refused("POST", "appointments", with(kind, id)).await;
        assert_eq!(refused, ["Appointment attendees attributes is invalid"]);
    }
}

#[tokio::test]
async fn an_empty_text_clears_a_field() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let path = format!("contacts/{ada}");
    for (title, shown) in [("CEO", json!("CEO")), ("", Value::Null)] {
        let body = json!({ "contact": { "job_title": title } });
        let changed = vendor.good("PUT", &path, body).await;
        assert_eq!(changed["contact"]["job_title"], shown);
    }
}

#[tokio::test]
async fn a_key_may_what_its_user_may_and_ends_with_the_user_s_rights() {
    let vendor = Vendor::new();
    vendor
        .caller
        .set(json!({ "denied_users": ["olivia@liveprompt.example"] }));
    let denied = vendor.get("selector/owners").await;
    let body = json!({ "errors": { "code": 403, "message": ["Access Denied"] } });
    assert_eq!((denied.status, denied.body), (403, body));
}
