//! Lists: filters, order, cursors.

use serde_json::{Value, json};

use super::vendor::Vendor;

async fn ids(vendor: &Vendor, path: &str) -> Vec<u64> {
    let rows = vendor.data("GET", path, Value::Null).await;
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_cursor_names_the_first_of_the_next_page() {
    let vendor = Vendor::new("a_cursor_names_the_first_of_the_next_page");
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for round in 0..4 {
        let path = format!("/api/v2/persons?limit=3&sort_by=add_time&sort_direction=desc{cursor}");
        let reply = vendor.get(&path).await;
        let rows = reply.body["data"].as_array().unwrap();
        all.extend(rows.iter().map(|row| row["id"].as_u64().unwrap()));
        let Some(next) = reply.body["additional_data"]["next_cursor"].as_str() else {
            assert_eq!(round, 2);
            break;
        };
        cursor = format!("&cursor={next}");
        // What is made meanwhile stands before the cursor.
        vendor.caller.wait(1);
        let body = json!({ "name": format!("Late {round}") });
        vendor.data("POST", "/api/v2/persons", body).await;
    }
    assert_eq!(all, [8, 7, 6, 5, 4, 3, 2, 1]);
    let wrong = vendor.get("/api/v2/persons?cursor=abc").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn filters_of_activities() {
    let vendor = Vendor::new("filters_of_activities");
    let first = vendor.person("ada@acme.example").await;
    let second = vendor.person("ben@acme.example").await;
    for (people, done) in [([first, second], true), ([second, first], false)] {
        let people = people.map(|id| json!({ "person_id": id }));
        let body = json!({ "participants": people, "done": done, "deal_id": 1 });
        vendor.data("POST", "/api/v2/activities", body).await;
        vendor.caller.wait(10);
    }
    let path = |query: &str| format!("/api/v2/activities?{query}");
    let primary = path(&format!("person_id={first}"));
    assert_eq!(
        ids(&vendor, &primary).await,
        [1],
        "the primary participant alone"
    );
    assert_eq!(ids(&vendor, &path("done=false&deal_id=1")).await, [2]);
    assert_eq!(ids(&vendor, &path("ids=2,1")).await, [1, 2]);
    let since = path("updated_since=2026-11-20T09%3A00%3A10Z");
    assert_eq!(ids(&vendor, &since).await, [2]);
    let until = path("updated_until=2026-11-20T09:00:10Z&sort_by=update_time");
    assert_eq!(ids(&vendor, &until).await, [1]);
    for (wrong, named) in [
        ("updated_since=2026-11-20T09:00:10.000Z", "updated_since"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("sort_by=subject", "sort_by"),
        ("done=yes", "done"),
        ("ids=1,b", "ids"),
    ] {
        let reply = vendor.get(&path(wrong)).await;
        assert_eq!(reply.status, 400, "{wrong}");
        let error = reply.body["error"].as_str().unwrap();
        assert!(error.contains(&format!("failed: {named}:")), "{error}");
    }
}

#[tokio::test]
async fn a_deal_moves_ends_and_is_archived() {
    let vendor = Vendor::new("a_deal_moves_ends_and_is_archived");
    let body = json!({ "title": "New", "person_id": 1, "value": 10.5, "currency": "USD" });
    let deal = vendor.data("POST", "/api/v2/deals", body).await;
    assert_eq!(
        (&deal["pipeline_id"], &deal["stage_id"]),
        (&json!(1), &json!(1))
    );
    let one = format!("/api/v2/deals/{}", deal["id"]);
    let wrong = vendor
        .call("PATCH", &one, json!({ "lost_reason": "Price" }))
        .await;
    assert_eq!(wrong.status, 400);
    let lost = json!({ "status": "lost", "lost_reason": "Price", "stage_id": 3 });
    let deal = vendor.data("PATCH", &one, lost).await;
    assert_eq!(deal["lost_time"], "2026-11-20T09:00:00Z");
    assert_eq!(
        ids(&vendor, "/api/v2/deals?status=open&person_id=1").await,
        [1]
    );
    assert_eq!(ids(&vendor, "/api/v2/deals?status=lost").await, [3]);
    vendor
        .data("PATCH", &one, json!({ "is_archived": true }))
        .await;
    assert_eq!(ids(&vendor, "/api/v2/deals").await, [1, 2]);
    assert_eq!(ids(&vendor, "/api/v2/deals/archived").await, [3]);
    let refused = vendor.call("PATCH", &one, json!({ "title": "No" })).await;
    assert_eq!(refused.status, 403);
    vendor
        .data("PATCH", &one, json!({ "is_archived": false }))
        .await;
    vendor.data("DELETE", &one, Value::Null).await;
    assert_eq!(ids(&vendor, "/api/v2/deals?status=deleted").await, [3]);
}

#[tokio::test]
async fn pipelines_and_stages_are_there_to_be_read() {
    let vendor = Vendor::new("pipelines_and_stages_are_there_to_be_read");
    let stages = vendor
        .data("GET", "/api/v2/stages?pipeline_id=1", Value::Null)
        .await;
    assert_eq!(stages[2]["name"], "Demo Scheduled");
    let pipelines = vendor.data("GET", "/api/v2/pipelines", Value::Null).await;
    assert_eq!(pipelines[0]["name"], "Sales pipeline");
    let reply = vendor
        .call("POST", "/api/v2/stages", json!({ "name": "x" }))
        .await;
    assert_eq!(reply.status, 404);
}
