//! Writing by external id, and orgs that have no such field.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};

#[tokio::test]
async fn an_upsert_creates_once_and_then_updates() {
    let vendor = Vendor::new();
    let path = "/sobjects/Event/Liveprompt_Key__c/ses_1";
    let first = vendor.call("PATCH", path, meeting()).await;
    assert_eq!((first.status, &first.body["created"]), (201, &json!(true)));
    let second = vendor
        .call("PATCH", path, json!({ "Subject": "Changed" }))
        .await;
    assert_eq!(
        (second.status, &second.body["created"]),
        (200, &json!(false))
    );
    assert_eq!(first.body["id"], second.body["id"]);
    let old = vendor
        .call(
            "PATCH",
            "/services/data/v45.0/sobjects/Event/Liveprompt_Key__c/ses_1",
            json!({}),
        )
        .await;
    assert_eq!((old.status, old.text.as_str()), (204, ""));
    let seen = vendor.get(path).await;
    assert_eq!(
        (&seen.body["Subject"], &seen.body["Liveprompt_Key__c"]),
        (&json!("Changed"), &json!("ses_1"))
    );
    // The key is case sensitive.
    let other = vendor
        .call(
            "PATCH",
            "/sobjects/Event/Liveprompt_Key__c/SES_1",
            meeting(),
        )
        .await;
    assert_eq!(other.status, 201);
    // A slash comes as it is.
    let slash = vendor
        .call("PATCH", "/sobjects/Event/Liveprompt_Key__c/s/1", meeting())
        .await;
    assert_eq!(slash.status, 201);
    assert_eq!(
        vendor
            .get("/sobjects/Event/Liveprompt_Key__c/s%2F1")
            .await
            .body["Id"],
        slash.body["id"]
    );
    for body in [
        json!({ "Liveprompt_Key__c": "ses_1" }),
        json!({ "Id": first.body["id"] }),
    ] {
        let reply = vendor.call("PATCH", path, body).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!("INVALID_FIELD"))
        );
    }
    let only = vendor
        .call(
            "PATCH",
            "/sobjects/Event/Liveprompt_Key__c/new?updateOnly=true",
            meeting(),
        )
        .await;
    assert_eq!(only.status, 404);
    let unknown = vendor
        .call("PATCH", "/sobjects/Event/Subject/x", meeting())
        .await;
    assert_eq!(
        (unknown.status, &unknown.body[0]["errorCode"]),
        (404, &json!("NOT_FOUND"))
    );
    assert_eq!(vendor.call("DELETE", path, Value::Null).await.status, 204);
    assert_eq!(vendor.get(path).await.status, 404);
    assert_eq!(
        vendor.call("PATCH", path, meeting()).await.status,
        201,
        "the bin does not hold the key"
    );
}

#[tokio::test]
async fn the_key_is_unique() {
    let vendor = Vendor::new();
    let key = json!({ "Liveprompt_Key__c": "k" });
    vendor.make("Event", with(meeting(), key.clone())).await;
    assert_eq!(
        vendor.refused("Event", with(meeting(), key.clone())).await,
        "DUPLICATE_VALUE"
    );
    vendor.make("Task", key).await;
}

#[tokio::test]
async fn an_upsert_by_a_shared_address_answers_300_and_writes_nothing() {
    let vendor = Vendor::new();
    let reply = vendor
        .call(
            "PATCH",
            "/sobjects/Contact/Email/dup@initech.example",
            json!({ "Title": "x" }),
        )
        .await;
    assert_eq!(reply.status, 300);
    let urls = reply.body.as_array().unwrap();
    assert_eq!(urls.len(), 2);
    assert!(
        urls[0]
            .as_str()
            .unwrap()
            .starts_with("/services/data/v67.0/sobjects/Contact/003")
    );
    assert_eq!(
        vendor
            .query("SELECT Id FROM Contact WHERE Title = 'x'")
            .await
            .body["totalSize"],
        0
    );
    let one = vendor
        .call(
            "PATCH",
            "/sobjects/Contact/Email/ada@acme.example",
            json!({ "Title": "x" }),
        )
        .await;
    assert_eq!((one.status, &one.body["created"]), (200, &json!(false)));
    let new = vendor
        .call(
            "PATCH",
            "/sobjects/Contact/Email/new@acme.example",
            json!({ "LastName": "New" }),
        )
        .await;
    assert_eq!(new.status, 201);
}

#[tokio::test]
async fn an_org_without_the_key_field() {
    let vendor = Vendor::new();
    vendor
        .caller
        .sandbox
        .set(&json!({ "liveprompt_field": false }))
        .unwrap();
    let body = with(meeting(), json!({ "Liveprompt_Key__c": "k" }));
    assert_eq!(vendor.refused("Event", body.clone()).await, "INVALID_FIELD");
    let described = vendor.get("/sobjects/Event/describe").await;
    assert!(!described.text.contains("Liveprompt_Key__c"));

    // The customer lets us make it; nobody may use it until it is granted.
    let field = json!({ "FullName": "Activity.Liveprompt_Key__c", "Metadata": { "type": "Text", "label": "Key",
        "length": 64, "externalId": true, "unique": true, "caseSensitive": true } });
    let made = vendor
        .call("POST", "/tooling/sobjects/CustomField", field.clone())
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = vendor
        .call("POST", "/tooling/sobjects/CustomField", field)
        .await;
    assert_eq!(again.body[0]["errorCode"], "DUPLICATE_DEVELOPER_NAME");
    assert_eq!(vendor.refused("Event", body.clone()).await, "INVALID_FIELD");
    let set = vendor
        .one("SELECT Id FROM PermissionSet WHERE Name = 'Liveprompt'")
        .await["Id"]
        .clone();
    let grant = json!({ "ParentId": set, "SobjectType": "Event", "Field": "Event.Liveprompt_Key__c",
        "PermissionsRead": true, "PermissionsEdit": true });
    vendor.make("FieldPermissions", grant).await;
    vendor.make("Event", body.clone()).await;
    assert_eq!(vendor.refused("Event", body).await, "DUPLICATE_VALUE");
    assert_eq!(
        vendor
            .refused("Task", json!({ "Liveprompt_Key__c": "k" }))
            .await,
        "INVALID_FIELD"
    );
}

#[tokio::test]
async fn a_relation_by_external_id() {
    let vendor = Vendor::new();
    vendor
        .call(
            "PATCH",
            &format!(
                "/sobjects/Contact/{}",
                vendor.contact("ada@acme.example").await
            ),
            json!({ "Liveprompt_Key__c": "ada" }),
        )
        .await;
    let who = json!({ "Who": { "attributes": { "type": "Contact" }, "Liveprompt_Key__c": "ada" } });
    let id = vendor.make("Event", with(meeting(), who)).await;
    let name = vendor
        .one(&format!("SELECT Who.Name FROM Event WHERE Id = '{id}'"))
        .await;
    assert_eq!(name["Who"]["Name"], "Ada Moreno");
}

#[tokio::test]
async fn a_key_that_is_not_unique() {
    let vendor = Vendor::new();
    vendor
        .caller
        .sandbox
        .set(&json!({ "unique_key": false }))
        .unwrap();
    let body = with(meeting(), json!({ "Liveprompt_Key__c": "k" }));
    vendor.make("Event", body.clone()).await;
    vendor.make("Event", body).await;
    let reply = vendor
        .call("PATCH", "/sobjects/Event/Liveprompt_Key__c/k", meeting())
        .await;
    assert_eq!(
        (reply.status, reply.body.as_array().unwrap().len()),
        (300, 2)
    );
    let field = json!({ "FullName": "Activity.Other__c", "Metadata": { "type": "Text", "label": "x",
        "length": 64, "externalId": true, "unique": true } });
    let reply = vendor
        .call("POST", "/tooling/sobjects/CustomField", field)
        .await;
    assert_eq!(reply.body[0]["errorCode"], "FIELD_INTEGRITY_EXCEPTION");
}
