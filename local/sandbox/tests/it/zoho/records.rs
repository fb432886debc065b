//! Making, changing and deleting records: each is answered for itself.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting};

#[tokio::test]
async fn each_record_of_a_call_is_answered_in_its_place() {
    let vendor = Vendor::new();
    let good = meeting("ses_1");
    let bad = json!({ "Event_Title": "x", "Start_DateTime": "now", "End_DateTime": "2026-11-20T15:00:00+00:00" });
    let all = vendor
        .call("POST", "Events", json!({ "data": [good] }))
        .await;
    assert_eq!(all.status, 201);
    let row = &all.body["data"][0];
    assert_eq!(
        (&row["code"], &row["message"]),
        (&json!("SUCCESS"), &json!("record added"))
    );
    let body = json!({ "data": [meeting("ses_2"), bad, meeting("ses_3")] });
    let mixed = vendor.call("POST", "Events", body).await;
    assert_eq!(mixed.status, 207);
    let codes: Vec<&Value> = mixed.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["code"])
        .collect();
    assert_eq!(codes, ["SUCCESS", "INVALID_DATA", "SUCCESS"]);
    let details = &mixed.body["data"][1]["details"];
    assert_eq!(details["json_path"], "$.data[1].Start_DateTime");
    assert_eq!(details["expected_data_type"], "datetime");
    let none = vendor
        .call("POST", "Events", json!({ "data": [bad] }))
        .await;
    assert_eq!(none.status, 400);
    assert_eq!(none.body["data"][0]["status"], "error");
    assert_eq!(
        vendor.caller.sandbox.state()["objects"]["Events"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn what_a_record_needs_and_what_its_fields_take() {
    let vendor = Vendor::new();
    let event = |name: &str, value: Value| {
        let mut event = meeting("ses_1");
        event[name] = value;
        event
    };
    let long = "x".repeat(256);
    for (module, record, code, field) in [
        (
            "Contacts",
            json!({ "First_Name": "A" }),
            "MANDATORY_NOT_FOUND",
            "Last_Name",
        ),
        (
            "Calls",
            json!({ "Subject": "A", "Call_Start_Time": "2026-11-20T15:00:00+00:00" }),
            "MANDATORY_NOT_FOUND",
            "Call_Type",
        ),
        (
            "Events",
            event("Event_Title", json!(long)),
            "INVALID_DATA",
            "Event_Title",
        ),
        (
            "Events",
            event("Event_Title", json!(5)),
            "INVALID_DATA",
            "Event_Title",
        ),
        (
            "Events",
            event("All_day", json!("yes")),
            "INVALID_DATA",
            "All_day",
        ),
        (
            "Events",
            event("Who_Id", json!({ "id": "1" })),
            "INVALID_DATA",
            "Who_Id",
        ),
        (
            "Events",
            event("End_DateTime", json!("2026-11-20T14:00:00+00:00")),
            "INVALID_DATA",
            "End_DateTime",
        ),
        (
            "Events",
            event(
                "Participants",
                json!([{ "type": "contact", "participant": "1" }]),
            ),
            "INVALID_DATA",
            "Participants",
        ),
        (
            "Tasks",
            json!({ "Subject": "A", "Due_Date": "tomorrow" }),
            "INVALID_DATA",
            "Due_Date",
        ),
        (
            "Contacts",
            json!({ "Last_Name": "A", "Email": "nobody" }),
            "INVALID_DATA",
            "Email",
        ),
    ] {
        let row = vendor.row("POST", module, record).await;
        assert_eq!(row["code"], code, "{module}.{field}: {row}");
        assert_eq!(row["details"]["api_name"], field, "{row}");
    }
    let row = vendor
        .row("POST", "Events", event("Event_Title", json!(long)))
        .await;
    assert_eq!(row["details"]["maximum_length"], 255);
}

#[tokio::test]
async fn links_lead_where_they_say() {
    let vendor = Vendor::new();
    let ada = vendor.person("Contacts", "ada@acme.example").await;
    let lee = vendor.person("Leads", "lee@prospect.example").await;
    let mut event = meeting("ses_1");
    event["Who_Id"] = json!({ "id": ada });
    event["What_Id"] = json!({ "id": lee });
    event["$se_module"] = json!("Leads");
    event["Participants"] = json!([{ "type": "contact", "participant": ada }, { "type": "lead", "participant": lee },
        { "type": "email", "participant": "x@y.example" }]);
    let id = vendor.make("Events", event).await;
    let event = vendor.record("Events", &id).await;
    assert_eq!(event["Who_Id"], json!({ "name": "Ada Moreno", "id": ada }));
    assert_eq!(event["What_Id"]["name"], "Lee Park");
    assert_eq!(event["$se_module"], "Leads");
    assert_eq!(event["Participants"][1]["Email"], "lee@prospect.example");
    assert_eq!(event["Owner"]["email"], "olivia@liveprompt.example");
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let vendor = Vendor::new();
    let id = vendor
        .make(
            "Tasks",
            json!({ "Subject": "Send", "Due_Date": "2026-11-27", "Status": "Not Started" }),
        )
        .await;
    vendor.caller.wait(60);
    let row = vendor
        .row("PUT", "Tasks", json!({ "id": id, "Status": "Completed" }))
        .await;
    assert_eq!(
        (&row["code"], &row["message"]),
        (&json!("SUCCESS"), &json!("record updated"))
    );
    let task = vendor.record("Tasks", &id).await;
    assert_eq!(
        (&task["Due_Date"], &task["Closed_Time"]),
        (&json!("2026-11-27"), &json!("2026-11-20T09:01:00+00:00"))
    );
    let one = vendor
        .row("PUT", &format!("Tasks/{id}"), json!({ "Subject": "Sent" }))
        .await;
    assert_eq!(one["code"], "SUCCESS");
    let gone = vendor
        .row("PUT", "Tasks", json!({ "id": "1", "Subject": "x" }))
        .await;
    assert_eq!(
        (&gone["code"], &gone["details"]["api_name"]),
        (&json!("INVALID_DATA"), &json!("id"))
    );
}

#[tokio::test]
async fn calls_know_their_length() {
    let vendor = Vendor::new();
    let call = |length: &str| {
        json!({ "Subject": "Call", "Call_Type": "Outbound", "Call_Duration": length,
        "Call_Start_Time": "2026-11-20T15:00:00+00:00" })
    };
    let id = vendor.make("Calls", call("45:01")).await;
    assert_eq!(
        vendor.record("Calls", &id).await["Call_Duration_in_seconds"],
        2_701
    );
    let row = vendor.row("POST", "Calls", call("00:45:01")).await;
    assert_eq!(row["details"]["api_name"], "Call_Duration");
}

#[tokio::test]
async fn an_upsert_finds_by_the_first_field_that_has_a_value() {
    let vendor = Vendor::new();
    let upsert = |email: &str| {
        let body = json!({ "data": [{ "Last_Name": "Moreno", "Email": email }], "duplicate_check_fields": ["Email"] });
        vendor.call("POST", "Contacts/upsert", body)
    };
    let found = upsert("ADA@acme.example").await;
    assert_eq!(
        (found.status, &found.body["data"][0]["action"]),
        (200, &json!("update"))
    );
    assert_eq!(found.body["data"][0]["duplicate_field"], "Email");
    let made = upsert("new@acme.example").await;
    assert_eq!(made.body["data"][0]["action"], "insert");
}

#[tokio::test]
async fn what_is_deleted_lies_in_the_bin() {
    let vendor = Vendor::new();
    let id = vendor.make("Events", meeting("ses_1")).await;
    assert_eq!(vendor.get("Events/deleted?type=all").await.status, 204);
    let gone = vendor
        .call("DELETE", &format!("Events/{id}"), Value::Null)
        .await;
    assert_eq!(gone.body["data"][0]["message"], "record deleted");
    assert_eq!(vendor.get(&format!("Events/{id}")).await.status, 204);
    let bin = vendor.get("Events/deleted?type=all").await;
    assert_eq!(bin.body["data"][0]["id"], id);
    let again = vendor
        .call("DELETE", &format!("Events?ids={id}"), Value::Null)
        .await;
    assert_eq!(again.body["data"][0]["code"], "INVALID_DATA");
}

#[tokio::test]
async fn an_external_field_names_a_record() {
    let vendor = Vendor::new();
    vendor.set(json!({ "key_field": "external" }));
    let id = vendor.make("Events", meeting("ses_1")).await;
    let ask = |method: &str, value: &str, body: Value| {
        let request = vendor.request(method, &format!("Events/{value}"));
        let request = request.header("x-external", "Events.Liveprompt_Key");
        vendor
            .caller
            .send(request.body(body.to_string().into()).unwrap())
    };
    let body = json!({ "data": [{ "Event_Title": "Renamed" }] });
    let changed = ask("PUT", "ses_1", body.clone()).await;
    assert_eq!(changed.body["data"][0]["details"]["id"], id);
    assert_eq!(vendor.record("Events", &id).await["Event_Title"], "Renamed");
    let unknown = ask("PUT", "ses_2", body).await;
    assert_eq!(
        (unknown.status, &unknown.body["code"]),
        (400, &json!("INVALID_DATA"))
    );
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let vendor = Vendor::new();
    for (method, path, status, code) in [
        ("GET", "Nothings?fields=id", 400, "INVALID_MODULE"),
        ("PATCH", "Events", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "a/b/c", 404, "INVALID_URL_PATTERN"),
        ("GET", "Events", 400, "REQUIRED_PARAM_MISSING"),
        ("GET", "settings/fields", 400, "REQUIRED_PARAM_MISSING"),
        ("POST", "Events", 400, "INVALID_DATA"),
        ("POST", "Events/upsert", 400, "NOT_SUPPORTED"),
    ] {
        let reply = vendor.call(method, path, Value::Null).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
    let data = vendor.call("POST", "Events", json!({})).await;
    assert_eq!(data.body["code"], "MANDATORY_NOT_FOUND");
}

#[tokio::test]
async fn the_fields_of_a_module_say_what_they_take() {
    let vendor = Vendor::new();
    let fields = vendor.get("settings/fields?module=Events").await;
    let fields = fields.body["fields"].as_array().unwrap();
    let field = |name: &str| {
        fields
            .iter()
            .find(|field| field["api_name"] == name)
            .unwrap()
    };
    assert_eq!(field("Event_Title")["length"], 255);
    assert_eq!(field("Start_DateTime")["data_type"], "datetime");
    assert_eq!(
        field("Liveprompt_Key")["unique"],
        json!({ "casesensitive": false })
    );
    assert_eq!(field("Created_Time")["operation_type"]["api_create"], false);
    let modules = vendor.get("settings/modules").await;
    assert_eq!(modules.body["modules"].as_array().unwrap().len(), 7);
}
