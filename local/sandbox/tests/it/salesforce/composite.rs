//! `/composite`, `/composite/batch` and `/composite/tree`.

use serde_json::{Value, json};

use super::vendor::{Vendor, meeting, with};

pub fn part(method: &str, url: &str, reference: &str, body: Value) -> Value {
    json!({ "method": method, "url": format!("/services/data/v67.0{url}"), "referenceId": reference, "body": body })
}

async fn count(vendor: &Vendor, object: &str) -> u64 {
    vendor
        .query(&format!("SELECT COUNT() FROM {object}"))
        .await
        .body["totalSize"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn later_parts_use_what_earlier_ones_answered() {
    let vendor = Vendor::new();
    let before = vendor.caller.sandbox.calls();
    let parts = json!([
        part(
            "GET",
            "/query?q=SELECT+Id+FROM+Contact+WHERE+Email='ada@acme.example'",
            "who",
            Value::Null
        ),
        part(
            "PATCH",
            "/sobjects/Event/Liveprompt_Key__c/s1",
            "event",
            with(meeting(), json!({ "WhoId": "@{who.records[0].Id}" }))
        ),
        part("GET", "/sobjects/Event/@{event.id}", "read", Value::Null),
        part(
            "POST",
            "/sobjects/Task",
            "task",
            json!({ "Subject": "About @{read.Subject}", "WhoId": "@{read.WhoId}" })
        ),
    ]);
    let reply = vendor
        .call(
            "POST",
            "/composite",
            json!({ "allOrNone": true, "compositeRequest": parts }),
        )
        .await;
    let parts = reply.body["compositeResponse"].as_array().unwrap();
    let statuses: Vec<u64> = parts
        .iter()
        .map(|part| part["httpStatusCode"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 201, 200, 201], "{}", reply.body);
    assert_eq!(parts[3]["referenceId"], "task");
    assert_eq!(
        vendor.one("SELECT Subject FROM Task").await["Subject"],
        "About Discovery"
    );
    assert_eq!(
        vendor.caller.sandbox.calls(),
        before + 2,
        "one composite call is one request"
    );
}

#[tokio::test]
async fn a_failure_halts_those_that_need_it_and_no_others() {
    let vendor = Vendor::new();
    let parts = json!([
        part("POST", "/sobjects/Contact", "bad", json!({})),
        part(
            "POST",
            "/sobjects/Task",
            "needs",
            json!({ "WhoId": "@{bad.id}" })
        ),
        part("POST", "/sobjects/Task", "free", json!({ "Subject": "x" })),
    ]);
    let reply = vendor
        .call("POST", "/composite", json!({ "compositeRequest": parts }))
        .await;
    let parts = &reply.body["compositeResponse"];
    assert_eq!(parts[0]["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(
        (
            &parts[1]["httpStatusCode"],
            &parts[1]["body"][0]["errorCode"]
        ),
        (&json!(400), &json!("PROCESSING_HALTED"))
    );
    assert_eq!(parts[2]["httpStatusCode"], 201);
    assert_eq!(count(&vendor, "Task").await, 1);
}

#[tokio::test]
async fn all_or_none_undoes_the_rest() {
    let vendor = Vendor::new();
    let parts = json!([
        part("POST", "/sobjects/Task", "a", json!({ "Subject": "x" })),
        part("POST", "/sobjects/Contact", "bad", json!({})),
        part("POST", "/sobjects/Task", "c", json!({ "Subject": "y" })),
    ]);
    let reply = vendor
        .call(
            "POST",
            "/composite",
            json!({ "allOrNone": true, "compositeRequest": parts }),
        )
        .await;
    assert_eq!(reply.status, 200);
    let codes: Vec<&Value> = (0..3)
        .map(|n| &reply.body["compositeResponse"][n]["body"][0]["errorCode"])
        .collect();
    assert_eq!(
        codes,
        [
            "PROCESSING_HALTED",
            "REQUIRED_FIELD_MISSING",
            "PROCESSING_HALTED"
        ]
    );
    assert_eq!(count(&vendor, "Task").await, 0);
}

#[tokio::test]
async fn its_limits() {
    let vendor = Vendor::new();
    let many = |n: usize, url: &str| -> Vec<Value> {
        (0..n)
            .map(|n| part("GET", url, &format!("r{n}"), Value::Null))
            .collect()
    };
    let send = async |parts: Vec<Value>| {
        vendor
            .call("POST", "/composite", json!({ "compositeRequest": parts }))
            .await
    };
    assert_eq!(send(many(25, "/limits")).await.status, 200);
    assert_eq!(
        send(many(26, "/limits")).await.body[0]["errorCode"],
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        send(many(6, "/query?q=SELECT+Id+FROM+Contact")).await.body[0]["errorCode"],
        "LIMIT_EXCEEDED"
    );
    let twice = vec![
        part("GET", "/limits", "r", Value::Null),
        part("GET", "/limits", "r", Value::Null),
    ];
    assert_eq!(send(twice).await.status, 400);
    let nested = send(vec![part(
        "POST",
        "/composite",
        "r",
        json!({ "compositeRequest": [] }),
    )])
    .await;
    assert_eq!(nested.body["compositeResponse"][0]["httpStatusCode"], 400);
}

#[tokio::test]
async fn a_batch_is_independent() {
    let vendor = Vendor::new();
    let requests = json!([
        { "method": "GET", "url": "v67.0/limits" },
        { "method": "POST", "url": "v67.0/sobjects/Contact", "richInput": {} },
        { "method": "POST", "url": "v67.0/sobjects/Task", "richInput": { "Subject": "x" } },
    ]);
    let reply = vendor
        .call(
            "POST",
            "/composite/batch",
            json!({ "batchRequests": requests }),
        )
        .await;
    assert_eq!(reply.body["hasErrors"], true);
    let statuses: Vec<u64> = reply.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["statusCode"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 400, 201]);
    let reply = vendor
        .call(
            "POST",
            "/composite/batch",
            json!({ "haltOnError": true, "batchRequests": requests }),
        )
        .await;
    assert_eq!(reply.body["results"][2]["statusCode"], 412);
}

#[tokio::test]
async fn a_tree_is_all_or_none() {
    let vendor = Vendor::new();
    let tree = |last: &str| {
        json!({ "records": [{ "attributes": { "type": "Account", "referenceId": "a" }, "Name": "Tree",
        "Contacts": { "records": [{ "attributes": { "type": "Contact", "referenceId": "c" }, "LastName": last }] } }] })
    };
    let reply = vendor
        .call("POST", "/composite/tree/Account", tree("Leaf"))
        .await;
    assert_eq!(
        (reply.status, &reply.body["hasErrors"]),
        (201, &json!(false))
    );
    let row = vendor
        .one("SELECT Account.Name FROM Contact WHERE LastName = 'Leaf'")
        .await;
    assert_eq!(row["Account"]["Name"], "Tree");
    let accounts = count(&vendor, "Account").await;
    let reply = vendor
        .call("POST", "/composite/tree/Account", tree(""))
        .await;
    assert_eq!(
        (reply.status, &reply.body["results"][0]["referenceId"]),
        (400, &json!("c"))
    );
    assert_eq!(count(&vendor, "Account").await, accounts);
}
