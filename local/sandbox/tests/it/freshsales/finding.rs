//! The look-up, the searches, the lists and the settings.

use serde_json::{Value, json};

use super::vendor::{OWNER, Vendor};

#[tokio::test]
async fn the_look_up_nests_twice_and_a_miss_is_empty() {
    let vendor = Vendor::new();
    let carla = vendor.contact("c.lindt@globex.example").await;
    assert_eq!(
        vendor.found("CARLA@globex.example").await,
        [carla],
        "by any of the addresses, in any letters"
    );
    let miss = vendor
        .get("lookup?q=nobody@nowhere.example&f=email&entities=contact,deal")
        .await;
    let empty = json!({ "contacts": { "contacts": [] }, "deals": { "deals": [] } });
    assert_eq!((miss.status, miss.body), (200, empty));
    let named = vendor
        .get("lookup?q=Globex&f=name&entities=sales_account")
        .await;
    assert_eq!(
        named.body["sales_accounts"]["sales_accounts"][0]["name"],
        "Globex"
    );
    assert_eq!(
        vendor.get("lookup?f=email&entities=contact").await.status,
        400
    );
    assert_eq!(
        vendor.get("lookup?q=x&f=email&entities=x").await.status,
        400
    );
}

#[tokio::test]
async fn the_search_gives_a_list_of_several_types() {
    let vendor = Vendor::new();
    vendor.caller.wait(60);
    let found = vendor
        .get("search?q=acme&include=contact,sales_account,deal")
        .await;
    let found = found.body.as_array().unwrap().clone();
    let types: Vec<&str> = found
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["contact", "contact", "sales_account", "deal"]);
    assert!(found[0]["id"].is_string());
}

#[tokio::test]
async fn a_filtered_search_has_rules_and_pages() {
    let vendor = Vendor::new();
    vendor.caller.wait(60);
    let rule = |attribute: &str, operator: &str, value: Value| json!({ "filter_rule": [{ "attribute": attribute, "operator": operator, "value": value }], "page": 1, "per_page": 2 });
    for (asked, total) in [
        (
            rule("contact_email.email", "is_in", json!("ada@acme.example")),
            1,
        ),
        (
            rule(
                "contact_email.email",
                "is_in",
                json!(["ada@acme.example", "lee@prospect.example"]),
            ),
            2,
        ),
        (rule("updated_at", "is_after", json!("2026-11-19")), 7),
        (rule("updated_at", "is_after", json!("2026-11-22")), 0),
        (rule("display_name", "contains", json!("Ad")), 1),
    ] {
        let body = vendor
            .good("POST", "filtered_search/contact", asked.clone())
            .await;
        assert_eq!(body["meta"]["total"], total, "{asked}");
        assert!(body["contacts"].as_array().unwrap().len() <= 2);
    }
    let wrong = rule("updated_at", "near", json!("x"));
    assert_eq!(
        vendor
            .refused("POST", "filtered_search/contact", wrong)
            .await,
        ["Operator is invalid"]
    );
}

#[tokio::test]
async fn contacts_are_listed_by_a_view() {
    let vendor = Vendor::new();
    let filters = vendor.get("contacts/filters").await.body;
    let view = filters["filters"][0]["id"].as_u64().unwrap();
    let ada = vendor.contact("ada@acme.example").await;
    let body = json!({ "contact": { "job_title": "CEO" } });
    vendor.good("PUT", &format!("contacts/{ada}"), body).await;
    let path = format!("contacts/view/{view}?page=1&per_page=3&sort=updated_at&sort_type=desc");
    let page = vendor.get(&path).await.body;
    assert_eq!(
        page["contacts"][0]["id"], ada,
        "the last one changed is the first"
    );
    assert_eq!(page["meta"], json!({ "total_pages": 3, "total": 7 }));
    assert_eq!(vendor.get("contacts/view/1").await.status, 404);
    assert_eq!(vendor.get("contacts").await.status, 404, "no plain list");
}

#[tokio::test]
async fn appointments_and_tasks_are_listed_by_filter() {
    let vendor = Vendor::new();
    vendor.appointment("Past").await;
    let later = json!({ "appointment": { "title": "Later", "from_date": "2026-12-01T10:00:00Z", "end_date": "2026-12-01T11:00:00Z" } });
    vendor.good("POST", "appointments", later).await;
    let task = |title: &str, due: &str, status: u64| json!({ "task": { "title": title, "owner_id": OWNER, "due_date": due, "status": status } });
    for body in [
        task("late", "2026-11-01T10:00:00Z", 0),
        task("today", "2026-11-20T23:00:00Z", 0),
        task("tomorrow", "2026-11-21T10:00:00Z", 0),
        task("done", "2026-11-01T10:00:00Z", 1),
    ] {
        vendor.good("POST", "tasks", body).await;
    }
    for (name, filter, titles) in [
        ("appointments", "past", &["Past"][..]),
        ("appointments", "upcoming", &["Later"]),
        ("tasks", "open", &["tomorrow", "today", "late"]),
        ("tasks", "overdue", &["late"]),
        ("tasks", "due%20today", &["today"]),
        ("tasks", "due%20tomorrow", &["tomorrow"]),
        ("tasks", "completed", &["done"]),
    ] {
        let body = vendor.get(&format!("{name}?filter={filter}")).await.body;
        let found: Vec<&str> = body[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["title"].as_str().unwrap())
            .collect();
        assert_eq!(found, titles, "{name} {filter}");
    }
    for path in ["tasks?filter=mine", "appointments"] {
        assert_eq!(vendor.get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn fields_and_selectors_tell_what_the_account_has() {
    let vendor = Vendor::new();
    let fields = vendor.get("settings/contacts/fields").await.body;
    let fields = fields["fields"].as_array().unwrap().clone();
    let field = |name: &str| {
        let mut all = fields.iter();
        all.find(|field| field["name"] == name).unwrap().clone()
    };
    assert_eq!(field("cf_hub_key")["default"], false);
    assert_eq!(field("lifecycle_stage_id")["choices"][0]["value"], "Lead");
    for name in [
        "owners",
        "sales_activity_types",
        "sales_activity_outcomes/1",
        "deal_stages",
        "deal_pipelines",
        "lifecycle_stages",
        "contact_statuses",
        "lead_sources",
        "territories",
        "currencies",
    ] {
        let reply = vendor.get(&format!("selector/{name}")).await;
        assert_eq!(reply.status, 200, "{name}");
    }
    assert_eq!(vendor.get("selector/nothing").await.status, 404);
    assert_eq!(vendor.get("settings/notes/fields").await.status, 404);
    assert_eq!(vendor.get("settings/tasks/fields").await.status, 200);
    vendor.caller.set(json!({ "activity_fields": false }));
    assert_eq!(vendor.get("settings/tasks/fields").await.status, 404);
}
