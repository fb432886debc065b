//! Up to 200 records in one call.

use serde_json::{Value, json};

use super::vendor::Vendor;

fn task(subject: &str, key: &str) -> Value {
    json!({ "attributes": { "type": "Task" }, "Subject": subject, "Liveprompt_Key__c": key })
}

async fn tasks(vendor: &Vendor) -> u64 {
    vendor.query("SELECT COUNT() FROM Task").await.body["totalSize"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn each_record_has_its_own_result() {
    let vendor = Vendor::new();
    let bad = json!({ "attributes": { "type": "Task" }, "Status": "Never" });
    let records =
        json!([task("a", "1"), bad, { "attributes": { "type": "Contact" }, "LastName": "x" }]);
    let reply = vendor
        .call("POST", "/composite/sobjects", json!({ "records": records }))
        .await;
    assert_eq!(reply.status, 200);
    let results = reply.body.as_array().unwrap();
    assert_eq!(
        (&results[0]["success"], &results[0]["errors"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        results[1]["errors"][0]["statusCode"],
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    );
    assert_eq!(results[1]["errors"][0]["fields"], json!(["Status"]));
    assert!(results[2]["id"].as_str().unwrap().starts_with("003"));
    assert_eq!(tasks(&vendor).await, 1);
}

#[tokio::test]
async fn all_or_none_leaves_nothing() {
    let vendor = Vendor::new();
    let bad = json!({ "attributes": { "type": "Task" }, "Status": "Never" });
    let body = json!({ "allOrNone": true, "records": [task("a", "1"), bad] });
    let reply = vendor.call("POST", "/composite/sobjects", body).await;
    assert_eq!(
        reply.body[0]["errors"][0]["statusCode"],
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    );
    assert_eq!(
        reply.body[1]["errors"][0]["statusCode"],
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    );
    assert_eq!(tasks(&vendor).await, 0);
    // The key that was rolled back is free again.
    assert_eq!(
        vendor
            .call("PATCH", "/sobjects/Task/Liveprompt_Key__c/1", json!({}))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn upserts_by_key_and_twins_in_one_call() {
    let vendor = Vendor::new();
    let path = "/composite/sobjects/Task/Liveprompt_Key__c";
    let body =
        json!({ "allOrNone": false, "records": [task("a", "1"), task("b", "2"), task("c", "2")] });
    let reply = vendor.call("PATCH", path, body).await;
    assert_eq!(reply.body[0]["created"], true, "{}", reply.body);
    for place in [1, 2] {
        assert_eq!(
            reply.body[place]["errors"][0]["statusCode"],
            "DUPLICATE_VALUE"
        );
    }
    let reply = vendor
        .call(
            "PATCH",
            path,
            json!({ "records": [task("A", "1"), task("b", "2")] }),
        )
        .await;
    assert_eq!(
        (&reply.body[0]["created"], &reply.body[1]["created"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(tasks(&vendor).await, 2);
    let reply = vendor
        .call(
            "PATCH",
            "/composite/sobjects/Contact/Email",
            json!({ "records": [
        { "attributes": { "type": "Contact" }, "Email": "dup@initech.example", "Title": "x" }] }),
        )
        .await;
    assert_eq!(
        reply.body[0]["errors"][0]["statusCode"],
        "DUPLICATE_EXTERNAL_ID"
    );
}

#[tokio::test]
async fn updating_deleting_and_reading_several() {
    let vendor = Vendor::new();
    let (ada, ben) = (
        vendor.contact("ada@acme.example").await,
        vendor.contact("ben@acme.example").await,
    );
    let record =
        |id: &str| json!({ "attributes": { "type": "Contact" }, "id": id, "Title": "Boss" });
    let body = json!({ "records": [record(&ada), record("003000000000000"), record("x")] });
    let reply = vendor.call("PATCH", "/composite/sobjects", body).await;
    assert_eq!(reply.body[0]["success"], true);
    assert_eq!(
        reply.body[1]["errors"][0]["statusCode"],
        "INVALID_CROSS_REFERENCE_KEY"
    );
    assert_eq!(reply.body[2]["errors"][0]["statusCode"], "MALFORMED_ID");
    let read = vendor
        .get(&format!(
            "/composite/sobjects/Contact?ids={ada},{ben},003000000000000&fields=Title"
        ))
        .await;
    assert_eq!(
        (
            &read.body[0]["Title"],
            &read.body[1]["Title"],
            &read.body[2]
        ),
        (&json!("Boss"), &json!("IT Manager"), &Value::Null)
    );
    let read = vendor
        .call(
            "POST",
            "/composite/sobjects/Contact",
            json!({ "ids": [ben], "fields": ["Email"] }),
        )
        .await;
    assert_eq!(read.body[0]["Email"], "ben@acme.example");
    let gone = vendor
        .call(
            "DELETE",
            &format!("/composite/sobjects?ids={ada},{ben}"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (&gone.body[0]["success"], &gone.body[1]["success"]),
        (&json!(true), &json!(true))
    );
    let again = vendor
        .call(
            "DELETE",
            &format!("/composite/sobjects?ids={ada}"),
            Value::Null,
        )
        .await;
    assert_eq!(
        again.body[0]["errors"][0]["statusCode"],
        "ENTITY_IS_DELETED"
    );
}

#[tokio::test]
async fn two_hundred_at_most() {
    let vendor = Vendor::new();
    let records: Vec<Value> = (0..201).map(|n| task("x", &n.to_string())).collect();
    let reply = vendor
        .call("POST", "/composite/sobjects", json!({ "records": records }))
        .await;
    assert_eq!(
        (reply.status, &reply.body[0]["errorCode"]),
        (400, &json!("EXCEEDED_ID_LIMIT"))
    );
    assert_eq!(tasks(&vendor).await, 0);
}
