//! Associations from both ends.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, text, to};

const ASSOCIATIONS: &str = "/crm/associations/2026-09";

#[tokio::test]
async fn a_default_association_can_be_repeated() {
    let vendor = Vendor::new();
    let (meeting, ada) = (
        vendor.make("meetings", meeting()).await,
        vendor.contact("ada@acme.example").await,
    );
    for path in [
        format!("/crm/objects/2026-09/meetings/{meeting}/associations/default/contacts/{ada}"),
        format!("/crm/v4/objects/meetings/{meeting}/associations/default/contacts/{ada}"),
    ] {
        let reply = vendor.call("PUT", &path, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let spec = &reply.body["results"][0]["associationSpec"];
        assert_eq!(
            *spec,
            json!({ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200 })
        );
    }
    let back = vendor
        .get(&format!(
            "/crm/v4/objects/contacts/{ada}/associations/meetings"
        ))
        .await;
    assert_eq!(back.body["results"].as_array().unwrap().len(), 1);
    assert_eq!(back.body["results"][0]["toObjectId"], json!(meeting));
    assert_eq!(
        back.body["results"][0]["associationTypes"][0]["typeId"],
        199
    );
    let absent = vendor
        .get(&format!(
            "/crm/objects/2026-09/contacts/{ada}/associations/meetings"
        ))
        .await;
    assert_eq!(absent.status, 405, "the dated versions have no such call");
    let path = format!("/crm/v4/objects/meetings/{meeting}/associations/default/contacts/1");
    assert_eq!(vendor.call("PUT", &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn batches_of_associations() {
    let vendor = Vendor::new();
    let (meeting, ada) = (
        vendor.make("meetings", meeting()).await,
        vendor.contact("ada@acme.example").await,
    );
    let pair = json!({ "from": { "id": meeting }, "to": { "id": ada } });
    let body = json!({ "inputs": [pair, { "from": { "id": meeting }, "to": { "id": "1" } }] });
    let reply = vendor
        .post(
            &format!("{ASSOCIATIONS}/meetings/contacts/batch/associate/default"),
            body,
        )
        .await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    let read = json!({ "inputs": [{ "id": ada }, { "id": "1" }] });
    let reply = vendor
        .post(
            &format!("{ASSOCIATIONS}/contacts/meetings/batch/read"),
            read,
        )
        .await;
    assert_eq!(reply.status, 207);
    assert_eq!(
        reply.body["results"][0]["to"][0]["toObjectId"],
        json!(meeting)
    );
    let gone = json!({ "inputs": [{ "from": { "id": meeting }, "to": [{ "id": ada }] }] });
    let path = "meetings/contacts/batch/archive";
    let reply = vendor
        .post(&format!("/crm/v4/associations/{path}"), gone.clone())
        .await;
    assert_eq!(reply.status, 204);
    assert_eq!(
        vendor
            .post(&format!("{ASSOCIATIONS}/{path}"), gone)
            .await
            .status,
        200
    );
    assert_eq!(
        vendor.caller.sandbox.state()["objects"]["meetings"][0]["associations"],
        json!({})
    );
}

#[tokio::test]
async fn labels_of_the_account() {
    let vendor = Vendor::new();
    let labels = format!("{ASSOCIATIONS}/deals/contacts/labels");
    let body = json!({ "label": "Champion", "name": "champion", "inverseLabel": "Champion of" });
    let made = vendor.post(&labels, body).await;
    let id = made.body["results"][0]["typeId"].clone();
    let known = vendor.get(&labels).await;
    assert_eq!(known.body["results"].as_array().unwrap().len(), 2);
    let (deal, ben) = (
        vendor.first("deals"),
        vendor.contact("ben@acme.example").await,
    );
    let types = json!([{ "associationCategory": "USER_DEFINED", "associationTypeId": id }]);
    let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts/{ben}");
    let reply = vendor.call("PUT", &path, types.clone()).await;
    assert_eq!(
        (reply.status, &reply.body["labels"]),
        (201, &json!(["Champion"])),
        "{}",
        reply.text
    );
    let body =
        json!({ "inputs": [{ "from": { "id": deal }, "to": { "id": ben }, "types": types }] });
    let reply = vendor
        .post(
            &format!("{ASSOCIATIONS}/deals/contacts/batch/labels/archive"),
            body,
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let left = vendor
        .get(&format!(
            "/crm/v4/objects/contacts/{ben}/associations/deals"
        ))
        .await;
    let types = left.body["results"][0]["associationTypes"]
        .as_array()
        .unwrap();
    assert_eq!(types.len(), 1, "the unlabelled one stays");
}

#[tokio::test]
async fn a_contact_has_a_main_company() {
    let vendor = Vendor::new();
    let path = "/contacts/ada@acme.example?idProperty=email&associations=companies,deals,tickets";
    let reply = vendor.objects("GET", path, Value::Null).await;
    let types: Vec<String> = reply.body["associations"]["companies"]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["type"]))
        .collect();
    assert_eq!(
        types,
        ["contact_to_company", "contact_to_company_unlabeled"]
    );
    assert_eq!(
        reply.body["associations"]["deals"]["results"][0]["type"],
        "contact_to_deal"
    );
}

#[tokio::test]
async fn associations_that_cannot_be() {
    let vendor = Vendor::new();
    let ada = vendor.contact("ada@acme.example").await;
    for wrong in [
        to(&ada, 9_999),
        to("1", 200),
        json!({ "to": { "id": ada }, "types": [] }),
    ] {
        let body = json!({ "properties": meeting(), "associations": [wrong] });
        let reply = vendor.objects("POST", "/meetings", body).await;
        assert_eq!(
            (reply.status, &reply.body["category"]),
            (400, &json!("VALIDATION_ERROR"))
        );
    }
    assert_eq!(vendor.count("meetings"), 0);
    let path = format!("{ASSOCIATIONS}/notes/tasks/batch/associate/default");
    assert_eq!(
        vendor.post(&path, json!({ "inputs": [{}] })).await.status,
        400
    );
}

#[tokio::test]
async fn the_third_version_has_names() {
    let vendor = Vendor::new();
    let (deal, ada) = (
        vendor.first("deals"),
        vendor.contact("ben@acme.example").await,
    );
    let path = "/crm/v3/associations/deals/contacts";
    let types = vendor.get(&format!("{path}/types")).await;
    assert_eq!(
        types.body["results"],
        json!([{ "id": "3", "name": "deal_to_contact" }])
    );
    let pair = json!({ "from": { "id": deal }, "to": { "id": ada }, "type": "deal_to_contact" });
    let dangling = json!({ "from": { "id": deal }, "to": { "id": "1" }, "type": "3" });
    let batch = json!({ "inputs": [pair, dangling] });
    let reply = vendor.post(&format!("{path}/batch/create"), batch).await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    assert_eq!(reply.body["results"], json!([pair]));
    let ids = json!({ "inputs": [{ "id": deal }] });
    let reply = vendor
        .post(&format!("{path}/batch/read"), ids.clone())
        .await;
    let found = reply.body["results"][0]["to"].as_array().unwrap().clone();
    assert!(found.contains(&json!({ "id": ada, "type": "deal_to_contact" })));
    let gone = json!({ "inputs": [pair] });
    let reply = vendor.post(&format!("{path}/batch/archive"), gone).await;
    assert_eq!(reply.status, 204);
    let reply = vendor.post(&format!("{path}/batch/read"), ids).await;
    assert!(!reply.text.contains(&format!("\"{ada}\"")));
    let wrong =
        json!({ "inputs": [{ "from": { "id": deal }, "to": { "id": ada }, "type": "friend" }] });
    let reply = vendor.post(&format!("{path}/batch/create"), wrong).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_label_is_renamed_and_taken_away_from_both_ends() {
    let vendor = Vendor::new();
    let (there, back) = (
        format!("{ASSOCIATIONS}/contacts/deals/labels"),
        format!("{ASSOCIATIONS}/deals/contacts/labels"),
    );
    let body = json!({ "name": "decides", "label": "Decides", "inverseLabel": "Decided by" });
    let made = vendor.post(&there, body).await;
    let id = made.body["results"][0]["typeId"].clone();
    let (ada, deal) = (
        vendor.contact("ada@acme.example").await,
        vendor.first("deals"),
    );
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/deals/{deal}");
    let tags = json!([{ "associationCategory": "USER_DEFINED", "associationTypeId": id }]);
    assert_eq!(vendor.call("PUT", &path, tags).await.status, 201);
    let other = json!({ "associationTypeId": id, "label": "Signs", "inverseLabel": "Signed by" });
    assert_eq!(vendor.call("PUT", &there, other).await.status, 204);
    assert!(vendor.get(&back).await.text.contains("Signed by"));
    let of = format!("/crm/v4/objects/contacts/{ada}/associations/deals");
    assert!(vendor.get(&of).await.text.contains("Signs"));
    let one = format!("{there}/{id}");
    assert_eq!(vendor.call("DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(vendor.call("DELETE", &one, Value::Null).await.status, 404);
    assert!(!vendor.get(&back).await.text.contains("Signed by"));
    let left = vendor.get(&of).await;
    assert!(left.text.contains(&deal) && !left.text.contains("Signs"));
    let vendors = json!({ "associationTypeId": 4, "label": "Mine" });
    assert_eq!(vendor.call("PUT", &there, vendors).await.status, 404);
}
