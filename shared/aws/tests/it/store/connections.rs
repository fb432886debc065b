//! Connections, and authorizations under way.

use std::collections::BTreeMap;

use hub_aws::store::OAuthState;
use hub_domain::{Connection, ConnectionState, Timestamp};

use super::{NOW, id, is_conflict, thirty_two};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_connections:
    a_connection_changes_from_the_version_that_was_read,
    a_connection_is_created_once,
    connections_are_listed_by_id,
    of_many_changes_of_one_version_one_stands,
    an_authorization_is_taken_once,
    an_authorization_ends,
    an_authorization_s_state_is_used_once,
}

fn connection(organization: &str, name: &str) -> Connection {
    let new = Connection::new(
        id(name),
        id(organization),
        id("hubspot"),
        "Sales EU".to_owned(),
        Timestamp::from_millisecond(NOW).unwrap(),
        "usr_1".to_owned(),
    );
    Connection {
        state: ConnectionState::Active,
        reason: String::new(),
        approved: true,
        base_url: Some("https://api.hubapi.com".to_owned()),
        account: Some("4711".to_owned()),
        settings: BTreeMap::from([("key_field".to_owned(), "lp_key".to_owned())]),
        mapping_version: 2,
        approved_by: Some("usr_2".to_owned()),
        ..new
    }
}

fn state(expires_at: i64) -> OAuthState {
    OAuthState {
        organization: id("org_1"),
        connection: id("conn_1"),
        person: "usr_1".to_owned(),
        browser: "cookie's hash".to_owned(),
        verifier: "verifier".to_owned(),
        redirect_uri: "https://hub.example/api/integrations/hubspot/callback".to_owned(),
        expires_at,
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

async fn a_connection_changes_from_the_version_that_was_read(on: Harness) {
    let store = on.store().await;
    let first = connection("org_1", "conn_1");
    store.put_connection(&first).await.unwrap();
    let read = async || {
        let found = store.connection(&first.organization, &first.id).await;
        found.unwrap().unwrap()
    };
    assert_eq!(read().await, first);

    let paused = Connection {
        enabled: false,
        version: 2,
        ..first.clone()
    };
    let renamed = Connection {
        name: "Sales US".to_owned(),
        version: 2,
        ..first.clone()
    };
    store.put_connection(&paused).await.unwrap();
    let late = store.put_connection(&renamed).await;
    assert!(is_conflict(&late), "{late:?}");
    assert_eq!(read().await, paused);
    let merged = Connection {
        enabled: false,
        version: 3,
        ..renamed
    };
    store.put_connection(&merged).await.unwrap();
    assert_eq!(read().await, merged);
}

async fn a_connection_is_created_once(on: Harness) {
    let store = on.store().await;
    let first = connection("org_1", "conn_1");
    store.put_connection(&first).await.unwrap();
    let again = store.put_connection(&first).await;
    assert!(is_conflict(&again), "{again:?}");
    let unknown = Connection {
        version: 2,
        ..connection("org_1", "conn_2")
    };
    let unknown = store.put_connection(&unknown).await;
    assert!(is_conflict(&unknown), "a change creates none: {unknown:?}");
    let none = store.mapping(&first.organization, &first.id, 1).await;
    assert_eq!(none.unwrap(), None, "the manifest's own");
}

async fn connections_are_listed_by_id(on: Harness) {
    let store = on.store().await;
    for name in ["conn_b", "conn_a", "conn_a1"] {
        store
            .put_connection(&connection("org_1", name))
            .await
            .unwrap();
    }
    let theirs = connection("org_2", "conn_c");
    store.put_connection(&theirs).await.unwrap();
    let listed = store.connections(&id("org_1")).await.unwrap();
    let names: Vec<_> = listed.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(names, ["conn_a", "conn_a1", "conn_b"]);
    let listed = store.connections(&id("org_2")).await.unwrap();
    assert_eq!(listed, [theirs]);
    assert_eq!(store.connections(&id("org_3")).await.unwrap(), []);
}

async fn of_many_changes_of_one_version_one_stands(on: Harness) {
    let store = on.store().await;
    let first = connection("org_1", "conn_1");
    store.put_connection(&first).await.unwrap();
    let results = thirty_two(|worker| {
        let (store, first) = (store.clone(), first.clone());
        async move {
            let change = Connection {
                name: format!("name {worker}"),
                version: 2,
                ..first
            };
            store.put_connection(&change).await.map(|()| change)
        }
    })
    .await;
    let won: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().ok())
        .collect();
    assert_eq!(won.len(), 1);
    assert!(
        results
            .iter()
            .all(|result| result.is_ok() || is_conflict(result))
    );
    let found = store.connection(&first.organization, &first.id).await;
    assert_eq!(found.unwrap().as_ref(), Some(won[0]));
}

async fn an_authorization_is_taken_once(on: Harness) {
    let store = on.store().await;
    let state = state(NOW + 600_000);
    store.put_oauth_state("hash-1", &state).await.unwrap();
    let taken = store.take_oauth_state("hash-2", at(NOW)).await.unwrap();
    assert_eq!(taken, None, "another state's");
    let taken = thirty_two(|_| {
        let store = store.clone();
        async move { store.take_oauth_state("hash-1", at(NOW)).await.unwrap() }
    })
    .await;
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(taken, [state]);
}

async fn an_authorization_ends(on: Harness) {
    let store = on.store().await;
    for (hash, asked, there) in [("early", NOW + 9, true), ("late", NOW + 10, false)] {
        let state = state(NOW + 10);
        store.put_oauth_state(hash, &state).await.unwrap();
        let taken = store.take_oauth_state(hash, at(asked)).await.unwrap();
        assert_eq!(taken, there.then_some(state), "{hash}");
        let again = store.take_oauth_state(hash, at(NOW)).await.unwrap();
        assert_eq!(again, None, "{hash}");
    }
}

/// An attacker who knows a state cannot put his own authorization under it, and an answer that was
/// lost on the way ends the attempt: the person begins again.
async fn an_authorization_s_state_is_used_once(on: Harness) {
    let store = on.store().await;
    let first = state(NOW + 600_000);
    store.put_oauth_state("hash", &first).await.unwrap();
    let second = OAuthState {
        connection: id("conn_2"),
        ..first.clone()
    };
    let refused = store.put_oauth_state("hash", &second).await;
    assert!(is_conflict(&refused), "{refused:?}");
    on.wire.next("DeleteItem", [Fate::LostAnswer]);
    let lost = store.take_oauth_state("hash", at(NOW)).await;
    assert!(lost.unwrap_err().is_transient());
    let gone = store.take_oauth_state("hash", at(NOW)).await.unwrap();
    assert_eq!(gone, None);
}

#[tokio::test(start_paused = true)]
async fn an_authorization_nobody_takes_goes() {
    let on = Harness::in_process();
    let (store, local) = (on.store().await, on.local.clone().unwrap());
    let state = state(on.clock.now().as_millisecond() + 600_000);
    store.put_oauth_state("hash", &state).await.unwrap();
    on.wait_s(600).await;
    assert_eq!(local.sweep_ttl().unwrap(), 0, "a minute's grace");
    on.wait_s(62).await;
    assert_eq!(local.sweep_ttl().unwrap(), 1);
}
