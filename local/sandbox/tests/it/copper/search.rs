//! Searches: addresses, pages, limits of time, custom fields.

use serde_json::{Value, json};

use super::vendor::Vendor;

fn names(found: &Value) -> Vec<&str> {
    let found = found.as_array().unwrap().iter();
    found.map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn people_and_leads_by_their_addresses() {
    let vendor = Vendor::new();
    let emails =
        json!({ "emails": ["ADA@acme.example", "carla@globex.example", "lee@prospect.example"] });
    let people = vendor.done("POST", "people/search", emails.clone()).await;
    assert_eq!(names(&people), ["Ada Moreno", "Carla Lindt"]);
    assert_eq!(people[0]["company_name"], "Acme Corp");
    let leads = vendor.done("POST", "leads/search", emails).await;
    assert_eq!(
        names(&leads),
        ["Lee Park", "Carla Lindt"],
        "both can be there"
    );
    assert!(leads[0]["email"].is_object() && people[0]["emails"].is_array());
    let none = json!({ "email": "nobody@nowhere.example" });
    let message = vendor
        .refused("POST", "people/fetch_by_email", none, 404)
        .await;
    assert_eq!(message, "Resource not found");
}

#[tokio::test]
async fn pages_count_from_one_and_a_header_tells_how_many_there_are() {
    let vendor = Vendor::new();
    let page = |number: u64, size: u64| json!({ "page_number": number, "page_size": size, "sort_by": "name" });
    let first = vendor.call("POST", "people/search", page(1, 2)).await;
    assert_eq!(first.headers["x-pw-total"], "5");
    assert_eq!(names(&first.body), ["Ada Moreno", "Ben Okafor"]);
    let last = vendor.done("POST", "people/search", page(3, 2)).await;
    assert_eq!(names(&last), ["Milton Waddams"]);
    assert_eq!(
        vendor.done("POST", "people/search", page(4, 2)).await,
        json!([])
    );
    let down = json!({ "sort_by": "name", "sort_direction": "desc", "page_size": 1 });
    assert_eq!(
        names(&vendor.done("POST", "people/search", down).await),
        ["Milton Waddams"]
    );
    for (size, number) in [(201, 1), (0, 1), (20, 0)] {
        vendor
            .refused("POST", "people/search", page(number, size), 422)
            .await;
    }
}

#[tokio::test]
async fn what_changed_since() {
    let vendor = Vendor::new();
    for name in ["one", "two"] {
        vendor.caller.wait(10);
        vendor.done("POST", "tasks", json!({ "name": name })).await;
    }
    let since = json!({ "minimum_modified_date": 1_795_165_220, "sort_by": "date_modified" });
    assert_eq!(
        names(&vendor.done("POST", "tasks/search", since).await),
        ["two"]
    );
    let until = json!({ "maximum_modified_date": 1_795_165_210 });
    assert_eq!(
        names(&vendor.done("POST", "tasks/search", until).await),
        ["one"]
    );
    let open = json!({ "statuses": ["Completed"] });
    assert_eq!(vendor.done("POST", "tasks/search", open).await, json!([]));
}

#[tokio::test]
async fn a_number_finds_its_task() {
    let vendor = Vendor::new();
    let (key, color) = (vendor.field("Hub key").await, vendor.field("Color").await);
    let fields = vendor.get("custom_field_definitions").await;
    let options = fields.as_array().unwrap().iter();
    let mut options = options.filter(|one| one["id"] == color);
    let yellow = options.next().unwrap()["options"][0]["id"].clone();
    // The largest number of 48 bits comes back whole.
    let number = (1_u64 << 48) - 1;
    let of = |id: u64, value: Value| json!({ "custom_field_definition_id": id, "value": value });
    let body = json!({ "name": "one", "custom_fields": [of(key, json!(number)), of(color, yellow.clone())] });
    let made = vendor.done("POST", "tasks", body).await;
    vendor
        .done(
            "POST",
            "tasks",
            json!({ "name": "two", "custom_fields": [of(key, json!(number - 1))] }),
        )
        .await;
    let exactly = |number: u64| {
        json!({ "custom_fields": [{ "custom_field_definition_id": key, "minimum_value": number,
            "maximum_value": number }] })
    };
    assert_eq!(
        names(&vendor.done("POST", "tasks/search", exactly(number)).await),
        ["one"]
    );
    assert_eq!(
        vendor.done("POST", "tasks/search", exactly(7)).await,
        json!([])
    );
    let colored = json!({ "custom_fields": [of(color, json!([yellow]))] });
    assert_eq!(
        names(&vendor.done("POST", "tasks/search", colored).await),
        ["one"]
    );
    // One that is sent leaves the others alone.
    let one = format!("tasks/{}", made["id"]);
    let changed = vendor
        .done("PUT", &one, json!({ "custom_fields": [of(key, json!(5))] }))
        .await;
    let held = changed["custom_fields"].as_array().unwrap();
    assert!(held.contains(&of(color, yellow)) && held.contains(&of(key, json!(5))));
    for wrong in [of(key, json!("5")), of(1, json!(5)), of(color, json!(1))] {
        let body = json!({ "name": "x", "custom_fields": [wrong] });
        vendor.refused("POST", "tasks", body, 422).await;
    }
}
