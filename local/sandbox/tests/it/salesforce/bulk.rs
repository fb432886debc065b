//! Bulk API 2.0 with tables in and out.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::{BASE, Reply, Vendor};

const JOBS: &str = "/services/data/v67.0/jobs";

async fn upload(vendor: &Vendor, id: &str, kind: &str, table: &str) -> Reply {
    let request = Request::put(format!("{BASE}{JOBS}/ingest/{id}/batches"))
        .header("authorization", format!("Bearer {}", vendor.token))
        .header("content-type", kind)
        .body(Bytes::from(table.to_owned()));
    vendor.caller.send(request.unwrap()).await
}

async fn opened(vendor: &Vendor, body: Value) -> String {
    let reply = vendor.call("POST", "/jobs/ingest", body).await;
    assert_eq!(
        (reply.status, &reply.body["state"]),
        (200, &json!("Open")),
        "{}",
        reply.text
    );
    reply.body["id"].as_str().unwrap().to_owned()
}

/// Runs a job from its making to its end; gives its id and how it stands.
async fn loaded(vendor: &Vendor, body: Value, table: &str) -> (String, Value) {
    let id = opened(vendor, body).await;
    assert_eq!(upload(vendor, &id, "text/csv", table).await.status, 201);
    let done = json!({ "state": "UploadComplete" });
    let path = format!("/jobs/ingest/{id}");
    let reply = vendor.call("PATCH", &path, done).await;
    assert_eq!(reply.body["state"], "UploadComplete");
    let info = vendor.get(&path).await.body;
    (id, info)
}

#[tokio::test]
async fn each_row_is_a_write_of_its_own() {
    let vendor = Vendor::new();
    let insert = json!({ "object": "Contact", "operation": "insert", "lineEnding": "CRLF", "columnDelimiter": "SEMICOLON" });
    let table = "LastName;Email\r\n\"One; \"\"1\"\"\";one@x.example\r\nTwo;wrong\r\n";
    let (id, info) = loaded(&vendor, insert, table).await;
    assert_eq!(info["state"], "JobComplete");
    assert_eq!(
        (
            &info["numberRecordsProcessed"],
            &info["numberRecordsFailed"]
        ),
        (&json!(2), &json!(1))
    );
    let made = vendor
        .get(&format!("/jobs/ingest/{id}/successfulResults"))
        .await;
    assert!(
        made.text
            .starts_with("\"sf__Id\";\"sf__Created\";\"LastName\""),
        "{}",
        made.text
    );
    assert!(
        made.text.contains("\"true\";\"One; \"\"1\"\"\""),
        "{}",
        made.text
    );
    let failed = vendor
        .get(&format!("/jobs/ingest/{id}/failedResults"))
        .await;
    assert!(
        failed.text.contains("INVALID_EMAIL_ADDRESS:"),
        "{}",
        failed.text
    );
    let rest = vendor
        .get(&format!("/jobs/ingest/{id}/unprocessedrecords"))
        .await;
    assert_eq!(rest.text.lines().count(), 1);
    let contact = vendor.contact("one@x.example").await;

    let key = json!({ "object": "Contact", "operation": "upsert", "externalIdFieldName": "Email" });
    let table = "Email,Title,Account.Id\none@x.example,#N/A,\nnew@x.example,New,\n,Lost,\n";
    let (id, info) = loaded(&vendor, key, table).await;
    assert_eq!(info["numberRecordsFailed"], 2, "a new contact needs a name");
    let failed = vendor
        .get(&format!("/jobs/ingest/{id}/failedResults"))
        .await;
    assert!(
        failed.text.contains("REQUIRED_FIELD_MISSING") && failed.text.contains("MISSING_ARGUMENT")
    );

    for (operation, table) in [
        ("update", format!("Id,Title\n{contact},Boss\n")),
        ("delete", format!("Id\n{contact}\n")),
    ] {
        let body = json!({ "object": "Contact", "operation": operation });
        let (_, info) = loaded(&vendor, body, &table).await;
        assert_eq!(info["numberRecordsFailed"], 0, "{operation}");
    }
    assert_eq!(
        vendor.query("SELECT Id FROM Contact").await.body["totalSize"],
        6
    );
}

#[tokio::test]
async fn values_have_the_types_of_their_fields() {
    let vendor = Vendor::new();
    let deal = json!({ "object": "Opportunity", "operation": "insert" });
    let table = "Name,StageName,CloseDate,Amount\nBulk,Prospecting,2026-12-01,12.5\nBad,Prospecting,2026-12-01,much\n";
    let (_, info) = loaded(&vendor, deal, table).await;
    assert_eq!(info["numberRecordsFailed"], 1);
    let found = vendor
        .one("SELECT Amount FROM Opportunity WHERE Name = 'Bulk'")
        .await;
    assert_eq!(found["Amount"], 12.5);
}

#[tokio::test]
async fn jobs_that_cannot_be() {
    let vendor = Vendor::new();
    for body in [
        json!({ "object": "Nope", "operation": "insert" }),
        json!({ "object": "Contact", "operation": "magic" }),
        json!({ "object": "Contact", "operation": "insert", "columnDelimiter": "DOT" }),
        json!({ "object": "Contact", "operation": "upsert", "externalIdFieldName": "Title" }),
    ] {
        let reply = vendor.call("POST", "/jobs/ingest", body.clone()).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!("INVALIDJOB")),
            "{body}"
        );
    }
    let body = json!({ "object": "Contact", "operation": "insert" });
    let id = opened(&vendor, body.clone()).await;
    assert_eq!(
        upload(&vendor, &id, "application/json", "{}").await.status,
        415
    );
    let path = format!("/jobs/ingest/{id}");
    assert_eq!(
        vendor.call("DELETE", &path, Value::Null).await.status,
        400,
        "it is open"
    );
    let aborted = vendor
        .call("PATCH", &path, json!({ "state": "Aborted" }))
        .await;
    assert_eq!(aborted.body["state"], "Aborted");
    assert_eq!(
        upload(&vendor, &id, "text/csv", "LastName\nx\n")
            .await
            .status,
        400
    );
    let again = vendor
        .call("PATCH", &path, json!({ "state": "UploadComplete" }))
        .await;
    assert_eq!(again.body[0]["errorCode"], "INVALIDJOBSTATE");
    assert_eq!(
        vendor.get("/jobs/ingest").await.body["records"][0]["id"],
        json!(id)
    );
    assert_eq!(vendor.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(vendor.get(&path).await.status, 404);
    let (id, info) = loaded(&vendor, body, "LastName,Nope\nx,y\n").await;
    assert_eq!(info["state"], "Failed");
    assert_eq!(
        info["errorMessage"],
        "InvalidBatch : Field name not found : Nope"
    );
    let rest = vendor
        .get(&format!("/jobs/ingest/{id}/unprocessedRecords"))
        .await;
    assert_eq!(rest.text, "\"LastName\",\"Nope\"\n\"x\",\"y\"\n");
    assert_eq!(
        vendor.get(&format!("/jobs/query/{id}")).await.status,
        404,
        "no query job"
    );
}

#[tokio::test]
async fn a_query_job_gives_a_table_in_pages() {
    let vendor = Vendor::new();
    let soql = "SELECT LastName, Account.Name, IsDeleted FROM Contact WHERE Email LIKE '%acme%' ORDER BY LastName";
    let made = vendor
        .call(
            "POST",
            "/jobs/query",
            json!({ "operation": "query", "query": soql }),
        )
        .await;
    assert_eq!(
        (made.status, &made.body["state"]),
        (200, &json!("UploadComplete")),
        "{}",
        made.text
    );
    let id = made.body["id"].as_str().unwrap();
    let info = vendor.get(&format!("/jobs/query/{id}")).await.body;
    assert_eq!(
        (&info["state"], &info["object"]),
        (&json!("JobComplete"), &json!("Contact"))
    );
    let first = vendor
        .get(&format!("/jobs/query/{id}/results?maxRecords=1"))
        .await;
    let head = "\"LastName\",\"Account.Name\",\"IsDeleted\"\n";
    assert_eq!(
        first.text,
        format!("{head}\"Moreno\",\"Acme Corp\",\"false\"\n")
    );
    assert_eq!(first.headers["sforce-numberofrecords"], "1");
    let locator = first.headers["sforce-locator"].to_str().unwrap();
    let path = format!("/jobs/query/{id}/results?maxRecords=1&locator={locator}");
    let last = vendor.get(&path).await;
    assert_eq!(last.headers["sforce-locator"], "null");
    for (query, code) in [
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT COUNT(Id) FROM Contact", "FUNCTIONALITY_NOT_ENABLED"),
    ] {
        let body = json!({ "operation": "query", "query": query });
        let reply = vendor.call("POST", "/jobs/query", body).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!(code))
        );
    }
}
