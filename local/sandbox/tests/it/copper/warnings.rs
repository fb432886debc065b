//! What `docs/setup/copper.md` warns of, each shown.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::Vendor;

/// "An activity belongs to one record, and has to."
#[tokio::test]
async fn an_activity_without_a_record_it_belongs_to_is_refused() {
    let vendor = Vendor::new();
    let body = json!({ "type": { "category": "user", "id": 0 }, "details": "Nobody knows them" });
    let message = vendor.refused("POST", "activities", body, 422).await;
    assert_eq!(message, "Invalid input: parent: missing");
}

/// "Activities have no title, no length and no fields of your own."
#[tokio::test]
async fn an_activity_takes_no_field_of_ones_own() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let mut body = Vendor::note(ada, "x");
    body["custom_fields"] =
        json!([{ "custom_field_definition_id": vendor.field("Hub key").await, "value": 5 }]);
    let made = vendor.done("POST", "activities", body).await;
    assert!(made.get("custom_fields").is_none());
    let field = json!({ "name": "Key", "data_type": "Float", "available_on": ["activity"] });
    vendor
        .refused("POST", "custom_field_definitions", field, 422)
        .await;
}

/// "Nothing keeps a second one out: the same activity twice is two."
#[tokio::test]
async fn the_same_activity_twice_is_two() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    for _ in 0..2 {
        let note = Vendor::note(ada, "[liveprompt ses_1]");
        vendor.done("POST", "activities", note).await;
    }
    let found = vendor.done("POST", "activities/search", json!({})).await;
    assert_eq!(found.as_array().unwrap().len(), 2);
}

/// "The numbers of activity types differ from account to account; only a note is 0 everywhere."
#[tokio::test]
async fn the_number_of_a_type_is_the_accounts_own_and_a_note_is_zero() {
    let vendor = Vendor::new();
    assert_eq!(vendor.type_of("Note").await, 0);
    let ada = vendor.person("ada@acme.example").await;
    let mut body = Vendor::note(ada, "x");
    // The number of the vendor's example is none of this account.
    body["type"]["id"] = json!(190_712);
    assert_ne!(vendor.type_of("Meeting").await, 190_712);
    let message = vendor.refused("POST", "activities", body, 422).await;
    assert_eq!(message, "Invalid input: type: invalid");
}

/// "A number can be a type of the system and of people at once: say which."
#[tokio::test]
async fn the_number_of_a_type_is_unique_within_its_category_alone() {
    let vendor = Vendor::new();
    let types = vendor.get("activity_types").await;
    assert!(types["system"][0]["id"].is_u64());
    let ada = vendor.person("ada@acme.example").await;
    let mut body = Vendor::note(ada, "x");
    body["type"] = json!({ "category": "system", "id": types["system"][0]["id"] });
    vendor.refused("POST", "activities", body, 422).await;
}

/// "An activity that was deleted cannot be changed; a stub stays."
#[tokio::test]
async fn a_deleted_activity_is_a_stub_that_nothing_changes() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let made = vendor
        .done("POST", "activities", Vendor::note(ada, "x"))
        .await;
    let one = format!("activities/{}", made["id"]);
    vendor.done("DELETE", &one, Value::Null).await;
    let stub = json!({ "id": made["id"], "is_deleted": true });
    assert_eq!(vendor.get(&one).await, stub);
    vendor
        .refused("PUT", &one, json!({ "details": "y" }), 404)
        .await;
    let found = vendor.done("POST", "activities/search", json!({})).await;
    assert_eq!(found, json!([]));
}

/// "Texts of custom fields cannot be searched, which is why the key field has to be a Float."
#[tokio::test]
async fn a_text_of_a_custom_field_cannot_be_searched() {
    let vendor = Vendor::new();
    let region = vendor.field("Region").await;
    let body =
        json!({ "custom_fields": [{ "custom_field_definition_id": region, "value": "EMEA" }] });
    let message = vendor.refused("POST", "tasks/search", body, 422).await;
    assert_eq!(message, "Invalid input: custom_fields: not searchable");
}

/// "180 calls a minute, for the hub and everything else of that user together, and no header tells."
#[tokio::test]
async fn the_181st_call_of_a_minute_is_refused_without_a_header() {
    let vendor = Vendor::new();
    for _ in 0..180 {
        vendor.get("account").await;
    }
    let reply = vendor.call("GET", "account", Value::Null).await;
    assert_eq!(reply.status, 429);
    for header in ["retry-after", "x-ratelimit-remaining"] {
        assert!(!reply.headers.contains_key(header));
    }
    vendor.caller.wait(59);
    assert_eq!(vendor.call("GET", "account", Value::Null).await.status, 429);
    vendor.caller.wait(1);
    vendor.get("account").await;
}

/// "The API key and OAuth of the same person share the limit."
#[tokio::test]
async fn key_and_token_of_a_user_share_the_limit() {
    let vendor = Vendor::new();
    for _ in 0..180 {
        vendor.get("account").await;
    }
    let address = format!("{}/developer_api/v1/account", vendor.caller.base);
    let request = Request::get(address)
        .header("x-pw-accesstoken", vendor.caller.has("api_key"))
        .header("x-pw-application", "developer_api")
        .header("x-pw-useremail", vendor.caller.has("api_key_email"));
    let request = request.body(Bytes::new()).unwrap();
    assert_eq!(vendor.caller.send(request).await.status, 429);
}

/// "Three bulk calls a second, ten rows each."
#[tokio::test]
async fn bulk_calls_have_a_limit_of_their_own() {
    let vendor = Vendor::new();
    let ada = vendor.person("ada@acme.example").await;
    let rows = |count: usize| json!({ "activities": vec![Vendor::note(ada, "x"); count] });
    let path = "activities/bulk_create";
    vendor.done("POST", path, rows(10)).await;
    let large = vendor.call("POST", path, rows(11)).await;
    assert_eq!(
        (large.status, large.body),
        (
            422,
            json!({ "error": "Request size too large, limit is 10" })
        )
    );
    vendor.done("POST", path, rows(1)).await;
    assert_eq!(vendor.call("POST", path, rows(1)).await.status, 429);
    vendor.get("account").await;
    vendor.caller.wait(1);
    vendor.done("POST", path, rows(1)).await;
}

/// "A bulk call answers 200 even if every row was refused."
#[tokio::test]
async fn a_bulk_call_that_refuses_every_row_is_a_success() {
    let vendor = Vendor::new();
    let answered = vendor
        .done(
            "POST",
            "activities/bulk_create",
            json!({ "activities": [{}, {}] }),
        )
        .await;
    for row in answered.as_array().unwrap() {
        assert_eq!(row["success"], false);
    }
}

/// "Due dates of tasks come in two forms."
#[tokio::test]
async fn a_due_date_is_a_second_or_a_day() {
    let vendor = Vendor::new();
    for due in [json!(1_798_070_400), json!("12/24/2026")] {
        let made = vendor
            .done("POST", "tasks", json!({ "name": "x", "due_date": due }))
            .await;
        assert_eq!(made["due_date"], 1_798_070_400);
    }
    let wrong = json!({ "name": "x", "due_date": "2026-12-24" });
    vendor.refused("POST", "tasks", wrong, 422).await;
}

/// "A search may see what was written only after a while."
#[tokio::test]
async fn a_search_may_lag() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "search_lag_s": 20 }));
    let ada = vendor.person("ada@acme.example").await;
    vendor
        .done("POST", "activities", Vendor::note(ada, "x"))
        .await;
    let found = async || {
        let found = vendor.done("POST", "activities/search", json!({})).await;
        found.as_array().unwrap().len()
    };
    assert_eq!(found().await, 0);
    vendor.caller.wait(20);
    assert_eq!(found().await, 1);
}

/// "A lead and a person can have the same address; two people cannot."
#[tokio::test]
async fn a_lead_may_have_a_persons_address() {
    let vendor = Vendor::new();
    let email = json!({ "email": "ada@acme.example", "category": "work" });
    vendor
        .done("POST", "leads", json!({ "name": "Ada", "email": email }))
        .await;
    let person = json!({ "name": "Ada", "emails": [email] });
    vendor.refused("POST", "people", person, 422).await;
}

/// "A record is not made whole by a change: lists are replaced, what is null is emptied."
#[tokio::test]
async fn a_change_replaces_lists_and_null_empties() {
    let vendor = Vendor::new();
    let made = vendor
        .done(
            "POST",
            "tasks",
            json!({ "name": "x", "tags": ["a", "b"], "details": "y" }),
        )
        .await;
    let one = format!("tasks/{}", made["id"]);
    let changed = vendor
        .done("PUT", &one, json!({ "tags": ["c"], "details": null }))
        .await;
    assert_eq!(
        (&changed["tags"], &changed["details"], &changed["name"]),
        (&json!(["c"]), &Value::Null, &json!("x"))
    );
}

/// "A token of OAuth has no end of its own, and there is nothing to refresh it with."
#[tokio::test]
async fn a_token_stays_until_it_is_taken_away() {
    let vendor = Vendor::new();
    assert_eq!(
        vendor.caller.sandbox.credentials()["refresh_token"],
        Value::Null
    );
    vendor.caller.wait(365 * 86_400);
    vendor.get("account").await;
    let revoke = json!({ "fault": "revoke_refresh_token" });
    vendor.caller.sandbox.add_fault(revoke).unwrap();
    let message = vendor.refused("GET", "account", Value::Null, 401).await;
    assert_eq!(message, "Unauthorized");
}
