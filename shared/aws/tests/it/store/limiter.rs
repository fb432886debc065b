//! The limiter of a CRM account.

use hub_domain::{
    Connection, Timestamp,
    limiter::{Ask, Decision, Lane, Limiter, Rule, SECOND, Terms, Want},
};

use super::{NOW, id, is_conflict, thirty_two};
use crate::harness::{Harness, suite};

suite!(limiter_second_opinion:
    of_many_writers_one_is_first,
    connections_to_one_account_share_it_and_organizations_do_not,
);

fn connection(organization: &str, n: usize, account: Option<&str>) -> Connection {
    let mut connection = Connection::new(
        id(&format!("conn_{n}")),
        id(organization),
        id("acme"),
        "Ours".to_owned(),
        Timestamp::UNIX_EPOCH,
        "ada".to_owned(),
    );
    connection.account = account.map(str::to_owned);
    connection
}

/// A state that differs from another's.
fn state(n: u32) -> Limiter {
    let mut limiter = Limiter::default();
    limiter.breaker.failed(false, i64::from(n) + 1, 0);
    limiter
}

async fn of_many_writers_one_is_first(harness: Harness) {
    let store = harness.store().await;
    let account = connection("org_1", 1, Some("00D#x"));
    assert_eq!(store.limiter(&account).await.unwrap().version, 0);
    for round in 0..3 {
        let before = store.limiter(&account).await.unwrap();
        assert_eq!(before.version, round);
        let outcomes = thirty_two(|n| {
            let (store, account) = (store.clone(), account.clone());
            let state = state(u32::try_from(n).unwrap());
            async move { store.put_limiter(&account, &state, round, NOW).await }
        })
        .await;
        let written: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).collect();
        assert_eq!(written.len(), 1, "{outcomes:?}");
        let late = outcomes.iter().filter(|outcome| is_conflict(outcome));
        assert_eq!(late.count(), 31, "{outcomes:?}");
    }
}

async fn connections_to_one_account_share_it_and_organizations_do_not(harness: Harness) {
    let store = harness.store().await;
    let one = connection("org_1", 1, Some("A"));
    store.put_limiter(&one, &state(1), 0, NOW).await.unwrap();
    let same = store.limiter(&connection("org_1", 2, Some("A"))).await;
    assert_eq!(same.unwrap().limiter, state(1));
    for other in [
        connection("org_2", 1, Some("A")),
        connection("org_1", 1, Some("B")),
        connection("org_1", 1, None),
    ] {
        assert_eq!(store.limiter(&other).await.unwrap().version, 0, "{other:?}");
    }
}

#[tokio::test]
async fn a_lease_costs_one_write_unit() {
    let on = Harness::in_process();
    let (store, local) = (on.store().await, on.local.clone().unwrap());
    let account = connection("org_1", 1, Some("A"));
    let rule = |name: &str, requests, seconds| Rule {
        name: name.to_owned(),
        requests,
        window: seconds * SECOND,
        reserve_percent: 0,
    };
    let terms = Terms {
        rules: vec![
            rule("ten_secondly", 110, 10),
            rule("daily", 100_000, 86_400),
        ],
        at_once: Some(25),
        ..Terms::default()
    };
    let mut limiter = Limiter::default();
    let mut granted = 0;
    for version in 0..60 {
        let ask = Ask {
            from: 0,
            worker: u32::MAX - version,
            lane: Lane::Live,
            wants: vec![Want { need: 1, up_to: 16 }; 2],
            seen: vec![None; 2],
            spent: vec![None; 2],
            unused: vec![0; 2],
        };
        let at = NOW * 1_000 + i64::from(version) * 7 * SECOND;
        let decision = limiter.lease(&terms, &ask, at);
        granted += u32::from(matches!(decision, Decision::Granted { .. }));
        local.reset_counts();
        let written = store.put_limiter(&account, &limiter, version.into(), NOW);
        written.await.unwrap();
        let units = local.counts().write_units;
        assert!((units - 1.0).abs() < f64::EPSILON, "{units} at {version}");
    }
    assert!(granted > 20, "{granted}");
    let read = store.limiter(&account).await.unwrap();
    assert_eq!((read.version, read.limiter), (60, limiter));
}
