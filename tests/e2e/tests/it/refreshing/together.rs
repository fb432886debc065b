//! Several connections of one organization at the same instant: its secret has many writers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use hub_domain::ConnectionId;
use hub_engine::{Transport, lifecycle};
use hub_world::{Answer, World};
use secrecy::ExposeSecret;
use serde_json::json;

const ORG: &str = "org_together";

/// A CRM that is said to keep its refresh tokens and gives another with each refresh, after which the
/// old one is dead.
#[derive(Clone, Default)]
struct Moody(Arc<Mutex<Tokens>>);

#[derive(Default)]
struct Tokens {
    count: usize,
    live: BTreeSet<String>,
    access: BTreeSet<String>,
    refreshed: usize,
}

impl Moody {
    fn way_out(&self) -> Transport {
        let crm = self.clone();
        World::crm(move |request| crm.answer(&request))
    }

    fn answer(&self, request: &http::Request<Bytes>) -> Answer {
        let mut tokens = self.0.lock().unwrap();
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        match form.get("grant_type").map(String::as_str) {
            None => {
                let bearer = request.headers()["authorization"].to_str().unwrap();
                let known = tokens.access.contains(bearer.trim_start_matches("Bearer "));
                let status = if known { 200 } else { 401 };
                return World::json(status, &json!({ "portalId": 1, "results": [] }));
            }
            Some("authorization_code") => {}
            Some(_) if tokens.live.remove(&form["refresh_token"]) => tokens.refreshed += 1,
            Some(_) => {
                let refused = json!({ "error": "invalid_grant", "status": "BAD_REFRESH_TOKEN" });
                return World::json(400, &refused);
            }
        }
        tokens.count += 1;
        let (refresh, access) = (
            format!("refresh-{}", tokens.count),
            format!("access-{}", tokens.count),
        );
        tokens.live.insert(refresh.clone());
        tokens.access.insert(access.clone());
        World::json(
            200,
            &json!({ "access_token": access, "refresh_token": refresh, "expires_in": 1800, "hub_id": 1 }),
        )
    }
}

async fn works(world: &World, crm: &Moody, id: &ConnectionId) -> bool {
    let hub = world.hub("deliver", crm.way_out());
    let tested = lifecycle::test(&hub, &World::admin(ORG), id).await;
    tested.unwrap().works
}

#[tokio::test(start_paused = true)]
async fn of_two_connections_that_refresh_at_the_same_instant_nothing_is_lost() {
    let world = World::new(1).await;
    world.organization(ORG).await;
    let crm = Moody::default();
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.connection_at(ORG, "hubspot", crm.way_out()).await);
    }
    for round in 1..=5 {
        tokio::time::sleep(Duration::from_mins(31)).await;
        let both = join_all(ids.iter().map(|id| works(&world, &crm, id))).await;
        assert_eq!(both, [true, true], "round {round}");
        assert_eq!(crm.0.lock().unwrap().refreshed, 2 * round);
    }
    // Each presented what the other did not overwrite; the secret was not written for any of it.
    let versions = world.aws.secret_versions(&format!("hub/{ORG}/credentials"));
    assert!(versions <= 3, "{versions}");
}

#[tokio::test(start_paused = true)]
async fn while_one_is_connected_the_others_refresh_and_nothing_is_lost() {
    let world = World::new(2).await;
    world.organization(ORG).await;
    let crm = Moody::default();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.connection_at(ORG, "hubspot", crm.way_out()).await);
    }
    tokio::time::sleep(Duration::from_mins(31)).await;
    let connects = join_all((0..4).map(|_| world.connection_at(ORG, "hubspot", crm.way_out())));
    let refreshes = join_all(ids.iter().map(|id| works(&world, &crm, id)));
    let (connected, worked) = tokio::join!(connects, refreshes);
    assert_eq!(worked, [true; 3]);
    // What was connected is kept side by side,
    let hub = world.hub("operator", World::no_crm());
    let kept = hub.vault().credentials(ORG).await.unwrap();
    let mut tokens: BTreeSet<&str> = BTreeSet::new();
    for id in ids.iter().chain(&connected) {
        assert!(tokens.insert(kept.refresh_tokens[id.as_str()].expose_secret()));
    }
    // and all of them live on.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_mins(31)).await;
        let all = ids.iter().chain(&connected);
        let all = join_all(all.map(|id| works(&world, &crm, id))).await;
        assert_eq!(all, [true; 7]);
    }
}

/// Connected again while a worker refreshes: what the person brought counts.
#[tokio::test(start_paused = true)]
async fn a_refresh_under_way_does_not_overwrite_a_new_authorization() {
    for seed in 0..20 {
        let world = World::new(seed).await;
        world.organization(ORG).await;
        let crm = Moody::default();
        let id = world.connection_at(ORG, "hubspot", crm.way_out()).await;
        tokio::time::sleep(Duration::from_mins(31)).await;
        let again = async {
            tokio::time::sleep(Duration::from_micros(300 * seed)).await;
            world.authorize(ORG, &id, crm.way_out()).await;
        };
        let ((), _) = tokio::join!(again, works(&world, &crm, &id));
        tokio::time::sleep(Duration::from_mins(31)).await;
        assert!(works(&world, &crm, &id).await, "{seed}");
        let newest = crm.0.lock().unwrap().live.len();
        assert!(newest >= 1);
    }
}
