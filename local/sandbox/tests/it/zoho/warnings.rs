//! What the setup guide (`docs/setup/zoho.md`) warns of, as it happens: each warning is one test.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting};
use crate::caller::Reply;

fn records(vendor: &Vendor, module: &str) -> usize {
    let state = vendor.caller.sandbox.state();
    state["objects"][module].as_array().unwrap().len()
}

async fn refresh(vendor: &Vendor, token: &str) -> Reply {
    let (client, secret) = (
        vendor.caller.has("client_id"),
        vendor.caller.has("client_secret"),
    );
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", client.as_str()),
        ("client_secret", &secret),
    ];
    vendor.caller.form("/oauth/v2/token", "", &fields).await
}

#[tokio::test]
async fn the_search_lags_and_a_query_does_not() {
    let vendor = Vendor::new();
    let record = json!({ "Last_Name": "New", "Email": "new@acme.example" });
    vendor.make("Contacts", record).await;
    let search = || vendor.get("Contacts/search?email=new@acme.example");
    assert_eq!(search().await.status, 204);
    let query = "select id from Contacts where Email = 'new@acme.example'";
    assert_eq!(vendor.coql(query).await.status, 200);
    vendor.caller.wait(30);
    assert_eq!(search().await.status, 200);
    vendor.arm(json!({ "fault": "search_lag", "seconds": 600 }));
    let _ = vendor.get("Contacts?fields=id").await;
    vendor
        .make(
            "Contacts",
            json!({ "Last_Name": "Other", "Email": "other@acme.example" }),
        )
        .await;
    vendor.caller.wait(599);
    assert_eq!(
        vendor
            .get("Contacts/search?email=other@acme.example")
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn meetings_calls_and_tasks_have_no_upsert() {
    let vendor = Vendor::new();
    for module in ["Events", "Calls", "Tasks"] {
        let body =
            json!({ "data": [{ "Subject": "x" }], "duplicate_check_fields": ["Liveprompt_Key"] });
        let reply = vendor.call("POST", &format!("{module}/upsert"), body).await;
        assert_eq!(reply.body["code"], "NOT_SUPPORTED", "{module}");
    }
}

#[tokio::test]
async fn a_unique_key_field_refuses_the_second_record_and_names_the_first() {
    let vendor = Vendor::new();
    for kind in ["unique", "external"] {
        vendor.set(json!({ "key_field": kind }));
        let first = vendor.make("Events", meeting(kind)).await;
        let second = vendor.row("POST", "Events", meeting(kind)).await;
        assert_eq!(second["code"], "DUPLICATE_DATA");
        assert_eq!(second["details"]["api_name"], "Liveprompt_Key");
        assert_eq!(second["details"]["id"], first);
    }
    assert_eq!(records(&vendor, "Events"), 2);
}

#[tokio::test]
async fn a_key_field_that_allows_duplicates_lets_a_repeat_make_a_second_record() {
    let vendor = Vendor::new();
    vendor.set(json!({ "key_field": "plain" }));
    vendor.make("Events", meeting("ses_1")).await;
    vendor.make("Events", meeting("ses_1")).await;
    assert_eq!(records(&vendor, "Events"), 2);
}

#[tokio::test]
async fn a_field_that_nobody_made_is_ignored_without_a_word() {
    let vendor = Vendor::new();
    vendor.set(json!({ "key_field": "missing" }));
    let id = vendor.make("Events", meeting("ses_1")).await;
    assert_eq!(
        vendor.record("Events", &id).await.get("Liveprompt_Key"),
        None
    );
    // A query tells: that is how the test of a connection finds out.
    let query = "select id from Events where Liveprompt_Key = 'none' limit 1";
    let told = vendor.coql(query).await;
    assert_eq!(
        (told.status, &told.body["code"]),
        (400, &json!("INVALID_QUERY"))
    );
    vendor.set(json!({ "refuse_unknown_fields": true }));
    let row = vendor.row("POST", "Events", meeting("ses_2")).await;
    assert_eq!(row["details"]["api_name"], "Liveprompt_Key");
}

#[tokio::test]
async fn what_lies_in_the_recycle_bin_is_made_anew_or_in_the_way() {
    let vendor = Vendor::new();
    let id = vendor.make("Events", meeting("ses_1")).await;
    vendor
        .call("DELETE", &format!("Events/{id}"), Value::Null)
        .await;
    let gone = vendor
        .row("PUT", "Events", json!({ "id": id, "Event_Title": "x" }))
        .await;
    assert_eq!(gone["message"], "the id given seems to be invalid");
    let second = vendor.make("Events", meeting("ses_1")).await;
    assert_ne!(second, id);
    vendor.set(json!({ "bin_is_unique": true }));
    vendor
        .call("DELETE", &format!("Events/{second}"), Value::Null)
        .await;
    assert_eq!(
        vendor.row("POST", "Events", meeting("ses_1")).await["code"],
        "DUPLICATE_DATA"
    );
}

#[tokio::test]
async fn an_upsert_of_what_lies_in_the_recycle_bin_makes_a_new_record() {
    let vendor = Vendor::new();
    let ada = vendor.person("Contacts", "ada@acme.example").await;
    vendor
        .call("DELETE", &format!("Contacts/{ada}"), Value::Null)
        .await;
    let body = json!({ "data": [{ "Last_Name": "Moreno", "Email": "ada@acme.example" }] });
    let made = vendor.call("POST", "Contacts/upsert", body).await;
    assert_eq!(made.body["data"][0]["action"], "insert");
    assert_ne!(made.body["data"][0]["details"]["id"], ada);
}

#[tokio::test]
async fn a_list_names_its_fields_and_goes_no_deeper_without_a_token() {
    let vendor = Vendor::new();
    let bare = vendor.get("Contacts").await;
    assert_eq!(bare.body["code"], "REQUIRED_PARAM_MISSING");
    let many: Vec<String> = (0..51).map(|n| format!("Field_{n}")).collect();
    let many = vendor
        .get(&format!("Contacts?fields={}", many.join(",")))
        .await;
    assert_eq!(many.body["code"], "LIMIT_EXCEEDED");
    let deep = vendor.get("Contacts?fields=Email&page=11").await;
    assert_eq!(deep.body["code"], "DISCRETE_PAGINATION_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_text_that_is_too_long_refuses_its_record() {
    let vendor = Vendor::new();
    for (field, most) in [("Event_Title", 255), ("Description", 32_000)] {
        let mut event = meeting(field);
        event[field] = json!("x".repeat(most + 1));
        let row = vendor.row("POST", "Events", event.clone()).await;
        assert_eq!(row["details"]["maximum_length"], most, "{field}");
        event[field] = json!("x".repeat(most));
        vendor.make("Events", event).await;
    }
}

#[tokio::test]
async fn a_link_without_its_module_is_lost() {
    let vendor = Vendor::new();
    let lee = vendor.person("Leads", "lee@prospect.example").await;
    let mut event = meeting("ses_1");
    event["What_Id"] = json!({ "id": lee });
    let id = vendor.make("Events", event.clone()).await;
    assert_eq!(vendor.record("Events", &id).await["What_Id"], Value::Null);
    vendor.set(json!({ "refuse_untyped_links": true }));
    event["Liveprompt_Key"] = json!("ses_2");
    let row = vendor.row("POST", "Events", event).await;
    assert_eq!(row["details"]["api_name"], "What_Id");
}

#[tokio::test]
async fn who_holds_is_a_contact_and_never_a_lead() {
    let vendor = Vendor::new();
    let lee = vendor.person("Leads", "lee@prospect.example").await;
    let mut event = meeting("ses_1");
    event["Who_Id"] = json!({ "id": lee });
    let row = vendor.row("POST", "Events", event).await;
    assert_eq!(
        (&row["code"], &row["details"]["api_name"]),
        (&json!("INVALID_DATA"), &json!("Who_Id"))
    );
}

#[tokio::test]
async fn participants_are_invited_unless_the_caller_says_no() {
    let vendor = Vendor::new();
    let ada = vendor.person("Contacts", "ada@acme.example").await;
    let mut event = meeting("ses_1");
    event["Participants"] = json!([{ "type": "contact", "participant": ada }]);
    let id = vendor.make("Events", event.clone()).await;
    let invited = || vendor.caller.sandbox.state()["invited"].clone();
    assert_eq!(invited(), json!([]));
    event.as_object_mut().unwrap().remove("$send_notification");
    event["id"] = json!(id);
    vendor.row("PUT", "Events", event).await;
    assert_eq!(invited(), json!([ada]));
}

#[tokio::test]
async fn workflows_run_unless_the_caller_names_none() {
    let vendor = Vendor::new();
    let ran = || vendor.caller.sandbox.state()["workflows"].clone();
    vendor.make("Events", meeting("ses_1")).await;
    assert_eq!(ran(), 1);
    let body = json!({ "data": [meeting("ses_2")], "trigger": [] });
    assert_eq!(vendor.call("POST", "Events", body).await.status, 201);
    assert_eq!(ran(), 1);
}

#[tokio::test]
async fn a_time_needs_an_offset_and_no_z() {
    let vendor = Vendor::new();
    vendor.set(json!({ "refuse_zulu": true }));
    for (time, right) in [
        ("2026-11-20T15:00:00+00:00", true),
        ("2026-11-20T16:00:00+01:00", true),
        ("2026-11-20T15:00:00Z", false),
        ("2026-11-20T15:00:00", false),
        ("2026-11-20T15:00:00.000+00:00", false),
    ] {
        let mut event = meeting(time);
        event["Start_DateTime"] = json!(time);
        let row = vendor.row("POST", "Events", event).await;
        assert_eq!(row["code"] == "SUCCESS", right, "{time}: {row}");
    }
    vendor.set(json!({ "refuse_zulu": false, "offset_hours": 5 }));
    let mut event = meeting("ses_1");
    event["Start_DateTime"] = json!("2026-11-20T15:00:00Z");
    let id = vendor.make("Events", event).await;
    let told = vendor.record("Events", &id).await;
    assert_eq!(
        told["Start_DateTime"], "2026-11-20T20:00:00+05:00",
        "in the org's own time"
    );
}

#[tokio::test]
async fn an_option_that_a_list_does_not_have_is_kept() {
    let vendor = Vendor::new();
    let task = json!({ "Subject": "x", "Status": "Nearly" });
    let id = vendor.make("Tasks", task.clone()).await;
    assert_eq!(vendor.record("Tasks", &id).await["Status"], "Nearly");
    vendor.set(json!({ "strict_picklists": true }));
    assert_eq!(
        vendor.row("POST", "Tasks", task).await["details"]["api_name"],
        "Status"
    );
}

#[tokio::test]
async fn a_call_takes_a_hundred_records() {
    let vendor = Vendor::new();
    let tasks = |many: usize| json!({ "data": vec![json!({ "Subject": "x" }); many] });
    let full = vendor.call("POST", "Tasks", tasks(100)).await;
    assert_eq!(full.body["data"].as_array().unwrap().len(), 100);
    let over = vendor.call("POST", "Tasks", tasks(101)).await;
    assert_eq!(
        (over.status, &over.body["details"]["maximum_length"]),
        (400, &json!(100))
    );
    assert_eq!(records(&vendor, "Tasks"), 100);
}

#[tokio::test]
async fn a_status_of_the_whole_says_nothing_of_a_record() {
    let vendor = Vendor::new();
    for (status, data) in [
        (201, json!([meeting("a")])),
        (207, json!([meeting("b"), meeting("a")])),
        (400, json!([meeting("a"), meeting("b")])),
    ] {
        let reply = vendor.call("POST", "Events", json!({ "data": data })).await;
        assert_eq!(reply.status, status);
        assert_eq!(
            reply.body["data"].as_array().unwrap().len(),
            data.as_array().unwrap().len()
        );
    }
    vendor.set(json!({ "all_failed_status": 202 }));
    let reply = vendor
        .call("POST", "Events", json!({ "data": [meeting("a")] }))
        .await;
    assert_eq!(
        (reply.status, &reply.body["data"][0]["status"]),
        (202, &json!("error"))
    );
}

#[tokio::test]
async fn too_many_at_once_and_no_credit_left_have_one_code() {
    let vendor = Vendor::new();
    let mut answers = Vec::new();
    for fault in ["concurrency_limit", "daily_limit"] {
        vendor.arm(json!({ "fault": fault }));
        let reply = vendor.get("Tasks?fields=id").await;
        let left = reply.headers.contains_key("x-api-credits-remaining");
        answers.push((reply.status, reply.body["code"].clone(), left));
    }
    let code = json!("TOO_MANY_REQUESTS");
    assert_eq!(answers, [(429, code.clone(), false), (429, code, true)]);
}

#[tokio::test]
async fn a_refused_refresh_is_a_success_by_its_status() {
    let vendor = Vendor::new();
    let reply = refresh(&vendor, "1000.nothing.nothing").await;
    assert_eq!(
        (reply.status, reply.body),
        (200, json!({ "error": "invalid_code" }))
    );
}

#[tokio::test]
async fn ten_refreshes_in_ten_minutes_are_all_there_are() {
    let vendor = Vendor::new();
    let token = vendor.caller.has("refresh_token");
    for _ in 0..10 {
        assert!(refresh(&vendor, &token).await.body["access_token"].is_string());
    }
    assert_eq!(
        refresh(&vendor, &token).await.body["error"],
        "Access Denied"
    );
    vendor.caller.wait(601);
    assert!(refresh(&vendor, &token).await.body["access_token"].is_string());
}

#[tokio::test]
async fn a_token_is_unknown_at_another_data_centre() {
    let mut vendor = Vendor::new();
    vendor.set(json!({ "location": "eu", "root_location": "us" }));
    vendor.token = vendor.caller.has("access_token");
    let away = vendor.get("Tasks?fields=id").await;
    assert_eq!(
        (away.status, &away.body["code"]),
        (401, &json!("INVALID_TOKEN"))
    );
    let header = format!("Zoho-oauthtoken {}", vendor.token);
    let home = vendor
        .caller
        .get("/__dc/eu/crm/v8/Tasks?fields=id", &header)
        .await;
    assert_eq!(home.status, 204);
}
