//! One record at a time.

use serde_json::{Value, json};

use super::vendor::{Vendor, invalid, meeting, text, to};

#[tokio::test]
async fn a_meeting_is_made_read_changed_and_archived() {
    let vendor = Vendor::new();
    let contact = vendor.contact("ada@acme.example").await;
    let mut properties = meeting();
    properties["hs_timestamp"] = json!("1795186800000");
    properties["liveprompt_key"] = json!("lp_1");
    let body = json!({ "properties": properties, "associations": [to(&contact, 200)] });
    let made = vendor.objects("POST", "/meetings", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        made.body["properties"]["hs_timestamp"],
        "2026-11-20T15:00:00Z"
    );
    assert_eq!(
        made.body["properties"]["hs_createdate"],
        "2026-11-20T09:00:00Z"
    );
    assert_eq!(made.body["createdAt"], "2026-11-20T09:00:00.000Z");
    let id = text(&made.body["id"]);
    let path = "/meetings/lp_1?idProperty=liveprompt_key&properties=hs_meeting_title,hs_meeting_body&associations=contacts";
    let read = vendor.objects("GET", path, Value::Null).await;
    assert_eq!((read.status, &read.body["id"]), (200, &made.body["id"]));
    assert_eq!(read.body["properties"]["hs_meeting_title"], "Discovery");
    assert_eq!(read.body["properties"]["hs_meeting_body"], Value::Null);
    assert!(
        read.body["properties"].get("hs_timestamp").is_none(),
        "nobody asked for it"
    );
    assert_eq!(
        read.body["associations"]["contacts"]["results"],
        json!([{ "id": contact, "type": "meeting_event_to_contact" }])
    );
    vendor.caller.wait(60);
    let change =
        json!({ "properties": { "hs_meeting_outcome": "COMPLETED", "hs_meeting_title": "" } });
    let changed = vendor
        .objects("PATCH", &format!("/meetings/{id}"), change)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert!(
        changed.body["properties"].get("hs_meeting_title").is_none(),
        "empty clears"
    );
    assert_eq!(changed.body["updatedAt"], "2026-11-20T09:01:00.000Z");
    let past = format!("/meetings/{id}?propertiesWithHistory=hs_meeting_title");
    let past = vendor.objects("GET", &past, Value::Null).await;
    assert_eq!(
        past.body["propertiesWithHistory"]["hs_meeting_title"][1]["value"],
        "Discovery"
    );
    let gone = vendor
        .objects("DELETE", &format!("/meetings/{id}"), Value::Null)
        .await;
    assert_eq!(gone.status, 204);
    let path = format!("/meetings/{id}");
    let reply = vendor.objects("GET", &path, Value::Null).await;
    assert_eq!(
        (reply.status, &reply.body["message"]),
        (404, &json!("resource not found"))
    );
    let binned = vendor
        .objects("GET", &format!("{path}?archived=true"), Value::Null)
        .await;
    assert_eq!(binned.body["archived"], true);
    assert_eq!(
        vendor.objects("DELETE", &path, Value::Null).await.status,
        204,
        "again is fine"
    );
}

#[tokio::test]
async fn every_version_and_every_name_of_a_type_means_the_same() {
    let vendor = Vendor::new();
    for path in [
        "/crm/v3/objects/contacts",
        "/crm/v4/objects/contacts",
        "/crm/objects/2026-03/contacts",
        "/crm/objects/2026-09/0-1",
        "/crm/objects/2026-09/contact",
    ] {
        let reply = vendor
            .get(&format!("{path}/ADA%40acme.example?idProperty=email"))
            .await;
        assert_eq!(
            reply.body["properties"]["firstname"], "Ada",
            "{path}: {}",
            reply.text
        );
    }
    let reply = vendor.get("/crm/objects/2026-09/leads").await;
    assert_eq!(
        reply.body["message"],
        "Unable to infer object type from: leads"
    );
    assert_eq!(
        vendor
            .get("/crm/objects/2027-03-beta/contacts")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn values_that_are_refused_are_named_in_json_inside_the_message() {
    let vendor = Vendor::new();
    let reply = vendor
        .refused(
            "meetings",
            json!({ "hs_timestamp": "soon", "hs_meeting_outcome": "GREAT", "no_such_thing": "1", "hs_object_id": "5",
                "hubspot_owner_id": "1" }),
        )
        .await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (400, &json!("VALIDATION_ERROR"))
    );
    let mut found = invalid(&reply);
    found.sort();
    let wanted = [
        ("hs_meeting_outcome", "INVALID_OPTION"),
        ("hs_object_id", "READ_ONLY_VALUE"),
        ("hs_timestamp", "INVALID_LONG"),
        ("hubspot_owner_id", "INVALID_OPTION"),
        ("no_such_thing", "PROPERTY_DOESNT_EXIST"),
    ];
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(vendor.count("meetings"), 0);
    for (kind, properties, wrong) in [
        (
            "contacts",
            json!({ "email": "not an address" }),
            "INVALID_EMAIL",
        ),
        (
            "companies",
            json!({ "name": "x", "annualrevenue": "1,000" }),
            "INVALID_NUMBER",
        ),
        (
            "deals",
            json!({ "dealname": "x", "pipeline": "default", "dealstage": "1" }),
            "INVALID_OPTION",
        ),
        (
            "notes",
            json!({ "hs_timestamp": "1795186800000", "hs_note_body": "x".repeat(65_537) }),
            "PROPERTY_VALUE_TOO_LONG",
        ),
    ] {
        assert_eq!(invalid(&vendor.refused(kind, properties).await)[0].1, wrong);
    }
}

#[tokio::test]
async fn what_a_new_record_needs() {
    let vendor = Vendor::new();
    for (kind, properties, missing) in [
        (
            "calls",
            json!({ "hs_call_title": "x" }),
            json!(["hs_timestamp"]),
        ),
        (
            "tasks",
            json!({ "hs_task_subject": "x" }),
            json!(["hs_timestamp"]),
        ),
        (
            "deals",
            json!({ "dealname": "x" }),
            json!(["dealstage", "pipeline"]),
        ),
        (
            "contacts",
            json!({ "phone": "1" }),
            json!(["email", "firstname", "lastname"]),
        ),
    ] {
        let reply = vendor.refused(kind, properties).await;
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.body["context"]["properties"], missing,
            "{}",
            reply.text
        );
    }
    let start = json!({ "hs_meeting_start_time": "2026-11-20T15:00:00Z" });
    vendor.make("meetings", start).await;
    let state = vendor.caller.sandbox.state();
    assert_eq!(
        state["objects"]["meetings"][0]["properties"]["hs_timestamp"],
        "2026-11-20T15:00:00Z"
    );
}

#[tokio::test]
async fn an_admins_rules_bind_the_newest_version_only() {
    let vendor = Vendor::new();
    vendor
        .caller
        .set(json!({ "required_properties": { "notes": ["hubspot_owner_id"] } }));
    let body = json!({ "properties": { "hs_timestamp": "1795186800000" } });
    for (path, status) in [
        ("/crm/v3/objects/notes", 201),
        ("/crm/objects/2026-03/notes", 201),
        ("/crm/objects/2026-09/notes", 400),
    ] {
        assert_eq!(
            vendor.post(path, body.clone()).await.status,
            status,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_value_that_is_unique_is_taken_once() {
    let vendor = Vendor::new();
    let reply = vendor
        .refused("contacts", json!({ "email": "Ada@Acme.example" }))
        .await;
    let ada = vendor.contact("ada@acme.example").await;
    assert_eq!(
        (reply.status, &reply.body["category"]),
        (409, &json!("CONFLICT"))
    );
    assert_eq!(
        reply.body["message"],
        format!("Contact already exists. Existing ID: {ada}")
    );
    let mut properties = meeting();
    properties["liveprompt_key"] = json!("lp_1");
    let id = vendor.make("meetings", properties.clone()).await;
    let reply = vendor.refused("meetings", properties.clone()).await;
    assert_eq!(reply.status, 400);
    let wanted = (
        "liveprompt_key".to_owned(),
        "CONFLICTING_UNIQUE_VALUE".to_owned(),
    );
    assert_eq!(invalid(&reply), [wanted]);
    assert!(reply.text.contains(&format!("{id} already has that value")));
    vendor
        .objects("DELETE", &format!("/meetings/{id}"), Value::Null)
        .await;
    vendor.make("meetings", properties.clone()).await;
    vendor.caller.set(json!({ "unique_property": false }));
    vendor.make("meetings", properties).await;
    let path = "/meetings/lp_1?idProperty=liveprompt_key";
    assert_eq!(vendor.objects("GET", path, Value::Null).await.status, 400);
}

#[tokio::test]
async fn a_contact_is_found_by_each_of_its_addresses() {
    let vendor = Vendor::new();
    let more = json!({ "email": "zoe@acme.example", "hs_additional_emails": "zoe@home.example;z@x.example" });
    let id = vendor.make("contacts", more).await;
    assert_eq!(vendor.contact("Z@x.example").await, id);
    assert_eq!(
        vendor
            .refused("contacts", json!({ "email": "zoe@home.example" }))
            .await
            .status,
        409
    );
}

#[tokio::test]
async fn a_list_is_paged_until_no_cursor_is_left() {
    let vendor = Vendor::new();
    let mut path = "/contacts?limit=3&properties=email".to_owned();
    let mut emails = Vec::new();
    loop {
        let reply = vendor.objects("GET", &path, Value::Null).await;
        for record in reply.body["results"].as_array().unwrap() {
            emails.push(text(&record["properties"]["email"]));
        }
        let Some(after) = reply.body["paging"]["next"]["after"].as_str() else {
            break;
        };
        path = format!("/contacts?limit=3&properties=email&after={after}");
    }
    assert_eq!(emails.len(), 7);
    assert!(emails.contains(&"dup@initech.example".to_owned()));
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let vendor = Vendor::new();
    let mut request = vendor.request("POST", "/crm/v3/objects/notes", &json!({}));
    *request.body_mut() = "{\"properties\": oops".into();
    let reply = vendor.caller.send(request).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.text.contains("Invalid input JSON on line 1, column"),
        "{}",
        reply.text
    );
    let mut request = vendor.request("POST", "/crm/v3/objects/notes", &json!({ "a": 1 }));
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(vendor.caller.send(request).await.status, 415);
    let reply = vendor.post("/crm/v3/objects/notes", json!({})).await;
    assert!(
        reply
            .text
            .contains("Some required fields were not set: [properties]")
    );
    assert_eq!(
        vendor
            .call("PUT", "/crm/v3/objects/notes", json!({}))
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn a_deal_knows_whether_it_is_closed() {
    let vendor = Vendor::new();
    let deal = vendor.first("deals");
    let path = format!("/deals/{deal}?properties=hs_is_closed,hs_is_closed_won,hs_forecast_amount");
    let reply = vendor.objects("GET", &path, Value::Null).await;
    assert_eq!(reply.body["properties"]["hs_is_closed"], "false");
    assert_eq!(reply.body["properties"]["hs_forecast_amount"], "19200");
    let won = json!({ "properties": { "dealstage": "closedwon" } });
    let reply = vendor
        .objects("PATCH", &format!("/deals/{deal}"), won)
        .await;
    assert_eq!(reply.body["properties"]["hs_is_closed_won"], "true");
}

#[tokio::test]
async fn a_task_has_its_types() {
    let vendor = Vendor::new();
    let task = |is: &str| json!({ "hs_timestamp": "1795186800000", "hs_task_type": is });
    for is in ["EMAIL", "CALL", concat!("TO", "DO")] {
        vendor.make("tasks", task(is)).await;
    }
    let reply = vendor.refused("tasks", task("LINKEDIN")).await;
    assert_eq!(invalid(&reply)[0].1, "INVALID_OPTION");
}
