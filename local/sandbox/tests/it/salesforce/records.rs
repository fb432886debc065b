//! Single records: creating, reading, changing, upserting, deleting, and every way to be refused.

use serde_json::{Value, json};

use super::vendor::Vendor;

#[tokio::test]
async fn a_contact_lives_and_dies() {
    let vendor = Vendor::new();
    let id = vendor
        .make(
            "Contact",
            json!({ "FirstName": " Eve ", "lastname": "Stone", "Email": "eve@x.example" }),
        )
        .await;
    assert_eq!((id.len(), &id[..3]), (18, "003"));
    let path = format!("/sobjects/Contact/{id}");
    let seen = vendor.get(&path).await;
    assert_eq!(seen.body["Name"], "Eve Stone");
    assert_eq!(
        seen.body["attributes"],
        json!({ "type": "Contact", "url": format!("/services/data/v67.0{path}") })
    );
    assert_eq!(seen.body["CreatedDate"], "2026-11-20T09:00:00.000+0000");
    assert_eq!(seen.body["Department"], Value::Null);
    let short = vendor
        .get(&format!(
            "/sobjects/Contact/{}?fields=Email,Title",
            &id[..15]
        ))
        .await;
    assert_eq!(short.body["Email"], "eve@x.example");
    assert!(short.body.get("LastName").is_none());

    vendor.caller.wait(60);
    let reply = vendor
        .call("PATCH", &path, json!({ "Title": "CTO", "Email": null }))
        .await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    let seen = vendor.get(&path).await;
    assert_eq!(
        (&seen.body["Title"], &seen.body["Email"]),
        (&json!("CTO"), &Value::Null)
    );
    assert_eq!(seen.body["SystemModstamp"], "2026-11-20T09:01:00.000+0000");

    assert_eq!(vendor.call("DELETE", &path, Value::Null).await.status, 204);
    for method in ["GET", "PATCH", "DELETE"] {
        let reply = vendor.call(method, &path, json!({ "Title": "x" })).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (404, &json!("ENTITY_IS_DELETED")),
            "{method}"
        );
    }
    assert_eq!(
        vendor
            .query("SELECT Id FROM Contact WHERE Title = 'CTO'")
            .await
            .body["totalSize"],
        0
    );
    let all = vendor
        .get("/queryAll?q=SELECT+Id,IsDeleted+FROM+Contact+WHERE+Title='CTO'")
        .await;
    assert_eq!(all.body["records"][0]["IsDeleted"], true);
}

#[tokio::test]
async fn refusals_of_a_write() {
    let vendor = Vendor::new();
    let account = vendor
        .one("SELECT Id FROM Account WHERE Name = 'Globex'")
        .await["Id"]
        .clone();
    let long = "é".repeat(81);
    let cases = [
        (
            "Contact",
            json!({ "FirstName": "x" }),
            "REQUIRED_FIELD_MISSING",
            json!(["LastName"]),
        ),
        (
            "Contact",
            json!({ "LastName": null }),
            "REQUIRED_FIELD_MISSING",
            json!(["LastName"]),
        ),
        (
            "Contact",
            json!({ "LastName": "" }),
            "REQUIRED_FIELD_MISSING",
            json!(["LastName"]),
        ),
        (
            "Contact",
            json!({ "LastName": long }),
            "STRING_TOO_LONG",
            json!(["LastName"]),
        ),
        (
            "Contact",
            json!({ "LastName": "x", "Nope__c": 1 }),
            "INVALID_FIELD",
            Value::Null,
        ),
        (
            "Contact",
            json!({ "LastName": "x", "Name": "y" }),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            json!(["Name"]),
        ),
        (
            "Contact",
            json!({ "LastName": "x", "Id": "0035e0000000001" }),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            json!(["Id"]),
        ),
        (
            "Contact",
            json!({ "LastName": "x", "Email": "no" }),
            "INVALID_EMAIL_ADDRESS",
            json!(["Email"]),
        ),
        (
            "Contact",
            json!({ "LastName": 5 }),
            "JSON_PARSER_ERROR",
            Value::Null,
        ),
        (
            "Contact",
            json!({ "LastName": "x", "Birthdate": "2026-13-01" }),
            "JSON_PARSER_ERROR",
            Value::Null,
        ),
        (
            "Contact",
            json!({ "LastName": "x", "AccountId": "nonsense" }),
            "MALFORMED_ID",
            json!(["AccountId"]),
        ),
        (
            "Contact",
            json!({ "LastName": "x", "ReportsToId": account }),
            "FIELD_INTEGRITY_EXCEPTION",
            json!(["ReportsToId"]),
        ),
        (
            "Contact",
            json!({ "LastName": "x", "AccountId": "001000000000000" }),
            "INVALID_CROSS_REFERENCE_KEY",
            json!([]),
        ),
        (
            "Account",
            json!({ "Name": "x", "NumberOfEmployees": 1.5 }),
            "JSON_PARSER_ERROR",
            Value::Null,
        ),
        (
            "Account",
            json!({ "Name": "x", "NumberOfEmployees": 100_000_000 }),
            "NUMBER_OUTSIDE_VALID_RANGE",
            json!(["NumberOfEmployees"]),
        ),
        (
            "Task",
            json!({ "Status": "Later" }),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            json!(["Status"]),
        ),
        (
            "Opportunity",
            json!({ "Name": "x", "CloseDate": "2027-01-01" }),
            "REQUIRED_FIELD_MISSING",
            json!(["StageName"]),
        ),
        (
            "Opportunity",
            json!({ "Name": "x", "CloseDate": "2027-01-01", "StageName": "Dreaming" }),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            json!(["StageName"]),
        ),
    ];
    for (object, body, code, fields) in cases {
        let reply = vendor
            .call("POST", &format!("/sobjects/{object}"), body.clone())
            .await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (400, &json!(code)),
            "{body}: {}",
            reply.body
        );
        assert_eq!(
            reply.body[0].get("fields").cloned().unwrap_or_default(),
            fields,
            "{body}"
        );
        assert!(reply.body[0]["message"].is_string());
    }
    let picklists_may_be_free = json!({ "Name": "x", "Industry": "Space" });
    vendor.make("Account", picklists_may_be_free).await;
    vendor
        .make("Contact", json!({ "LastName": "é".repeat(80) }))
        .await;
}

#[tokio::test]
async fn stages_decide_what_an_opportunity_is() {
    let vendor = Vendor::new();
    let body = json!({ "Name": "x", "StageName": "Prospecting", "CloseDate": "2027-01-01", "Amount": 1000.0 });
    let id = vendor.make("Opportunity", body).await;
    let seen = async || {
        vendor
            .get(&format!("/sobjects/Opportunity/{id}"))
            .await
            .body
    };
    let open = seen().await;
    assert_eq!(
        (
            &open["Probability"],
            &open["IsClosed"],
            &open["ExpectedRevenue"]
        ),
        (&json!(10.0), &json!(false), &json!(100.0))
    );
    vendor
        .call(
            "PATCH",
            &format!("/sobjects/Opportunity/{id}"),
            json!({ "StageName": "Closed Won" }),
        )
        .await;
    let won = seen().await;
    assert_eq!(
        (&won["Probability"], &won["IsWon"], &won["ForecastCategory"]),
        (&json!(100.0), &json!(true), &json!("Closed"))
    );
}

#[tokio::test]
async fn an_optimistic_lock() {
    let vendor = Vendor::new();
    let path = format!(
        "/sobjects/Contact/{}",
        vendor.contact("ada@acme.example").await
    );
    vendor.call("PATCH", &path, json!({ "Title": "a" })).await;
    let change = async |since: &str| {
        let mut request = vendor.request("PATCH", &path, &json!({ "Title": "b" }));
        request
            .headers_mut()
            .insert("if-unmodified-since", since.parse().unwrap());
        vendor.caller.send(request).await.status
    };
    assert_eq!(change("Fri, 20 Nov 2026 08:59:59 GMT").await, 412);
    assert_eq!(change("Fri, 20 Nov 2026 09:00:00 GMT").await, 204);
}

#[tokio::test]
async fn what_changed_and_what_was_deleted() {
    let vendor = Vendor::new();
    vendor.caller.wait(3600);
    let changed = vendor.contact("ada@acme.example").await;
    vendor
        .call(
            "PATCH",
            &format!("/sobjects/Contact/{changed}"),
            json!({ "Title": "x" }),
        )
        .await;
    let gone = vendor.contact("ben@acme.example").await;
    vendor
        .call("DELETE", &format!("/sobjects/Contact/{gone}"), Value::Null)
        .await;
    vendor.caller.wait(60);
    let window = "start=2026-11-20T09:30:00Z&end=2026-11-20T11:00:00Z";
    let updated = vendor
        .get(&format!("/sobjects/Contact/updated/?{window}"))
        .await;
    assert_eq!(
        updated.body,
        json!({ "ids": [changed], "latestDateCovered": "2026-11-20T10:01:00.000+0000" })
    );
    let deleted = vendor
        .get(&format!("/sobjects/Contact/deleted/?{window}"))
        .await;
    assert_eq!(deleted.body["deletedRecords"][0]["id"], gone);
}

#[tokio::test]
async fn transport_errors() {
    let vendor = Vendor::new();
    let cases = [
        ("GET", "/sobjects/Nope", 404, "NOT_FOUND"),
        ("GET", "/nope", 404, "NOT_FOUND"),
        ("PUT", "/sobjects/Contact", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/limits", 405, "METHOD_NOT_ALLOWED"),
        (
            "GET",
            "/sobjects/Contact/003000000000000AAA",
            404,
            "NOT_FOUND",
        ),
        ("GET", "/sobjects/Contact/nonsense", 400, "MALFORMED_ID"),
        (
            "GET",
            "/services/data/v30.0/limits",
            410,
            "UNSUPPORTED_API_VERSION",
        ),
        ("GET", "/services/data/v69.0/limits", 404, "NOT_FOUND"),
    ];
    for (method, path, status, code) in cases {
        let reply = vendor.call(method, path, Value::Null).await;
        assert_eq!(
            (reply.status, &reply.body[0]["errorCode"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
    let mut request = vendor.request("POST", "/sobjects/Contact", &json!({}));
    *request.body_mut() = "{\"LastName\":".into();
    let reply = vendor.caller.send(request).await;
    assert_eq!(
        (reply.status, &reply.body[0]["errorCode"]),
        (400, &json!("JSON_PARSER_ERROR"))
    );
    let mut request = vendor.request("POST", "/sobjects/Contact", &json!({ "LastName": "x" }));
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(vendor.caller.send(request).await.status, 415);
    let reply = vendor
        .get(&format!("/query?q={}", "x".repeat(16_400)))
        .await;
    assert_eq!(reply.status, 414);
    let versions = vendor
        .caller
        .send(
            http::Request::get("/services/data")
                .body(bytes::Bytes::new())
                .unwrap(),
        )
        .await;
    assert_eq!(
        versions.body.as_array().unwrap().last().unwrap(),
        &json!({ "label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0" })
    );
}

#[tokio::test]
async fn methods_by_other_names() {
    let vendor = Vendor::new();
    let path = format!(
        "/sobjects/Contact/{}",
        vendor.contact("ada@acme.example").await
    );
    let tunnel = format!("{path}?_HttpMethod=PATCH");
    assert_eq!(
        vendor
            .call("POST", &tunnel, json!({ "Title": "x" }))
            .await
            .status,
        204
    );
    let head = vendor.call("HEAD", &path, Value::Null).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(vendor.get(&path).await.body["Title"], "x");
}
