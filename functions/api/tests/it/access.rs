//! Nobody gets past the bearer, and nobody beyond their role or organization.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use hub_engine::TransportError;
use hub_world::{START, World, ask};
use serde_json::json;

use crate::{admin, api, get, post};

/// Some of every kind.
const ROUTES: [(Method, &str); 8] = [
    (Method::GET, "/api/health"),
    (Method::POST, "/api/integrations/crm"),
    (Method::GET, "/api/integrations/crm"),
    (Method::GET, "/api/integrations/crm/conn_1"),
    (Method::POST, "/api/integrations/crm/conn_1/approve"),
    (Method::GET, "/api/deliveries"),
    (Method::GET, "/api/deliveries/dlv_1.1"),
    (Method::GET, "/api/audit"),
];

#[tokio::test(start_paused = true)]
async fn routes_need_a_bearer() {
    let (world, router) = api().await;
    let now = world.clock.now().as_second();
    let claims = json!({ "iss": "https://issuer.example", "aud": "hub", "exp": now + 60, "org": "org_demo", "role": "admin", "sub": "ada" });
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        world.bearer_of(&claims)
    };
    let good = world.bearer_of(&claims);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other = world.bearer("org_other", "admin", "ada");
    let forged = format!("{head}.{}", other.rsplit_once('.').unwrap().1);
    let bearers = [
        ("none", String::new()),
        ("another scheme", good.replace("Bearer", "Basic")),
        ("no JWT", "Bearer words".to_owned()),
        ("no signature", format!("{head}.")),
        ("another token's signature", forged),
        (
            "a changed signature",
            format!("{head}.A{}", &signature[1..]),
        ),
        ("expired", with("exp", json!(now - 61))),
        ("not yet", with("nbf", json!(now + 61))),
        (
            "another issuer",
            with("iss", json!("https://issuer.example/")),
        ),
        ("another audience", with("aud", json!("console"))),
        ("no organization", with("org", json!("demo"))),
        ("an unknown role", with("role", json!("root"))),
        ("nobody", with("sub", json!(""))),
    ];
    for (method, path) in ROUTES {
        for (name, bearer) in &bearers {
            let mut request = Request::builder()
                .method(&method)
                .uri(path)
                .body(Bytes::new())
                .unwrap();
            if !bearer.is_empty() {
                request
                    .headers_mut()
                    .insert("authorization", bearer.parse().unwrap());
            }
            let reply = ask(&router, request).await;
            assert_eq!(
                reply.status, 401,
                "{method} {path} with {name}: {}",
                reply.text
            );
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            assert_eq!(reply.header("content-type"), "application/problem+json");
        }
    }
    assert_eq!(
        get(&router, "/api/integrations/crm", &good).await.status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_issuers_keys_nobody_is_refused_for_good() {
    let world = World::new(1).await;
    let mut issuer = World::issuer();
    issuer.jwks_url = "https://elsewhere.example/keys".to_owned();
    let hub = world.hub(
        "api",
        World::crm(|_| Err(TransportError::Lost("timed out at 10.0.0.7".to_owned()))),
    );
    let router = hub_api::router(hub, hub_engine::identity::Identity::new(issuer));
    let reply = get(&router, "/api/integrations/crm", &admin(&world)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (503, "10")
    );
    assert!(!reply.text.contains("10.0.0.7"), "{}", reply.text);
}

#[tokio::test(start_paused = true)]
async fn each_role_may_do_its_part() {
    let (world, router) = api().await;
    let connection = json!({ "crm": "salesforce", "name": "Ours" });
    for (role, creates, lists, approves, sees_deliveries) in [
        ("admin", 201, 200, 404, 200),
        ("manager", 403, 200, 403, 200),
        ("viewer", 403, 403, 403, 200),
    ] {
        let bearer = world.bearer("org_demo", role, "ada@seller.example");
        let path = "/api/integrations/crm";
        let reply = post(&router, path, &bearer, &connection).await;
        assert_eq!(reply.status, creates, "{role} creates: {}", reply.text);
        assert_eq!(
            get(&router, path, &bearer).await.status,
            lists,
            "{role} lists"
        );
        let approve = post(
            &router,
            &format!("{path}/conn_none/approve"),
            &bearer,
            &json!({}),
        )
        .await;
        assert_eq!(approve.status, approves, "{role} approves");
        assert_eq!(
            get(&router, "/api/deliveries", &bearer).await.status,
            sees_deliveries,
            "{role} lists deliveries"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn another_organizations_things_are_not_there() {
    let (world, router) = api().await;
    world.organization("org_other").await;
    let created = post(
        &router,
        "/api/integrations/crm",
        &admin(&world),
        &json!({ "crm": "salesforce", "name": "Ours" }),
    )
    .await;
    let place = created.header("location");
    let theirs = world.bearer("org_other", "admin", "eve@other.example");
    assert_eq!(get(&router, place, &theirs).await.status, 404);
    assert_eq!(
        post(&router, &format!("{place}/approve"), &theirs, &json!({}))
            .await
            .status,
        404
    );
    assert_eq!(
        get(&router, "/api/integrations/crm", &theirs).await.json()["items"],
        json!([])
    );
    assert_eq!(get(&router, place, &admin(&world)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_holds_a_minute_longer_than_it_says() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    for (seconds, status) in [(3_600 + 59, 200), (1, 401)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        assert_eq!(
            get(&router, "/api/deliveries", &bearer).await.status,
            status,
            "since {START}"
        );
    }
}
