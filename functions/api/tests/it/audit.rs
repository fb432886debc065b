//! `/api/audit`

use hub_world::{Reply, World};
use serde_json::{Value, json};

use crate::{admin, api, get};

/// A world in which an organization has two entries in its log, and the API.
async fn logged() -> (World, axum::Router) {
    let (world, router) = api().await;
    world.organization("org_other").await;
    let hub = world.hub("batch", World::no_crm());
    let sample = world.event("BatchFunction.stream.json", &[]);
    let deadline = hub_lambda::Deadline::after(std::time::Duration::from_mins(1));
    let derive = |job, _| {
        let hub = hub.clone();
        async move {
            let hub_lambda::Job::Changes(changes) = job else {
                unreachable!("the sample is a batch of changes")
            };
            assert_eq!(hub_engine::stream::derive(&hub, &changes).await, None);
            hub_lambda::JobAnswer::Done
        }
    };
    hub_lambda::job::handle(sample, deadline, &derive)
        .await
        .unwrap();
    (world, router)
}

#[tokio::test(start_paused = true)]
async fn an_admin_sees_their_organizations_log() {
    let (world, router) = logged().await;
    let page = get(&router, "/api/audit", &admin(&world)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.json();
    assert_eq!(page["origin"], "crm-hub.liveprompt.ai/audit/org_demo");
    assert_eq!(page["checkpoint"], Value::Null);
    assert_eq!(page["next"], Value::Null);
    let leaf = |at: usize| &page["items"][at]["leaf"];
    assert_eq!(leaf(0)["kind"], "connection_approved");
    assert_eq!(leaf(0)["subject"], "conn_demo");
    assert_eq!(leaf(1)["kind"], "delivery_outcome");
    assert_eq!(leaf(1)["at"], "2026-11-20T12:00:01Z");
    assert_eq!(leaf(1)["index"], 1);
    let content = page["items"][0]["evidence"]["content"].as_str().unwrap();
    let content: Value = serde_json::from_str(content).unwrap();
    assert_eq!(content["actor"], "ada@seller.example");
    assert_eq!(content["data"]["approved"], true);
    // From a place on.
    let rest = get(&router, "/api/audit?cursor=2", &admin(&world)).await;
    assert_eq!(rest.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn nobody_else_sees_it() {
    let (world, router) = logged().await;
    for role in ["manager", "viewer"] {
        let bearer = world.bearer("org_demo", role, "ada@seller.example");
        assert_eq!(
            get(&router, "/api/audit", &bearer).await.status,
            403,
            "{role}"
        );
    }
    let theirs = world.bearer("org_other", "admin", "eve@other.example");
    let page = get(&router, "/api/audit", &theirs).await;
    assert_eq!(page.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_the_query_is_named() {
    let (world, router) = api().await;
    let reply: Reply = get(
        &router,
        "/api/audit?cursor=a&limit=101&format=csv&limit=1",
        &admin(&world),
    )
    .await;
    assert_eq!(reply.status, 422);
    for name in ["cursor", "limit", "format", "more than once"] {
        assert!(reply.text.contains(name), "{name}: {}", reply.text);
    }
}
