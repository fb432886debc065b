//! Lists, the search and COQL.

use serde_json::json;

use super::vendor::{Vendor, meeting};

#[tokio::test]
async fn a_list_comes_in_pages() {
    let vendor = Vendor::new();
    let first = vendor
        .get("Contacts?fields=Last_Name,Nothing&per_page=4&sort_order=asc")
        .await;
    assert_eq!(first.status, 200);
    let info = &first.body["info"];
    assert_eq!(
        (&info["count"], &info["more_records"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(
        first.body["data"][0].as_object().unwrap().len(),
        2,
        "the field, and the id"
    );
    let token = info["next_page_token"].as_str().unwrap();
    let next = vendor
        .get(&format!(
            "Contacts?fields=Last_Name&per_page=4&sort_order=asc&page_token={token}"
        ))
        .await;
    assert_eq!(next.body["info"]["count"], 2);
    let by_page = vendor
        .get("Contacts?fields=Last_Name&per_page=4&page=2&sort_order=asc")
        .await;
    assert_eq!(by_page.body["data"], next.body["data"]);
    assert_eq!(
        vendor.get("Contacts?fields=Last_Name&page=3").await.status,
        204
    );
    assert_eq!(
        vendor
            .get("Contacts?fields=Last_Name&per_page=201")
            .await
            .status,
        400
    );
    let deep = vendor
        .get("Contacts?fields=Last_Name&per_page=200&page=11")
        .await;
    assert_eq!(deep.body["code"], "DISCRETE_PAGINATION_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_list_tells_that_nothing_changed() {
    let vendor = Vendor::new();
    let ask = |since: &str| {
        let request = vendor.request("GET", "Contacts?fields=Email");
        let request = request.header("if-modified-since", since);
        vendor
            .caller
            .send(request.body(bytes::Bytes::new()).unwrap())
    };
    assert_eq!(ask("2026-11-20T08:00:00+00:00").await.status, 304);
    vendor.make("Contacts", json!({ "Last_Name": "New" })).await;
    assert_eq!(
        ask("2026-11-20T08:00:00+00:00").await.body["info"]["count"],
        1
    );
}

#[tokio::test]
async fn the_search_takes_addresses_words_and_criteria() {
    let vendor = Vendor::new();
    for (query, count) in [
        ("email=DUP@initech.example", 2),
        ("word=moreno", 1),
        ("criteria=(Last_Name:starts_with:Hale)", 2),
        (
            "criteria=((Last_Name:equals:Moreno)or(Last_Name:equals:Lindt))",
            2,
        ),
        (
            "criteria=((Last_Name:equals:Hale)and(Email:equals:dup@initech.example))",
            1,
        ),
        ("criteria=(Email:in:ada@acme.example,ben@acme.example)", 2),
    ] {
        let found = vendor.get(&format!("Contacts/search?{query}")).await;
        assert_eq!(found.body["info"]["count"], count, "{query}");
    }
    assert_eq!(vendor.get("Contacts/search?email=a@b.c").await.status, 204);
    let wrong = vendor
        .get("Contacts/search?criteria=(Nothing:equals:x)")
        .await;
    assert_eq!(
        (wrong.status, &wrong.body["code"]),
        (400, &json!("INVALID_QUERY"))
    );
    assert_eq!(
        vendor.get("Contacts/search").await.body["code"],
        "REQUIRED_PARAM_MISSING"
    );
}

#[tokio::test]
async fn a_query_selects_compares_and_orders() {
    let vendor = Vendor::new();
    for (condition, count) in [
        ("Email = 'ADA@acme.example'", 1),
        ("Email in ('ada@acme.example', 'ben@acme.example')", 2),
        ("Email not in ('ada@acme.example')", 5),
        (
            "(Email = 'ada@acme.example' or (Email = 'ben@acme.example' and Phone is null))",
            2,
        ),
        ("Email like '%initech%'", 3),
        ("Created_Time < '2026-11-20T00:00:00+00:00'", 6),
        ("Created_Time >= '2026-11-20T00:00:00+00:00'", 0),
    ] {
        let found = vendor
            .coql(&format!("select id from Contacts where {condition}"))
            .await;
        let rows = found.body["data"].as_array().map_or(0, Vec::len);
        assert_eq!(
            (found.status, rows),
            (if count == 0 { 204 } else { 200 }, count),
            "{condition}"
        );
    }
    let account = "select Last_Name, Account_Name from Contacts where Email is not null order by Last_Name desc limit 1";
    let found = vendor.coql(account).await;
    assert_eq!(found.body["data"][0]["Last_Name"], "Waddams");
    assert_eq!(
        found.body["data"][0]["Account_Name"]
            .as_object()
            .unwrap()
            .len(),
        1,
        "the id alone"
    );
    assert_eq!(
        found.body["info"],
        json!({ "count": 1, "more_records": true })
    );
}

#[tokio::test]
async fn a_query_that_cannot_be_is_refused() {
    let vendor = Vendor::new();
    let many: Vec<String> = (0..101).map(|n| format!("'{n}'")).collect();
    let many = format!(
        "select id from Contacts where Email in ({})",
        many.join(",")
    );
    for (query, code) in [
        ("select", "SYNTAX_ERROR"),
        ("select id from Nothings where id = '1'", "INVALID_QUERY"),
        (
            "select Nothing from Contacts where id = '1'",
            "INVALID_QUERY",
        ),
        (
            "select id from Contacts where Nothing = '1'",
            "INVALID_QUERY",
        ),
        (
            "select id from Contacts where Description = 'x'",
            "INVALID_QUERY",
        ),
        (
            "select id from Contacts where id = '1' limit 2001",
            "LIMIT_EXCEEDED",
        ),
        (many.as_str(), "LIMIT_EXCEEDED"),
    ] {
        let reply = vendor.coql(query).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
    let column = vendor
        .coql("select id from Events where Nothing = '1'")
        .await;
    assert_eq!(column.body["details"]["column_name"], "Nothing");
}

#[tokio::test]
async fn scopes_open_modules_the_search_and_queries() {
    let vendor = Vendor::new();
    for path in [
        "Contacts?fields=id",
        "Contacts/search?word=x",
        "settings/fields?module=Contacts",
    ] {
        vendor.arm(json!({ "fault": "missing_scopes" }));
        let reply = vendor.get(path).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (401, &json!("OAUTH_SCOPE_MISMATCH"))
        );
    }
    vendor.arm(json!({ "fault": "record_error", "module": "Events", "code": "RECORD_LOCKED", "message": "record locked" }));
    vendor.make("Tasks", json!({ "Subject": "x" })).await;
    assert_eq!(
        vendor.row("POST", "Events", meeting("ses_1")).await["code"],
        "RECORD_LOCKED"
    );
    vendor.make("Events", meeting("ses_1")).await;
}
