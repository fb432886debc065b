//! Search, and how far it is behind.

use serde_json::{Value, json};

use super::vendor::{Reply, Vendor, meeting, text};

async fn search(vendor: &Vendor, kind: &str, body: Value) -> Reply {
    vendor.caller.wait(1);
    vendor
        .objects("POST", &format!("/{kind}/search"), body)
        .await
}

fn one(name: &str, operator: &str, value: Value) -> Value {
    let mut filter = json!({ "propertyName": name, "operator": operator });
    let member = if value.is_array() { "values" } else { "value" };
    filter[member] = value;
    json!({ "filterGroups": [{ "filters": [filter] }], "limit": 100 })
}

#[tokio::test]
async fn a_new_record_is_found_only_after_a_while() {
    let vendor = Vendor::new();
    vendor.make("meetings", meeting()).await;
    let all = || json!({ "filterGroups": [] });
    assert_eq!(search(&vendor, "meetings", all()).await.body["total"], 0);
    vendor.caller.wait(5);
    assert_eq!(search(&vendor, "meetings", all()).await.body["total"], 1);
    vendor
        .caller
        .fault(json!({ "fault": "search_lag", "seconds": 60 }));
    vendor.make("meetings", meeting()).await;
    vendor.caller.wait(50);
    assert_eq!(search(&vendor, "meetings", all()).await.body["total"], 1);
    vendor.caller.wait(20);
    assert_eq!(search(&vendor, "meetings", all()).await.body["total"], 2);
    vendor.caller.set(json!({ "search_lag_s": 0 }));
    vendor.make("meetings", meeting()).await;
    assert_eq!(search(&vendor, "meetings", all()).await.body["total"], 3);
}

#[tokio::test]
async fn filters() {
    let vendor = Vendor::new();
    let acme = vendor.first("companies");
    let cases = [
        ("contacts", one("email", "EQ", json!("ADA@acme.example")), 1),
        (
            "contacts",
            one(
                "email",
                "IN",
                json!(["ada@acme.example", "ben@acme.example"]),
            ),
            2,
        ),
        ("contacts", one("firstname", "IN", json!(["Ada"])), 0),
        ("contacts", one("firstname", "IN", json!(["ada"])), 1),
        (
            "contacts",
            one("email", "CONTAINS_TOKEN", json!("*acme.example")),
            2,
        ),
        (
            "contacts",
            one("jobtitle", "NOT_HAS_PROPERTY", Value::Null),
            3,
        ),
        (
            "contacts",
            one("associations.company", "EQ", json!(acme)),
            2,
        ),
        ("deals", one("amount", "GT", json!("50000")), 1),
        ("deals", one("amount", "LTE", json!(48_000)), 1),
        ("deals", one("hs_is_closed", "EQ", json!("false")), 2),
        ("deals", one("closedate", "GTE", json!("2026-12-20")), 1),
        ("companies", json!({ "query": "globex" }), 1),
    ];
    for (kind, body, count) in cases {
        let reply = search(&vendor, kind, body.clone()).await;
        assert_eq!(reply.body["total"], count, "{body} {}", reply.text);
    }
}

#[tokio::test]
async fn order_and_pages() {
    let vendor = Vendor::new();
    let sorted = json!([{ "propertyName": "amount", "direction": "DESCENDING" }]);
    let body = json!({ "sorts": sorted, "properties": ["amount"], "limit": 1, "after": "0" });
    let reply = search(&vendor, "deals", body).await;
    assert_eq!(reply.body["results"][0]["properties"]["amount"], "120000");
    let after = text(&reply.body["paging"]["next"]["after"]);
    let body = json!({ "sorts": ["-amount"], "limit": 1, "after": after });
    let reply = search(&vendor, "deals", body).await;
    assert_eq!(
        reply.body["results"][0]["properties"]["dealname"],
        "Acme expansion"
    );
    assert!(reply.body.get("paging").is_none());
}

#[tokio::test]
async fn what_a_search_refuses() {
    let vendor = Vendor::new();
    let group = json!({ "filters": [] });
    for body in [
        one("no_such_thing", "EQ", json!("1")),
        one("email", "LIKE", json!("1")),
        one("email", "EQ", Value::Null),
        json!({ "limit": 201 }),
        json!({ "limit": 200, "after": "9900" }),
        json!({ "query": "x".repeat(3_001) }),
        json!({ "filterGroups": vec![group; 7] }),
    ] {
        assert_eq!(
            search(&vendor, "contacts", body.clone()).await.status,
            400,
            "{body}"
        );
    }
}
