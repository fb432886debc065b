//! Making, changing and deleting: what is accepted, what is refused, and what the answers hold.

use serde_json::{Value, json};

use super::vendor::{OWNER, Vendor};

#[tokio::test]
async fn a_contact_is_made_shown_changed_and_deleted() {
    let vendor = Vendor::new();
    let body = json!({ "contact": { "first_name": "Eve", "last_name": "Ng", "email": "eve@new.example",
        "custom_field": { "cf_hub_key": "k1", "cf_nothing": "x" }, "nothing": 1 } });
    let made = vendor.call("POST", "contacts", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let contact = &made.body["contact"];
    let id = contact["id"].as_u64().unwrap();
    assert!(id > u64::from(u32::MAX), "ids are large");
    assert_eq!(contact["display_name"], "Eve Ng");
    assert_eq!(contact["emails"][0]["value"], "eve@new.example");
    assert_eq!(contact["emails"][0]["is_primary"], true);
    assert_eq!(
        contact["custom_field"],
        json!({ "cf_hub_key": "k1", "cf_region": null }),
        "what the account has no field for is dropped"
    );
    assert_eq!(contact["nothing"], Value::Null);
    assert_eq!(contact["owner_id"], OWNER);
    let changed =
        json!({ "contact": { "job_title": "CTO", "custom_field": { "cf_region": "EU" } } });
    let path = format!("contacts/{id}");
    let changed = vendor.good("PUT", &path, changed).await;
    assert_eq!(changed["contact"]["job_title"], "CTO");
    assert_eq!(changed["contact"]["custom_field"]["cf_hub_key"], "k1");
    assert_eq!(vendor.call("DELETE", &path, Value::Null).await.status, 204);
    for method in ["GET", "DELETE"] {
        let gone = vendor.call(method, &path, Value::Null).await;
        let body = json!({ "errors": { "code": 404, "message": ["Not Found"] } });
        assert_eq!((gone.status, gone.body), (404, body), "{method}");
    }
}

#[tokio::test]
async fn what_is_beside_a_record_comes_with_it() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let note = json!({ "note": { "description": "Hi", "targetable_type": "Contact", "targetable_id": ada } });
    vendor.good("POST", "notes", note).await;
    let path = format!("contacts/{ada}?include=sales_accounts,owner,notes,tasks");
    let body = vendor.good("GET", &path, Value::Null).await;
    assert_eq!(body["sales_accounts"][0]["name"], "Acme Corporation");
    assert_eq!(body["users"][0]["id"], OWNER);
    assert_eq!(body["notes"][0]["description"], "Hi");
    assert_eq!(body["tasks"], json!([]));
    let notes = vendor
        .good("GET", &format!("contacts/{ada}/notes"), Value::Null)
        .await;
    assert_eq!(notes["notes"][0]["targetable_id"], ada);
}

#[tokio::test]
async fn nobody_has_another_s_address_or_number() {
    let vendor = Vendor::new();
    let refused = |body: Value| {
        let vendor = &vendor;
        async move {
            let body = json!({ "contact": body });
            vendor.refused("POST", "contacts", body).await
        }
    };
    assert_eq!(
        refused(json!({ "emails": "ADA@acme.example" })).await,
        ["Email is not unique"]
    );
    let first = json!({ "contact": { "mobile_number": "+49 1" } });
    vendor.good("POST", "contacts", first).await;
    assert_eq!(
        refused(json!({ "mobile_number": "+49 1" })).await,
        ["MobileNumber is not unique"]
    );
    assert_eq!(
        refused(json!({ "first_name": "X" })).await,
        ["Emails or mobile number can't be blank"]
    );
    assert_eq!(
        refused(json!({ "emails": "no address" })).await,
        ["Emails is invalid"]
    );
}

#[tokio::test]
async fn an_upsert_finds_by_address_name_external_id_and_unique_custom_fields() {
    let vendor = Vendor::new();
    let upsert = |identifier: Value, contact: Value| {
        let vendor = &vendor;
        async move {
            let body = json!({ "unique_identifier": identifier, "contact": contact });
            let reply = vendor.call("POST", "contacts/upsert", body).await;
            assert!(reply.status < 300, "{}", reply.text);
            (reply.status, reply.body["contact"]["id"].as_u64().unwrap())
        }
    };
    let by_address = json!({ "emails": "fay@new.example" });
    let (status, id) = upsert(by_address.clone(), json!({ "first_name": "Fay" })).await;
    assert_eq!(status, 201);
    let key = json!({ "external_id": "x1", "custom_field": { "cf_hub_key": "k2" } });
    assert_eq!(upsert(by_address, key).await, (200, id));
    for identifier in [
        json!({ "external_id": "x1" }),
        json!({ "cf_hub_key": "k2" }),
        json!({ "emails": "FAY@new.example" }),
    ] {
        let found = upsert(identifier.clone(), json!({ "job_title": "CFO" })).await;
        assert_eq!(found, (200, id), "{identifier}");
    }
    let account = json!({ "unique_identifier": { "name": "Globex" }, "sales_account": { "website": "globex.example" } });
    let reply = vendor.call("PUT", "sales_accounts/upsert", account).await;
    assert_eq!(
        (reply.status, &reply.body["sales_account"]["name"]),
        (200, &json!("Globex"))
    );
    let other = json!({ "contact": { "email": "gus@new.example", "custom_field": { "cf_hub_key": "k2" } } });
    assert_eq!(
        vendor.refused("POST", "contacts", other).await,
        ["cf_hub_key is not unique"]
    );
}

#[tokio::test]
async fn an_appointment_has_a_beginning_before_its_end_and_belongs_to_somebody() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    assert_eq!(
        vendor
            .refused(
                "POST",
                "appointments",
                json!({ "appointment": { "description": "x" } })
            )
            .await,
        [
            "Title can't be blank",
            "From date can't be blank",
            "End date can't be blank"
        ]
    );
    let with = |more: Value| {
        let mut body = json!({ "title": "T", "from_date": "2026-11-20T10:00:00Z", "end_date": "2026-11-20T11:00:00+01:00" });
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        json!({ "appointment": body })
    };
    let linked = with(json!({ "targetable_type": "Contact", "targetable_id": ada.to_string() }));
    let made = vendor.good("POST", "appointments", linked).await;
    assert_eq!(made["appointment"]["targetable_id"], ada);
    assert_eq!(made["appointment"]["end_date"], "2026-11-20T10:00:00+00:00");
    for (more, message) in [
        (
            json!({ "end_date": "2026-11-20T09:00:00Z" }),
            "End date should be after from date",
        ),
        (json!({ "from_date": "soon" }), "From date is invalid"),
        (
            json!({ "targetable_type": "Contact", "targetable_id": 1 }),
            "Targetable is invalid",
        ),
        (
            json!({ "targetable_type": "Contact" }),
            "Targetable is invalid",
        ),
        (
            json!({ "targetable_type": "Task" }),
            "Targetable type is invalid",
        ),
        (json!({ "is_allday": "yes" }), "Is allday is invalid"),
        (
            json!({ "title": "x".repeat(256) }),
            "Title is too long (maximum is 255 characters)",
        ),
    ] {
        let found = vendor.refused("POST", "appointments", with(more)).await;
        assert_eq!(found, [message]);
    }
}

#[tokio::test]
async fn a_task_is_completed_and_reopened() {
    let vendor = Vendor::new();
    let body = json!({ "task": { "title": "T", "owner_id": OWNER, "due_date": "Mon Jun 20 2016 10:30:00 GMT+0530 (IST)" } });
    let made = vendor.good("POST", "tasks", body).await;
    let task = &made["task"];
    assert_eq!(
        (&task["status"], &task["due_date"], &task["completed_date"]),
        (&json!(0), &json!("2016-06-20T05:00:00+00:00"), &Value::Null)
    );
    let path = format!("tasks/{}", task["id"]);
    for (status, is_done) in [(1, true), (0, false)] {
        let body = json!({ "task": { "status": status } });
        let changed = vendor.good("PUT", &path, body).await;
        assert_eq!(changed["task"]["completed_date"].is_string(), is_done);
    }
    let wrong = json!({ "task": { "status": 2 } });
    assert_eq!(
        vendor.refused("PUT", &path, wrong).await,
        ["Status is invalid"]
    );
}

#[tokio::test]
async fn a_deal_and_a_sales_activity_take_numbers_of_the_account_s_lists() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let types = vendor.get("selector/sales_activity_types").await.body;
    let kind = &types["sales_activity_types"][0]["id"];
    let body = json!({ "sales_activity": { "sales_activity_type_id": kind, "title": "T", "start_date": 1_795_161_600,
        "targetable_type": "Contact", "targetable_id": ada, "custom_field": { "cf_hub_key": "k" } } });
    let made = vendor.good("POST", "sales_activities", body.clone()).await;
    assert_eq!(
        made["sales_activity"]["start_date"],
        "2026-11-20T08:00:00+00:00"
    );
    let listed = vendor.get(&format!("contacts/{ada}/activities")).await.body;
    assert_eq!(listed["activities"][0]["custom_field"]["cf_hub_key"], "k");
    let mut wrong = body;
    wrong["sales_activity"]["sales_activity_type_id"] = json!(1);
    assert_eq!(
        vendor.refused("POST", "sales_activities", wrong).await,
        ["Sales activity type id is invalid"]
    );
    let deal = json!({ "deal": { "name": "D", "amount": "12.5", "contacts_added_list": [ada] } });
    let deal = vendor.good("POST", "deals", deal).await;
    assert_eq!(
        (
            &deal["deal"]["amount"],
            &deal["deal"]["contacts_added_list"]
        ),
        (&json!(12.5), &json!([ada]))
    );
    let wrong = json!({ "deal": { "name": "D", "contacts_added_list": [1] } });
    assert_eq!(
        vendor.refused("POST", "deals", wrong).await,
        ["Contacts added list is invalid"]
    );
}

#[tokio::test]
async fn bodies_have_a_wrapper_or_none_and_are_json() {
    let vendor = Vendor::new();
    let bare = json!({ "title": "T", "owner_id": OWNER });
    assert_eq!(vendor.call("POST", "tasks", bare.clone()).await.status, 201);
    vendor.caller.set(json!({ "bare_bodies": false }));
    assert_eq!(
        vendor.refused("POST", "tasks", bare).await,
        ["param is missing or the value is empty: task"]
    );
    for (kind, body) in [("text/plain", "{}"), ("application/json", "[]")] {
        let header = format!("Token token={}", vendor.key);
        let reply = vendor
            .caller
            .post("/crm/sales/api/tasks", kind, &header, body.to_owned())
            .await;
        assert_eq!(reply.status, 400, "{kind}");
    }
}

#[tokio::test]
async fn many_contacts_at_once_are_a_job() {
    let vendor = Vendor::new();
    let body = json!({ "contacts": [
        { "emails": "ada@acme.example", "data": { "job_title": "CEO" } },
        { "emails": "hal@new.example", "data": { "first_name": "Hal" } },
        { "email": "ivy@new.example", "data": {} }] });
    let accepted = vendor.call("POST", "contacts/bulk_upsert", body).await;
    assert_eq!(accepted.status, 202);
    let path = format!("jobs/{}", accepted.body["job_id"]);
    assert_eq!(vendor.get(&path).await.body["status"], "In Progress");
    vendor.caller.wait(2);
    let done = vendor.get(&path).await.body;
    assert_eq!(
        (
            &done["status"],
            &done["failed"],
            &done["errors"][0]["index"]
        ),
        (&json!("Completed"), &json!(1), &json!(2))
    );
    assert_eq!(vendor.get("jobs/1").await.status, 404);
    let many: Vec<Value> = (0..101)
        .map(|n| json!({ "emails": format!("n{n}@new.example"), "data": {} }))
        .collect();
    let body = json!({ "contacts": many });
    assert_eq!(
        vendor.refused("POST", "contacts/bulk_upsert", body).await,
        ["Contacts can be 100 at most"]
    );
}

#[tokio::test]
async fn a_refusal_waits_for_the_record_it_is_for() {
    let vendor = Vendor::new();
    let fault = json!({ "fault": "record_error", "object": "tasks", "status": 422, "error": "No" });
    vendor.caller.sandbox.add_fault(fault).unwrap();
    vendor.appointment("A").await;
    let body = json!({ "task": { "title": "T", "owner_id": OWNER } });
    let refused = vendor.call("POST", "tasks", body.clone()).await;
    let expected = json!({ "errors": { "code": 422, "message": ["No"] } });
    assert_eq!((refused.status, refused.body), (422, expected));
    assert_eq!(vendor.call("POST", "tasks", body).await.status, 201);
}
