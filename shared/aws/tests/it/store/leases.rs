//! Leases.

use super::{NOW, id, is_conflict, thirty_two};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_leases:
    a_lease_has_one_holder_until_it_ends,
    a_released_lease_can_be_taken,
    a_lease_that_was_taken_over_cannot_be_released,
    a_lost_answer_can_be_asked_for_again,
    of_many_one_gets_the_lease,
}

const NAME: &str = "credentials";

async fn a_lease_has_one_holder_until_it_ends(on: Harness) {
    let store = on.store().await;
    let (org, other) = (id("org_1"), id("org_2"));
    let end = NOW + 30_000;
    let lease = store.lease(&org, NAME, "first", NOW, end).await.unwrap();
    assert_eq!(
        (lease.name.as_str(), lease.holder.as_str()),
        (NAME, "first")
    );
    let held = store.lease(&org, NAME, "second", end - 1, end + 1).await;
    assert!(is_conflict(&held), "{held:?}");
    store
        .lease(&org, "other", "second", NOW, end)
        .await
        .unwrap();
    store.lease(&other, NAME, "second", NOW, end).await.unwrap();
    store.lease(&org, NAME, "first", NOW, end).await.unwrap();
    store
        .lease(&org, NAME, "third", end, end + 1)
        .await
        .unwrap();
    let late = store.lease(&org, NAME, "first", end, end + 1).await;
    assert!(is_conflict(&late), "{late:?}");
}

async fn a_released_lease_can_be_taken(on: Harness) {
    let store = on.store().await;
    let org = id("org_1");
    let lease = store
        .lease(&org, NAME, "first", NOW, NOW + 9)
        .await
        .unwrap();
    store.release(&lease).await.unwrap();
    store.release(&lease).await.unwrap();
    store
        .lease(&org, NAME, "second", NOW, NOW + 9)
        .await
        .unwrap();
}

async fn a_lease_that_was_taken_over_cannot_be_released(on: Harness) {
    let store = on.store().await;
    let org = id("org_1");
    let first = store
        .lease(&org, NAME, "first", NOW, NOW + 9)
        .await
        .unwrap();
    store
        .lease(&org, NAME, "second", NOW + 9, NOW + 18)
        .await
        .unwrap();
    store.release(&first).await.unwrap();
    let third = store.lease(&org, NAME, "third", NOW + 17, NOW + 99).await;
    assert!(is_conflict(&third), "the second still holds it: {third:?}");
}

async fn a_lost_answer_can_be_asked_for_again(on: Harness) {
    let store = on.store().await;
    let org = id("org_1");
    on.wire.next("PutItem", [Fate::LostAnswer]);
    let lost = store.lease(&org, NAME, "first", NOW, NOW + 9).await;
    assert!(lost.unwrap_err().is_transient());
    store
        .lease(&org, NAME, "first", NOW, NOW + 9)
        .await
        .unwrap();
    let second = store.lease(&org, NAME, "second", NOW, NOW + 9).await;
    assert!(is_conflict(&second), "{second:?}");
}

async fn of_many_one_gets_the_lease(on: Harness) {
    let store = on.store().await;
    let results = thirty_two(|worker| {
        let store = store.clone();
        async move {
            let holder = format!("w{worker}");
            store.lease(&id("org_1"), NAME, &holder, NOW, NOW + 9).await
        }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(
        results.iter().filter(|result| is_conflict(result)).count(),
        31
    );
}
