//! Activities: who takes part, what they are about, and their states.

use serde_json::{Value, json};

use super::vendor::{Vendor, guid, meeting, refused, with};

/// The roles and the people of an activity.
async fn parties(vendor: &Vendor, id: &str) -> Vec<(i64, String)> {
    let filter = format!(
        "activityparties?$filter=_activityid_value eq {id}&$select=participationtypemask,_partyid_value"
    );
    let rows = vendor.rows(&filter).await;
    let party = |row: &Value| {
        let who = row["_partyid_value"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (row["participationtypemask"].as_i64().unwrap(), who)
    };
    let mut found: Vec<(i64, String)> = rows.iter().map(party).collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_meeting_has_its_people_and_what_it_is_about() {
    let vendor = Vendor::new();
    let (ada, acme) = (
        vendor.contact("ada@acme.example").await,
        vendor.account("Acme Corp").await,
    );
    let user = vendor.user().await;
    let body = with(
        meeting("Discovery"),
        json!({
            "regardingobjectid_account_appointment@odata.bind": format!("/accounts({acme})"),
            "appointment_activity_parties": [
                { "participationtypemask": 5, "partyid_contact@odata.bind": format!("/contacts({ada})") },
                { "participationtypemask": 7, "partyid_systemuser@odata.bind": format!("/systemusers({user})") },
            ],
        }),
    );
    let at = format!("appointments({})", guid(1));
    assert_eq!(
        vendor.patch(&at, &["If-None-Match: *"], body).await.status,
        204
    );
    let read = vendor.get(&at).await.body;
    assert_eq!(read["_regardingobjectid_value"], acme);
    assert_eq!(read["scheduleddurationminutes"], 45);
    // The platform adds what it is about, and its owner.
    let wanted = [
        (5, ada.clone()),
        (7, user.clone()),
        (8, acme.clone()),
        (9, user.clone()),
    ];
    assert_eq!(parties(&vendor, &guid(1)).await, wanted);
    // A change without parties leaves them; one with parties replaces them.
    vendor
        .patch(&at, &[], json!({ "subject": "Discovery, again" }))
        .await;
    assert_eq!(parties(&vendor, &guid(1)).await.len(), 4);
    let ben = vendor.contact("ben@acme.example").await;
    let party = json!({ "participationtypemask": 6, "partyid_contact@odata.bind": format!("/contacts({ben})") });
    vendor
        .patch(&at, &[], json!({ "appointment_activity_parties": [party] }))
        .await;
    assert_eq!(
        parties(&vendor, &guid(1)).await,
        [(6, ben), (8, acme.clone()), (9, user)]
    );
    let expanded = vendor.get(&format!("{at}?$select=subject&$expand=appointment_activity_parties($filter=participationtypemask eq 6)")).await;
    assert_eq!(
        expanded.body["appointment_activity_parties"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let of_account = vendor
        .rows(&format!(
            "accounts({acme})/Account_Appointments?$select=subject"
        ))
        .await;
    assert_eq!(of_account[0]["subject"], "Discovery, again");
}

#[tokio::test]
async fn which_parties_an_activity_takes() {
    let vendor = Vendor::new();
    let ada = format!("/contacts({})", vendor.contact("ada@acme.example").await);
    let lee = vendor
        .rows("leads?$filter=emailaddress1 eq 'lee@prospect.example'")
        .await[0]["leadid"]
        .clone();
    let call = |party: Value| json!({ "subject": "Call", "phonecall_activity_parties": [party] });
    let lead = json!({ "participationtypemask": 2, "partyid_lead@odata.bind": format!("/leads({})", lee.as_str().unwrap()) });
    assert_eq!(
        vendor
            .call("POST", "phonecalls", &[], call(lead))
            .await
            .status,
        204
    );
    let attendee = json!({ "participationtypemask": 5, "partyid_contact@odata.bind": ada });
    refused(
        &vendor.call("POST", "phonecalls", &[], call(attendee)).await,
        400,
        "0x80040203",
    );
    let address = json!({ "participationtypemask": 2, "addressused": "guest@example.com" });
    refused(
        &vendor
            .call("POST", "phonecalls", &[], call(address.clone()))
            .await,
        400,
        "0x80040203",
    );
    vendor.caller.set(json!({ "unresolved_parties": true }));
    assert_eq!(
        vendor
            .call("POST", "phonecalls", &[], call(address))
            .await
            .status,
        204
    );
    let wrong = json!({ "participationtypemask": 2, "partyid_lead@odata.bind": ada });
    refused(
        &vendor.call("POST", "phonecalls", &[], call(wrong)).await,
        400,
        "0x80048d19",
    );
    let other = json!({ "subject": "Call", "appointment_activity_parties": [] });
    refused(
        &vendor.call("POST", "phonecalls", &[], other).await,
        400,
        "0x80048d19",
    );
    // Parties are written with their activity and with nothing else.
    refused(
        &vendor.call("POST", "activityparties", &[], json!({})).await,
        405,
        "0x0",
    );
}

#[tokio::test]
async fn completion_is_a_second_step_and_ends_changes() {
    let vendor = Vendor::new();
    let at = format!("appointments({})", guid(1));
    let body = with(meeting("Discovery"), json!({ "statecode": 1 }));
    assert_eq!(vendor.patch(&at, &[], body.clone()).await.status, 204);
    assert_eq!(
        vendor.get(&at).await.body["statecode"],
        0,
        "a state on create is ignored"
    );
    let wrong = vendor
        .patch(&at, &[], json!({ "statecode": 1, "statuscode": 5 }))
        .await;
    refused(&wrong, 400, "0x80048408");
    assert_eq!(
        vendor
            .patch(&at, &[], json!({ "statecode": 1, "statuscode": 3 }))
            .await
            .status,
        204
    );
    // The same again is no change.
    assert_eq!(
        vendor
            .patch(&at, &[], json!({ "statecode": 1, "statuscode": 3 }))
            .await
            .status,
        204
    );
    refused(
        &vendor.patch(&at, &[], json!({ "subject": "Later" })).await,
        400,
        "0x80040203",
    );
    assert_eq!(
        vendor
            .patch(&at, &[], json!({ "statecode": 3, "statuscode": 5 }))
            .await
            .status,
        204
    );
    assert_eq!(
        vendor
            .patch(&at, &[], json!({ "subject": "Later" }))
            .await
            .status,
        204
    );
    vendor.patch(&at, &[], json!({ "statecode": 1 })).await;
    assert_eq!(
        vendor.get(&at).await.body["statuscode"],
        3,
        "the state's own first status"
    );
    vendor
        .caller
        .set(json!({ "completed_read_only": false, "refuse_state_on_create": true }));
    assert_eq!(
        vendor
            .patch(&at, &[], json!({ "subject": "Later still" }))
            .await
            .status,
        204
    );
    let refusal = vendor
        .patch(&format!("appointments({})", guid(2)), &[], body)
        .await;
    refused(&refusal, 400, "0x80040203");
}

#[tokio::test]
async fn notes_and_the_union_of_activities() {
    let vendor = Vendor::new();
    let task = vendor
        .make(
            "tasks",
            json!({ "subject": "Send the proposal", "description": "x".repeat(2_000) }),
        )
        .await;
    vendor.make("appointments", meeting("Discovery")).await;
    let note = json!({ "subject": "Transcript", "notetext": "x".repeat(100_000), "objectid_task@odata.bind": format!("/tasks({task})") });
    vendor.make("annotations", note).await;
    let notes = vendor
        .rows(&format!("tasks({task})/Task_Annotation?$select=subject"))
        .await;
    assert_eq!(notes[0]["subject"], "Transcript");
    let all = vendor
        .rows("activitypointers?$select=subject,activitytypecode&$orderby=subject")
        .await;
    let all: Vec<&Value> = all.iter().map(|row| &row["activitytypecode"]).collect();
    assert_eq!(all, ["appointment", "task"]);
    refused(
        &vendor
            .call("POST", "activitypointers", &[], json!({}))
            .await,
        405,
        "0x0",
    );
    vendor
        .call("DELETE", &format!("tasks({task})"), &[], Value::Null)
        .await;
    assert!(
        parties(&vendor, &task).await.is_empty(),
        "they go with their activity"
    );
}
