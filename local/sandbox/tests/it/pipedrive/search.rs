//! The searches.

use serde_json::{Value, json};

use super::vendor::Vendor;

async fn found(vendor: &Vendor, path: &str) -> Vec<String> {
    let data = vendor.data("GET", path, Value::Null).await;
    let items = data["items"].as_array().or(data.as_array()).unwrap();
    let name = |item: &Value| {
        let name = item["item"].get("name").or(item["item"].get("title"));
        name.unwrap().as_str().unwrap().to_owned()
    };
    items.iter().map(name).collect()
}

#[tokio::test]
async fn a_person_is_found_by_the_whole_address_without_case() {
    let vendor = Vendor::new("a_person_is_found_by_the_whole_address_without_case");
    let path =
        |term: &str| format!("/api/v2/persons/search?term={term}&fields=email&exact_match=true");
    assert_eq!(
        found(&vendor, &path("ADA%40acme.example")).await,
        ["Ada Moreno"]
    );
    assert_eq!(found(&vendor, &path("acme.example")).await.len(), 0);
    let twice = found(&vendor, &path("dup@initech.example")).await;
    assert_eq!(
        twice,
        ["Dora Hale", "Dora Hale-Smith"],
        "nothing keeps addresses apart"
    );
    let part = "/api/v2/persons/search?term=acme.example";
    assert_eq!(found(&vendor, part).await, ["Ada Moreno", "Ben Okafor"]);
    let item = vendor
        .data("GET", &path("ada@acme.example"), Value::Null)
        .await;
    let item = &item["items"][0]["item"];
    assert_eq!(item["emails"], json!(["ada@acme.example"]));
    assert_eq!(item["organization"]["name"], "Acme Corp");
    for wrong in ["term=a", "term=", "term=ab&fields=address"] {
        let reply = vendor.get(&format!("/api/v2/persons/search?{wrong}")).await;
        assert_eq!(reply.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn what_was_just_written_is_found_a_little_later() {
    let vendor = Vendor::new("what_was_just_written_is_found_a_little_later");
    let body = json!({ "name": "Zoe New", "emails": [{ "value": "zoe@new.example" }] });
    let zoe = vendor.data("POST", "/api/v2/persons", body).await;
    assert_eq!(zoe["emails"][0]["primary"], true);
    assert_eq!(
        (&zoe["first_name"], &zoe["last_name"]),
        (&json!("Zoe"), &json!("New"))
    );
    let path = "/api/v2/persons/search?term=zoe@new.example&exact_match=1";
    assert_eq!(found(&vendor, path).await.len(), 0);
    vendor.caller.wait(5);
    assert_eq!(found(&vendor, path).await, ["Zoe New"]);
    let fault = json!({ "fault": "search_lag", "seconds": 60 });
    vendor.caller.sandbox.add_fault(fault).unwrap();
    let one = format!("/api/v2/persons/{}", zoe["id"]);
    vendor.data("DELETE", &one, Value::Null).await;
    vendor.caller.wait(30);
    assert_eq!(
        found(&vendor, path).await.len(),
        1,
        "the index stands still"
    );
    vendor.caller.wait(30);
    assert_eq!(found(&vendor, path).await.len(), 0);
}

#[tokio::test]
async fn everything_but_activities_is_searched() {
    let vendor = Vendor::new("everything_but_activities_is_searched");
    let body = json!({ "subject": "Acme words" });
    vendor.data("POST", "/api/v2/activities", body).await;
    vendor.caller.wait(60);
    let all = found(&vendor, "/api/v2/itemSearch?term=acme").await;
    assert_eq!(
        all,
        ["Acme expansion", "Ada Moreno", "Ben Okafor", "Acme Corp"]
    );
    let one = "/api/v2/itemSearch?term=acme&item_types=organization";
    assert_eq!(found(&vendor, one).await, ["Acme Corp"]);
    let reply = vendor
        .get("/api/v2/itemSearch?term=acme&item_types=activity")
        .await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        vendor
            .get("/api/v2/activities/search?term=acme")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_custom_field_is_searched_with_case() {
    let vendor = Vendor::new("a_custom_field_is_searched_with_case");
    let fields = vendor.data("GET", "/api/v2/dealFields", Value::Null).await;
    let fields = fields.as_array().unwrap();
    let own = fields
        .iter()
        .find(|field| field["field_name"] == "External key");
    let code = own.unwrap()["field_code"].as_str().unwrap();
    assert_eq!(code.len(), 40);
    let body = json!({ "custom_fields": { code: "Key-1" } });
    vendor.data("PATCH", "/api/v2/deals/1", body).await;
    vendor.caller.wait(5);
    let path = |term: &str, how: &str| {
        format!("/api/v2/itemSearch/field?term={term}&entity_type=deal&field={code}&match={how}")
    };
    assert_eq!(
        found(&vendor, &path("Key-1", "exact")).await,
        ["Acme expansion"]
    );
    assert_eq!(found(&vendor, &path("key-1", "exact")).await.len(), 0);
    assert_eq!(found(&vendor, &path("ey-", "middle")).await.len(), 1);
    let wrong = format!("/api/v2/itemSearch/field?term=x&entity_type=activity&field={code}");
    assert_eq!(vendor.get(&wrong).await.status, 400);
}
