//! Records that become one, people who are forgotten, and what the definitions of a property do.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, text, to};

#[tokio::test]
async fn the_second_record_goes_into_the_first() {
    let vendor = Vendor::new();
    let first = vendor
        .make(
            "contacts",
            json!({ "email": "1@x.example", "firstname": "One" }),
        )
        .await;
    let second = vendor
        .make(
            "contacts",
            json!({ "email": "2@x.example", "firstname": "Two", "jobtitle": "CTO" }),
        )
        .await;
    let body = json!({ "properties": meeting(), "associations": [to(&second, 200)] });
    let meeting = vendor.objects("POST", "/meetings", body).await;
    let merge = json!({ "primaryObjectId": first, "objectIdToMerge": second });
    let reply = vendor
        .objects("POST", "/contacts/merge", merge.clone())
        .await;
    assert_eq!((reply.status, &reply.body["id"]), (200, &json!(first)));
    let values = &reply.body["properties"];
    assert_eq!(
        (&values["firstname"], &values["jobtitle"]),
        (&json!("One"), &json!("CTO"))
    );
    assert_eq!(vendor.contact("2@x.example").await, first);
    let path = format!(
        "/meetings/{}?associations=contacts",
        text(&meeting.body["id"])
    );
    let read = vendor.objects("GET", &path, Value::Null).await;
    assert_eq!(
        read.body["associations"]["contacts"]["results"][0]["id"],
        json!(first)
    );
    assert_eq!(
        vendor
            .objects("POST", "/contacts/merge", merge)
            .await
            .status,
        404
    );
    let same = json!({ "primaryObjectId": first, "objectIdToMerge": first });
    assert_eq!(
        vendor.objects("POST", "/contacts/merge", same).await.status,
        400
    );
    assert_eq!(
        vendor
            .objects("POST", "/contacts/merge", json!({}))
            .await
            .status,
        400
    );
    assert_eq!(
        vendor
            .objects("POST", "/meetings/merge", json!({}))
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn a_forgotten_contact_has_no_values_left() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    let body = json!({ "objectId": "ada@acme.example", "idProperty": "email" });
    assert_eq!(
        vendor
            .objects("POST", "/contacts/gdpr-delete", body)
            .await
            .status,
        204
    );
    let path = format!("/contacts/{ada}");
    assert_eq!(vendor.objects("GET", &path, Value::Null).await.status, 404);
    assert!(
        !vendor
            .caller
            .sandbox
            .state()
            .to_string()
            .contains("ada@acme.example")
    );
}

#[tokio::test]
async fn flags_in_any_case() {
    let vendor = Vendor::new();
    let id = vendor.make("meetings", meeting()).await;
    vendor
        .objects("DELETE", &format!("/meetings/{id}"), Value::Null)
        .await;
    let path = format!("/meetings/{id}?archived=True");
    assert_eq!(vendor.objects("GET", &path, Value::Null).await.status, 200);
}

#[tokio::test]
async fn several_properties_and_groups_are_taken_away() {
    let vendor = Vendor::new();
    let path = "/crm/properties/2026-09/contacts";
    let group = json!({ "name": "hub", "label": "Hub" });
    vendor.post(&format!("{path}/groups"), group).await;
    for name in ["hub_a", "hub_b"] {
        let body = json!({ "name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "hub" });
        assert_eq!(vendor.post(path, body).await.status, 201);
    }
    let renamed = vendor
        .call(
            "PATCH",
            &format!("{path}/groups/hub"),
            json!({ "label": "New" }),
        )
        .await;
    assert_eq!(renamed.body["label"], "New");
    let names = json!({ "inputs": [{ "name": "hub_a" }, { "name": "hub_b" }] });
    assert_eq!(
        vendor
            .post(&format!("{path}/batch/archive"), names)
            .await
            .status,
        204
    );
    assert_eq!(vendor.get(&format!("{path}/hub_b")).await.status, 404);
    let gone = vendor
        .call("DELETE", &format!("{path}/groups/hub"), Value::Null)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(vendor.get(&format!("{path}/groups/hub")).await.status, 404);
}
