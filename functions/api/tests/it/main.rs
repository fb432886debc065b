//! The API: who may call what, and what they are shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod access;
mod audit;
mod connections;
mod deliveries;
mod plans;
mod webhooks;

use axum::Router;
use bytes::Bytes;
use http::{Method, Request};
use hub_api::{Config, router};
use hub_lambda::Env;
use hub_world::{Reply, World, ask};
use serde_json::Value;

/// A world with one organization, and the API in it.
async fn api() -> (World, Router) {
    let world = World::new(1).await;
    world.organization("org_demo").await;
    let router = router(world.hub("api", World::no_crm()), World::identity());
    (world, router)
}

/// A request by somebody.
fn request(method: Method, path: &str, bearer: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", bearer);
    request.body(body.into()).unwrap()
}

async fn get(router: &Router, path: &str, bearer: &str) -> Reply {
    ask(router, request(Method::GET, path, bearer, "")).await
}

async fn post(router: &Router, path: &str, bearer: &str, body: &Value) -> Reply {
    ask(
        router,
        request(Method::POST, path, bearer, body.to_string()),
    )
    .await
}

fn admin(world: &World) -> String {
    world.bearer("org_demo", "admin", "ada@seller.example")
}

#[tokio::test(start_paused = true)]
async fn a_function_without_its_configuration_names_every_missing_variable() {
    let error = Config::from_env(Env::of::<&str, &str>([])).unwrap_err();
    assert_eq!(
        error.names(),
        [
            "HUB_TABLE",
            "HUB_QUEUE_URL_PREFIX",
            "HUB_SECRET_PREFIX",
            "HUB_OIDC_ISSUER",
            "HUB_OIDC_AUDIENCE"
        ]
    );
    let config = Config::from_env(Env::of([
        ("HUB_TABLE", "hub"),
        ("HUB_QUEUE_URL_PREFIX", "https://sqs.example/1/hub-"),
        ("HUB_SECRET_PREFIX", "hub"),
        ("HUB_OIDC_ISSUER", "https://issuer.example/"),
        ("HUB_OIDC_AUDIENCE", "hub"),
    ]))
    .unwrap();
    assert_eq!(
        config.issuer.jwks_url,
        "https://issuer.example/.well-known/jwks.json"
    );
    assert_eq!(
        (config.issuer.organization_claim, config.issuer.role_claim),
        ("org".to_owned(), "role".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn every_sample_is_answered() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let sample = async |file: &str, id: &str| {
        let delivery = format!("dlv_{}.ses_demo_meeting", id.trim_start_matches("conn_"));
        let fills = [
            ("bearer", bearer.as_str()),
            ("connection-id", id),
            ("hook-id", id),
            ("delivery-id", delivery.as_str()),
        ];
        ask(&router, hub_world::request(&world.event(file, &fills))).await
    };
    assert_eq!(sample("ApiFunction.health.json", "").await.status, 200);
    let created = sample("ApiFunction.create-connection.json", "").await;
    assert_eq!(created.status, 201, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    for (file, status) in [
        ("ApiFunction.list-connections.json", 200),
        ("ApiFunction.get-connection.json", 200),
        ("ApiFunction.approve-connection.json", 409),
        ("ApiFunction.list-deliveries.json", 200),
        ("ApiFunction.audit.json", 200),
        ("ApiFunction.get-delivery.json", 404),
    ] {
        let reply = sample(file, &id).await;
        assert_eq!(reply.status, status, "{file}: {}", reply.text);
    }
    let created = sample("ApiFunction.create-webhook.json", "").await;
    assert_eq!(created.status, 201, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    for (file, status) in [
        ("ApiFunction.list-webhooks.json", 200),
        ("ApiFunction.get-webhook.json", 200),
        ("ApiFunction.update-webhook.json", 200),
        ("ApiFunction.rotate-webhook-secret.json", 200),
        ("ApiFunction.test-webhook.json", 200),
        ("ApiFunction.delete-webhook.json", 204),
    ] {
        let reply = sample(file, &id).await;
        assert_eq!(reply.status, status, "{file}: {}", reply.text);
    }
}
