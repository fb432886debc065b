//! What a plan allows of connections, exactly.

use axum::Router;
use bytes::Bytes;
use http::Request;
use hub_engine::Store;
use hub_world::{Fails, Reply, World, ask};
use serde_json::json;

use crate::{admin, get, post};

const PATH: &str = "/api/integrations/crm";

async fn api(plan: &str) -> (World, Router) {
    let world = World::new(1).await;
    world.subscribe("org_demo", plan).await;
    let router = hub_api::router(world.hub("api", World::no_crm()), World::identity());
    (world, router)
}

async fn create(router: &Router, bearer: &str) -> Reply {
    let new = json!({ "crm": "salesforce", "name": "Ours" });
    post(router, PATH, bearer, &new).await
}

/// The same at the same time: all have read that there is room before the first has taken it.
async fn hundred(router: &Router, bearer: &str) -> (usize, Vec<Reply>) {
    let work: tokio::task::JoinSet<Reply> = (0..100)
        .map(|_| {
            let (router, bearer) = (router.clone(), bearer.to_owned());
            async move { create(&router, &bearer).await }
        })
        .collect();
    let (made, refused): (Vec<_>, Vec<_>) = work
        .join_all()
        .await
        .into_iter()
        .partition(|reply| reply.status == 201);
    (made.len(), refused)
}

async fn listed(router: &Router, bearer: &str) -> Vec<String> {
    let list = get(router, PATH, bearer).await.json();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn store(world: &World) -> Store {
    world.hub("operator", World::no_crm()).store().clone()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_make_as_many_connections_as_the_plan_allows() {
    for (plan, allowed) in [("starter", 1), ("professional", 3), ("enterprise", 100)] {
        let (world, router) = api(plan).await;
        let bearer = admin(&world);
        let (made, refused) = hundred(&router, &bearer).await;
        assert_eq!(made, allowed, "{plan}");
        assert_eq!(listed(&router, &bearer).await.len(), allowed, "{plan}");
        for reply in refused {
            assert_eq!(reply.status, 402, "{}", reply.text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_plan_and_limit_and_what_would_be_right() {
    let (world, router) = api("starter").await;
    let bearer = admin(&world);
    assert_eq!(create(&router, &bearer).await.status, 201);
    let refused = create(&router, &bearer).await;
    assert_eq!(
        refused.json(),
        json!({
            "type": "urn:hub:problem:plan-limit", "title": "The plan does not allow more", "status": 402,
            "detail": "Not possible: the plan starter allows 1 CRM connection (in use: 1); the plan professional allows 3 CRM connections.",
            "plan": "starter", "counted": "connections", "limit": 1, "used": 1,
        })
    );
    assert_eq!(refused.header("content-type"), "application/problem+json");
    // Who may not at all is told that, and not of the plan.
    let manager = world.bearer("org_demo", "manager", "max");
    assert_eq!(create(&router, &manager).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn a_larger_plan_is_felt_at_once_and_a_smaller_one_takes_nothing_away() {
    let (world, router) = api("starter").await;
    let bearer = admin(&world);
    assert_eq!(create(&router, &bearer).await.status, 201);
    assert_eq!(create(&router, &bearer).await.status, 402);
    world.subscribe("org_demo", "professional").await;
    assert_eq!(create(&router, &bearer).await.status, 201);
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    world.subscribe("org_demo", "starter").await;
    let refused = create(&router, &bearer).await;
    assert_eq!(
        (&refused.json()["used"], &refused.json()["limit"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(listed(&router, &bearer).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_ended_makes_room_however_often() {
    let (world, router) = api("starter").await;
    let bearer = admin(&world);
    assert_eq!(create(&router, &bearer).await.status, 201);
    let id = listed(&router, &bearer).await.remove(0);
    for _ in 0..3 {
        let request = Request::delete(format!("/api/integrations/crm/{id}"))
            .header("authorization", &bearer)
            .body(Bytes::new())
            .unwrap();
        assert_eq!(ask(&router, request).await.status, 200);
    }
    assert_eq!(create(&router, &bearer).await.status, 201);
    assert_eq!(create(&router, &bearer).await.status, 402);
    assert_eq!(listed(&router, &bearer).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_lost_answer_connections_and_counter_agree() {
    for fails in [Fails::Before, Fails::After] {
        let (world, router) = api("starter").await;
        let bearer = admin(&world);
        world.outage.times(".TransactWriteItems", fails, 1);
        assert_eq!(create(&router, &bearer).await.status, 503);
        let there = listed(&router, &bearer).await.len() as u64;
        let counted = store(&world)
            .connections_in_use(&"org_demo".parse().unwrap())
            .await;
        assert_eq!(there, counted.unwrap());
        let again = create(&router, &bearer).await.status.as_u16();
        assert_eq!(again, if there == 0 { 201 } else { 402 });
    }
}
