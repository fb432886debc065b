//! Credits of rolling twenty-four hours, and calls at the same time.

use serde_json::json;

use super::vendor::Vendor;

fn used(vendor: &Vendor) -> u64 {
    vendor.caller.sandbox.state()["quota"]["credits"]["used"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn each_kind_of_call_has_its_price() {
    let vendor = Vendor::new();
    let tasks = |many: usize| json!({ "data": vec![json!({ "Subject": "x" }); many] });
    let mut spent = 0;
    for (method, path, body, price) in [
        ("POST", "Tasks", tasks(1), 1),
        ("POST", "Tasks", tasks(10), 1),
        ("POST", "Tasks", tasks(11), 2),
        ("POST", "Tasks", tasks(100), 10),
        ("GET", "Tasks?fields=id", json!(null), 1),
        (
            "POST",
            "coql",
            json!({ "select_query": "select id from Tasks where id = '1'" }),
            1,
        ),
        (
            "POST",
            "coql",
            json!({ "select_query": "select id from Tasks where id = '1' limit 1000" }),
            2,
        ),
        (
            "POST",
            "coql",
            json!({ "select_query": "select id from Tasks where id = '1' limit 2000" }),
            3,
        ),
        ("GET", "settings/fields?module=Tasks", json!(null), 1),
    ] {
        vendor.call(method, path, body).await;
        spent += price;
        assert_eq!(used(&vendor), spent, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_left_is_told_from_the_half_on_and_comes_back_after_a_day() {
    let mut vendor = Vendor::new();
    vendor.set(json!({ "daily_credits": 4 }));
    let header = "x-api-credits-remaining";
    for left in [None, None, Some("1"), Some("0")] {
        let reply = vendor.get("Tasks?fields=id").await;
        let told = reply.headers.get(header).map(|left| left.to_str().unwrap());
        assert_eq!(told, left);
        vendor.caller.wait(3_000);
        vendor.token = vendor.caller.has("access_token");
    }
    let spent = vendor.get("Tasks?fields=id").await;
    assert_eq!(
        (spent.status, &spent.body["code"]),
        (429, &json!("TOO_MANY_REQUESTS"))
    );
    assert!(
        !spent.headers.contains_key("retry-after"),
        "nobody says when"
    );
    // Twenty-four hours after the first call its credit is there again.
    vendor.caller.wait(86_400 - 12_000);
    vendor.token = vendor.caller.has("access_token");
    assert_eq!(vendor.get("Tasks?fields=id").await.status, 204);
    assert_eq!(vendor.get("Tasks?fields=id").await.status, 429);
}

#[tokio::test]
async fn an_edition_has_credits_for_each_user() {
    let vendor = Vendor::new();
    for (edition, users, credits) in [
        ("free", 3, 5_000),
        ("standard", 10, 52_500),
        ("standard", 1_000, 100_000),
        ("professional", 10, 55_000),
        ("enterprise", 10, 60_000),
        ("ultimate", 10, 70_000),
    ] {
        vendor.set(json!({ "edition": edition, "users": users }));
        assert_eq!(
            vendor.caller.sandbox.state()["quota"]["credits"]["max"],
            credits,
            "{edition}"
        );
    }
}
