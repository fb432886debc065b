//! People, tasks, opportunities, users, fields, webhooks.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn an_address_is_one_persons() {
    let vendor = Vendor::new();
    let body = json!({ "name": "Ada Again", "emails": [{ "email": "Ada@acme.example", "category": "work" }] });
    let message = vendor.refused("POST", "people", body, 422).await;
    assert_eq!(message, "Invalid input: emails: already taken");
    let ada = vendor.person("ada@acme.example").await;
    // Its own it may have.
    let own = json!({ "emails": [{ "email": "ada@acme.example", "category": "personal" }] });
    vendor.done("PUT", &format!("people/{ada}"), own).await;
    for emails in [
        json!([{ "email": "x" }]),
        json!(["a@b.example"]),
        json!([{ "email": "a@b.example", "category": "x" }]),
    ] {
        let body = json!({ "name": "X", "emails": emails });
        vendor.refused("POST", "people", body, 422).await;
    }
}

#[tokio::test]
async fn a_person_is_there_until_deleted() {
    let vendor = Vendor::new();
    let made = vendor
        .done("POST", "people", json!({ "name": "New" }))
        .await;
    let one = format!("people/{}", made["id"]);
    let gone = vendor.done("DELETE", &one, Value::Null).await;
    assert_eq!(gone, json!({ "id": made["id"], "is_deleted": true }));
    for (method, body) in [
        ("GET", Value::Null),
        ("PUT", json!({ "name": "X" })),
        ("DELETE", Value::Null),
    ] {
        let message = vendor.refused(method, &one, body, 404).await;
        assert_eq!(message, "Resource not found");
    }
    vendor.refused("GET", "people/x", Value::Null, 404).await;
    vendor.refused("GET", "invoices/1", Value::Null, 404).await;
    for body in [json!({}), json!({ "name": " " })] {
        vendor.refused("POST", "people", body, 422).await;
    }
}

#[tokio::test]
async fn a_task_is_completed() {
    let vendor = Vendor::new();
    let made = vendor
        .done("POST", "tasks", json!({ "name": "Call back" }))
        .await;
    assert_eq!(
        (&made["status"], &made["priority"], &made["completed_date"]),
        (&json!("Open"), &json!("None"), &Value::Null)
    );
    let one = format!("tasks/{}", made["id"]);
    vendor.caller.wait(5);
    let done = vendor
        .done("PUT", &one, json!({ "status": "Completed" }))
        .await;
    assert_eq!(done["completed_date"], 1_795_165_205);
    let open = vendor.done("PUT", &one, json!({ "status": "Open" })).await;
    assert_eq!(open["completed_date"], Value::Null);
    for wrong in [
        json!({ "status": "open" }),
        json!({ "priority": 1 }),
        json!({ "completed_date": 1 }),
    ] {
        vendor.refused("PUT", &one, wrong, 422).await;
    }
}

#[tokio::test]
async fn an_opportunity_closes_on_a_day() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let body = json!({ "name": "Deal", "primary_contact_id": ada, "close_date": "11/30/2026" });
    let made = vendor.done("POST", "opportunities", body.clone()).await;
    assert_eq!(
        (&made["close_date"], &made["status"]),
        (&json!("11/30/2026"), &json!("Open"))
    );
    for (member, value) in [
        ("close_date", json!(1_763_802_000)),
        ("close_date", json!("30.11.2026")),
        ("status", json!("Closed")),
        ("primary_contact_id", json!(1)),
    ] {
        let mut body = body.clone();
        body[member] = value;
        vendor.refused("POST", "opportunities", body, 422).await;
    }
}

#[tokio::test]
async fn the_account_and_what_an_admin_sets_up() {
    let vendor = Vendor::new();
    let me = vendor.get("users/me").await;
    assert_eq!(me["email"], "olivia@liveprompt.example");
    assert_eq!(vendor.get(&format!("users/{}", me["id"])).await, me);
    let users = vendor.done("POST", "users/search", json!({})).await;
    assert_eq!(users.as_array().unwrap().len(), 2);
    for list in [
        "pipelines",
        "pipeline_stages",
        "customer_sources",
        "loss_reasons",
        "contact_types",
        "lead_statuses",
    ] {
        assert!(vendor.get(list).await[0]["id"].is_u64(), "{list}");
    }
    let field = json!({ "name": "Stage of talk", "data_type": "Dropdown", "available_on": ["task"],
        "options": [{ "name": "Early" }] });
    let made = vendor.done("POST", "custom_field_definitions", field).await;
    assert_eq!(made["options"][0]["name"], "Early");
    assert_eq!(
        vendor
            .get(&format!("custom_field_definitions/{}", made["id"]))
            .await,
        made
    );
}

#[tokio::test]
async fn webhooks_are_kept() {
    let vendor = Vendor::new();
    let body = json!({ "target": "https://hub.example/x", "type": "task", "event": "new", "secret": { "k": "v" } });
    let made = vendor.done("POST", "webhooks", body.clone()).await;
    let one = format!("webhooks/{}", made["id"]);
    assert_eq!(vendor.get(&one).await, made);
    for (member, value) in [
        ("target", "http://hub.example/x"),
        ("type", "note"),
        ("event", "gone"),
    ] {
        let mut body = body.clone();
        body[member] = json!(value);
        vendor.refused("POST", "webhooks", body, 422).await;
    }
    vendor.done("DELETE", &one, Value::Null).await;
    assert_eq!(vendor.get("webhooks").await, json!([]));
    vendor.refused("DELETE", &one, Value::Null, 404).await;
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let vendor = Vendor::new();
    let message = vendor.refused("POST", "people", json!([1]), 400).await;
    assert_eq!(message, "Bad Request");
}
