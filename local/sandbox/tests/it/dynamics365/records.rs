//! Creating, changing, reading and deleting records.

use serde_json::{Value, json};

use super::vendor::{API, Vendor, guid, refused};

#[tokio::test]
async fn a_record_with_an_id_we_choose_is_made_once() {
    let vendor = Vendor::new();
    let at = format!("tasks({})", guid(1));
    let once = ["If-None-Match: *"];
    let made = vendor
        .patch(&at, &once, json!({ "subject": "Send the proposal" }))
        .await;
    assert_eq!(made.status, 204, "{}", made.text);
    assert_eq!(made.headers["odata-entityid"], format!("{API}/{at}"));
    let again = vendor
        .patch(&at, &once, json!({ "subject": "Older" }))
        .await;
    refused(&again, 412, "0x80040237");
    let read = vendor.get(&at).await.body;
    assert_eq!(read["subject"], "Send the proposal");
    assert_eq!(
        (
            &read["statecode"],
            &read["statuscode"],
            &read["prioritycode"]
        ),
        (&json!(0), &json!(2), &json!(1))
    );
    assert_eq!(read["activitytypecode"], "task");
    assert_eq!(read["_ownerid_value"], vendor.user().await);
}

#[tokio::test]
async fn all_activities_share_their_ids() {
    let vendor = Vendor::new();
    vendor
        .patch(
            &format!("tasks({})", guid(1)),
            &[],
            json!({ "subject": "a" }),
        )
        .await;
    let other = vendor
        .patch(
            &format!("appointments({})", guid(1)),
            &[],
            json!({ "subject": "a" }),
        )
        .await;
    refused(&other, 412, "0x80040237");
}

#[tokio::test]
async fn a_change_makes_the_record_unless_it_has_to_be_there() {
    let vendor = Vendor::new();
    let at = format!("contacts({})", guid(2));
    refused(
        &vendor
            .patch(&at, &["If-Match: *"], json!({ "lastname": "A" }))
            .await,
        404,
        "0x80040217",
    );
    let made = vendor
        .patch(
            &at,
            &["Prefer: return=representation"],
            json!({ "lastname": "A", "firstname": "Zoe" }),
        )
        .await;
    assert_eq!(
        (made.status, &made.body["fullname"]),
        (201, &json!("Zoe A"))
    );
    assert_eq!(made.headers["preference-applied"], "return=representation");
    let etag = made.body["@odata.etag"].as_str().unwrap().to_owned();
    let tag = format!("If-Match: {etag}");
    let changed = vendor
        .patch(
            &format!("{at}?$select=lastname"),
            &[&tag, "Prefer: return=representation"],
            json!({ "lastname": "B" }),
        )
        .await;
    assert_eq!(
        (changed.status, &changed.body["lastname"]),
        (200, &json!("B"))
    );
    assert!(changed.body.get("firstname").is_none());
    refused(
        &vendor.patch(&at, &[&tag], json!({ "lastname": "C" })).await,
        412,
        "0x80060882",
    );
    let same = changed.body["@odata.etag"].as_str().unwrap();
    let unchanged = vendor
        .call(
            "GET",
            &at,
            &[&format!("If-None-Match: {same}")],
            Value::Null,
        )
        .await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(
        vendor.call("DELETE", &at, &[], Value::Null).await.status,
        204
    );
    refused(&vendor.get(&at).await, 404, "0x80040217");
}

#[tokio::test]
async fn what_a_body_may_not_say() {
    let vendor = Vendor::new();
    let account = vendor.account("Acme Corp").await;
    let cases = [
        (json!({ "subject": "x".repeat(201) }), "0x80044331"),
        (json!({ "subject": 5 }), "0x80048d19"),
        (json!({ "colour": "red" }), "0x80048d19"),
        (json!({ "prioritycode": 7 }), "0x80048408"),
        (json!({ "statuscode": 5 }), "0x80048408"),
        (json!({ "_regardingobjectid_value": account }), "0x80060888"),
        (json!({ "regardingobjectid": account }), "0x80060888"),
        (
            json!({ "regardingobjectid_account@odata.bind": format!("/accounts({account})") }),
            "0x80048d19",
        ),
        (
            json!({ "regardingobjectid_contact_task@odata.bind": format!("/accounts({account})") }),
            "0x80048d19",
        ),
    ];
    for (body, code) in cases {
        refused(&vendor.call("POST", "tasks", &[], body).await, 400, code);
    }
    let nobody =
        json!({ "regardingobjectid_account_task@odata.bind": format!("/accounts({})", guid(9)) });
    refused(
        &vendor.call("POST", "tasks", &[], nobody).await,
        404,
        "0x80040217",
    );
    refused(
        &vendor.call("POST", "task", &[], json!({})).await,
        404,
        "0x80060888",
    );
    refused(
        &vendor.call("PUT", "tasks", &[], json!({})).await,
        405,
        "0x0",
    );
    assert!(vendor.rows("tasks").await.is_empty());
    let length = vendor
        .call("POST", "tasks", &[], json!({ "subject": "x".repeat(201) }))
        .await;
    let message = "A validation error occurred.  The length of the 'subject' attribute of the 'task' entity exceeded the \
                   maximum allowed length of '200'.";
    assert_eq!(length.body["error"]["message"], message);
}

#[tokio::test]
async fn lookups_are_bound_and_taken_away() {
    let vendor = Vendor::new();
    let (account, ada) = (
        vendor.account("Globex").await,
        vendor.contact("ada@acme.example").await,
    );
    let at = format!("contacts({ada})");
    let bind =
        json!({ "parentcustomerid_account@odata.bind": format!("{API}/accounts({account})") });
    assert_eq!(vendor.patch(&at, &[], bind).await.status, 204);
    assert_eq!(
        vendor.get(&at).await.body["_parentcustomerid_value"],
        account
    );
    let navigation = format!("{at}/parentcustomerid_account");
    assert_eq!(vendor.get(&navigation).await.body["name"], "Globex");
    let taken = vendor
        .call("DELETE", &format!("{navigation}/$ref"), &[], Value::Null)
        .await;
    assert_eq!(taken.status, 204);
    assert_eq!(
        vendor.get(&at).await.body["_parentcustomerid_value"],
        Value::Null
    );
    let member = format!("accounts({account})/contact_customer_accounts/$ref");
    let body = json!({ "@odata.id": format!("{API}/{at}") });
    assert_eq!(vendor.call("POST", &member, &[], body).await.status, 204);
    let held = vendor
        .rows(&format!(
            "accounts({account})/contact_customer_accounts?$select=fullname"
        ))
        .await;
    assert_eq!(held.len(), 2, "Carla was there");
}

#[tokio::test]
async fn single_properties() {
    let vendor = Vendor::new();
    let at = format!("contacts({})", vendor.contact("ada@acme.example").await);
    assert_eq!(
        vendor.get(&format!("{at}/jobtitle")).await.body["value"],
        "VP Operations"
    );
    assert_eq!(
        vendor.get(&format!("{at}/jobtitle/$value")).await.text,
        "VP Operations"
    );
    assert_eq!(
        vendor
            .call(
                "PUT",
                &format!("{at}/jobtitle"),
                &[],
                json!({ "value": "CEO" })
            )
            .await
            .status,
        204
    );
    assert_eq!(vendor.get(&at).await.body["jobtitle"], "CEO");
    assert_eq!(
        vendor
            .call("DELETE", &format!("{at}/jobtitle"), &[], Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(vendor.get(&format!("{at}/jobtitle")).await.status, 204);
    refused(
        &vendor
            .call(
                "DELETE",
                &format!("{at}/parentcustomerid"),
                &[],
                Value::Null,
            )
            .await,
        400,
        "0x80060888",
    );
}

#[tokio::test]
async fn an_opportunity_is_closed_by_its_action_alone() {
    let vendor = Vendor::new();
    let id = vendor
        .rows("opportunities?$filter=name eq 'Acme expansion'")
        .await[0]["opportunityid"]
        .clone();
    let id = id.as_str().unwrap();
    let at = format!("opportunities({id})");
    refused(
        &vendor
            .patch(&at, &[], json!({ "statecode": 1, "statuscode": 3 }))
            .await,
        400,
        "0x80040203",
    );
    let close = |status: i64| {
        json!({ "Status": status, "OpportunityClose": { "@odata.type": "Microsoft.Dynamics.CRM.opportunityclose",
            "subject": "Won", "opportunityid@odata.bind": format!("/{at}") } })
    };
    refused(
        &vendor.call("POST", "WinOpportunity", &[], close(5)).await,
        400,
        "0x80048408",
    );
    assert_eq!(
        vendor
            .call("POST", "WinOpportunity", &[], close(3))
            .await
            .status,
        204
    );
    let read = vendor.get(&at).await.body;
    assert_eq!(
        (&read["statecode"], &read["statuscode"]),
        (&json!(1), &json!(3))
    );
    refused(
        &vendor.call("POST", "LoseOpportunity", &[], close(4)).await,
        400,
        "0x80040203",
    );
}

#[tokio::test]
async fn several_at_once_are_all_or_none() {
    let vendor = Vendor::new();
    let target =
        |subject: &str| json!({ "@odata.type": "Microsoft.Dynamics.CRM.task", "subject": subject });
    let call = async |action: &str, targets: Value| {
        let path = format!("tasks/Microsoft.Dynamics.CRM.{action}");
        vendor
            .call("POST", &path, &[], json!({ "Targets": targets }))
            .await
    };
    let made = call("CreateMultiple", json!([target("a"), target("b")])).await;
    assert_eq!(
        (made.status, made.body["Ids"].as_array().unwrap().len()),
        (200, 2)
    );
    let long = target(&"x".repeat(201));
    refused(
        &call("CreateMultiple", json!([target("c"), long])).await,
        400,
        "0x80044331",
    );
    assert_eq!(vendor.rows("tasks").await.len(), 2);
    let mut change = target("a2");
    change["activityid"] = made.body["Ids"][0].clone();
    assert_eq!(call("UpdateMultiple", json!([change])).await.status, 204);
    let mut gone = target("d");
    gone["activityid"] = json!(guid(4));
    refused(
        &call("UpdateMultiple", json!([gone.clone()])).await,
        404,
        "0x80040217",
    );
    assert_eq!(call("UpsertMultiple", json!([gone])).await.status, 204);
    let mut subjects: Vec<Value> = vendor
        .rows("tasks")
        .await
        .iter()
        .map(|row| row["subject"].clone())
        .collect();
    subjects.sort_by_key(ToString::to_string);
    assert_eq!(subjects, ["a2", "b", "d"]);
}

#[tokio::test]
async fn duplicates_are_looked_for_if_asked() {
    let vendor = Vendor::new();
    let twin = json!({ "lastname": "Twin", "emailaddress1": "ADA@acme.example" });
    vendor.make("contacts", twin.clone()).await;
    let detect = ["MSCRM.SuppressDuplicateDetection: false"];
    refused(
        &vendor.call("POST", "contacts", &detect, twin.clone()).await,
        500,
        "0x80040333",
    );
    vendor.caller.set(json!({ "duplicate_status": 412 }));
    refused(
        &vendor.call("POST", "contacts", &detect, twin).await,
        412,
        "0x80040333",
    );
}

#[tokio::test]
async fn an_environment_without_sales() {
    let vendor = Vendor::new();
    vendor.caller.set(json!({ "sales": false }));
    for set in ["leads", "opportunities", "incidents"] {
        let reply = vendor.get(set).await;
        refused(&reply, 404, "0x80060888");
        let message = format!("Resource not found for the segment '{set}'.");
        assert_eq!(reply.body["error"]["message"], message);
    }
    assert_eq!(vendor.get("contacts").await.status, 200);
    assert_eq!(
        vendor
            .get("EntityDefinitions(LogicalName='lead')")
            .await
            .status,
        404
    );
}
