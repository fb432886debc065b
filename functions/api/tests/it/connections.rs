//! Connections: created, shown, approved.

use bytes::Bytes;
use http::Method;
use hub_world::{Fails, ask};
use serde_json::json;

use crate::{admin, api, get, post, request};

const PATH: &str = "/api/integrations/crm";

#[tokio::test(start_paused = true)]
async fn a_connection_is_created_and_shown_without_its_secret() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let new = json!({
        "crm": "salesforce", "name": "Ours", "settings": { "key_field": "Our_Key__c" },
        "client": { "id": "our-client", "secret": "our-s3cret" },
    });
    let created = post(&router, PATH, &bearer, &new).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let view = created.json();
    let id = view["id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("{PATH}/{id}"));
    assert_eq!(
        view,
        json!({
            "id": id, "crm": "salesforce", "name": "Ours", "state": "unconnected",
            "reason": "nobody has authorized it at the CRM", "approved": false, "enabled": true,
            "base_url": null, "account": null, "settings": { "key_field": "Our_Key__c" },
            "created_at": "2026-11-20T12:00:00Z", "created_by": "ada@seller.example", "approved_by": null,
            "cause": null, "advice": "", "method": "authorization_code", "connected_at": null, "last_sync_at": null,
            "connected_by": null, "credential_since": "2026-11-20T12:00:00Z",
        })
    );
    let read = get(&router, &format!("{PATH}/{id}"), &bearer).await;
    assert_eq!((read.status.as_u16(), read.json()), (200, view.clone()));
    let list = get(&router, PATH, &bearer).await;
    assert_eq!(list.json(), json!({ "items": [view], "next": null }));
    for reply in [created, read, list] {
        assert!(!reply.text.contains("s3cret") && !reply.text.contains("our-client"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_new_connection_is_said_at_once() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let new = json!({ "crm": "abacus", "name": "", "settings": { "x": "y" }, "token": "t" });
    let reply = post(&router, PATH, &bearer, &new).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (422, "application/problem+json")
    );
    let faults = reply.json()["faults"].clone();
    let mut places: Vec<_> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["/crm", "/name", "/token"]);

    let broken = ask(&router, request(Method::POST, PATH, &bearer, "{")).await;
    assert_eq!(broken.status, 400);
    let large = ask(
        &router,
        request(
            Method::POST,
            PATH,
            &bearer,
            Bytes::from(vec![b' '; 2 * 1024 * 1024]),
        ),
    )
    .await;
    assert_eq!(large.status, 413);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_is_answered_like_an_unknown_one() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let unknown = get(&router, &format!("{PATH}/conn_none"), &bearer).await;
    assert_eq!(unknown.status, 404);
    for id in ["none", "conn_", "conn_a*", "org_demo%23connection", "%00"] {
        let reply = get(&router, &format!("{PATH}/{id}"), &bearer).await;
        assert_eq!(
            (reply.status, reply.text),
            (unknown.status, unknown.text.clone()),
            "{id}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_approved_that_nobody_has_authorized() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    let created = post(
        &router,
        PATH,
        &bearer,
        &json!({ "crm": "salesforce", "name": "Ours" }),
    )
    .await;
    let reply = post(
        &router,
        &format!("{}/approve", created.header("location")),
        &bearer,
        &json!({}),
    )
    .await;
    assert_eq!(reply.status, 409);
    assert!(
        reply.text.contains("has to be authorized at the CRM"),
        "{}",
        reply.text
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_store_down_a_503_is_answered() {
    let (world, router) = api().await;
    let bearer = admin(&world);
    world.outage.begin("DynamoDB", Fails::Before);
    let reply = get(&router, PATH, &bearer).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (503, "10")
    );
    assert!(!reply.text.contains("outage of the test"), "{}", reply.text);
}
