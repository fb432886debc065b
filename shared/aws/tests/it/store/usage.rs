//! Counting against a limit, and what is held beyond it.

use std::collections::BTreeSet;

use hub_aws::store::{Count, HeldDelivery, HeldWhen, Hold};
use hub_domain::{
    Connection, CrmId, DeliveryId, Subject, Timestamp,
    ledger::{ClaimOutcome, DeliveryStatus, Held, HeldFor},
    subscription::Month,
};

use super::{NOW, ask, claim, delivered, id, is_conflict, settle, standing, thirty_two};
use crate::harness::{Harness, suite};

suite!(usage_second_opinion:
    as_many_connections_as_there_is_room_for,
    a_connection_that_goes_makes_room_once,
    an_event_counts_once_and_only_within_the_limit,
    a_sync_is_given_back_once_unless_something_came_of_it,
    a_hold_shows_and_leaves_claims_alone,
    held_work_is_found_by_time_and_by_organization,
);

fn connection(n: usize) -> Connection {
    Connection::new(
        id(&format!("conn_{n}")),
        id("org_1"),
        id("salesforce"),
        "Ours".to_owned(),
        Timestamp::UNIX_EPOCH,
        "ada".to_owned(),
    )
}

fn month() -> Month {
    Month::of(Timestamp::from_millisecond(NOW).unwrap())
}

fn crm() -> CrmId {
    id("salesforce")
}

async fn as_many_connections_as_there_is_room_for(harness: Harness) {
    let store = harness.store().await;
    let outcomes = thirty_two(|n| {
        let store = store.clone();
        async move {
            loop {
                match store.add_connection(&connection(n), Some(3)).await {
                    // Real DynamoDB and some emulators cancel transactions that meet.
                    Err(error) if error.is_transient() => tokio::task::yield_now().await,
                    other => return other.unwrap(),
                }
            }
        }
    })
    .await;
    let new = outcomes.iter().filter(|count| **count == Count::New);
    assert_eq!(new.count(), 3, "{outcomes:?}");
    assert_eq!(store.connections(&id("org_1")).await.unwrap().len(), 3);
    assert_eq!(store.connections_in_use(&id("org_1")).await.unwrap(), 3);
    let full = store.add_connection(&connection(99), Some(2)).await;
    assert_eq!(full.unwrap(), Count::Full { used: 3 });
    let free = store.add_connection(&connection(99), None).await;
    assert_eq!(free.unwrap(), Count::New);
    let again = store.add_connection(&connection(99), Some(1)).await;
    assert_eq!(again.unwrap(), Count::Before);
}

async fn a_connection_that_goes_makes_room_once(harness: Harness) {
    let store = harness.store().await;
    for n in 0..2 {
        let count = store.add_connection(&connection(n), Some(2)).await;
        assert_eq!(count.unwrap(), Count::New);
    }
    for _ in 0..2 {
        store
            .uncount_connection(&id("org_1"), &id("conn_0"))
            .await
            .unwrap();
    }
    assert_eq!(store.connections_in_use(&id("org_1")).await.unwrap(), 1);
    assert_eq!(store.connections(&id("org_1")).await.unwrap().len(), 2);
    let count = store.add_connection(&connection(2), Some(2)).await;
    assert_eq!(count.unwrap(), Count::New);
    let count = store.add_connection(&connection(3), Some(2)).await;
    assert_eq!(count.unwrap(), Count::Full { used: 2 });
}

async fn an_event_counts_once_and_only_within_the_limit(harness: Harness) {
    let store = harness.store().await;
    let count = async |event: &str, connection: &str| {
        let (organization, month) = (id("org_1"), month());
        let (event, connection) = (id(event), id(connection));
        store
            .count_sync(&organization, &event, &connection, &month, 2, NOW)
            .await
            .unwrap()
    };
    assert_eq!(count("evt_1", "conn_1").await, Count::New);
    assert_eq!(count("evt_1", "conn_1").await, Count::Before);
    assert_eq!(count("evt_1", "conn_2").await, Count::New);
    assert_eq!(count("evt_2", "conn_1").await, Count::Full { used: 2 });
    assert_eq!(
        count("evt_1", "conn_2").await,
        Count::Before,
        "also at the limit"
    );
    assert_eq!(store.syncs(&id("org_1"), &month()).await.unwrap(), 2);
    assert_eq!(store.syncs(&id("org_2"), &month()).await.unwrap(), 0);
}

async fn a_sync_is_given_back_once_unless_something_came_of_it(harness: Harness) {
    let store = harness.store().await;
    let (organization, connection, month) = (id("org_1"), id("conn_1"), month());
    let count = async |event: &str| {
        let event = id(event);
        let count = store.count_sync(&organization, &event, &connection, &month, 3, NOW);
        count.await.unwrap()
    };
    for event in ["evt_1", "evt_2", "evt_3"] {
        assert_eq!(count(event).await, Count::New);
    }
    store
        .keep_sync(&organization, &id("evt_2"), &connection)
        .await
        .unwrap();
    for (event, left) in [
        ("evt_1", 2),
        ("evt_1", 2),
        ("evt_2", 2),
        ("evt_3", 1),
        ("evt_4", 1),
    ] {
        let event = id(event);
        let back = store.return_sync(&organization, &event, &connection, NOW);
        back.await.unwrap();
        assert_eq!(
            store.syncs(&organization, &month).await.unwrap(),
            left,
            "{event}"
        );
    }
    assert_eq!(
        count("evt_1").await,
        Count::Before,
        "it does not count again"
    );
    // One that was never counted has no marker to keep.
    store
        .keep_sync(&organization, &id("evt_5"), &connection)
        .await
        .unwrap();
    assert_eq!(count("evt_5").await, Count::New);
}

fn hold(session: &str, event: &str, revision: u64, until: i64) -> Hold {
    Hold {
        organization: id("org_1"),
        subject: Subject::session_to(&id("conn_1"), &id(session)),
        crm: crm(),
        held: Held {
            until,
            revision,
            events: BTreeSet::from([id(event)]),
            reason: "no room".to_owned(),
            why: HeldFor::Plan,
            mark: format!("{event}/{revision}"),
        },
        now: NOW,
    }
}

async fn a_hold_shows_and_leaves_claims_alone(harness: Harness) {
    let store = harness.store().await;
    let until = NOW + 86_400_000;
    for (event, revision) in [("evt_2", 2), ("evt_1", 1), ("evt_2", 2)] {
        store
            .hold(&hold("ses_1", event, revision, until))
            .await
            .unwrap();
    }
    let mut first = claim("ses_1", 2, "w1");
    let entry = standing(&store, &first).await.unwrap();
    let held = entry.held.clone().unwrap();
    assert_eq!(
        (
            entry.status,
            entry.reason.as_str(),
            entry.revision,
            entry.settled
        ),
        (DeliveryStatus::Held, "no room", 0, 0)
    );
    assert_eq!(
        (held.until, held.revision, held.events.len()),
        (until, 2, 2)
    );
    // Somebody found room: the claim is granted as for an entry that is not there.
    first.probably_new = true;
    let outcome = ask(&store, &first).await;
    assert!(
        matches!(outcome, ClaimOutcome::Granted { .. }),
        "{outcome:?}"
    );
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(entry.status, DeliveryStatus::Claimed);
    settle(&store, &delivered(&first)).await.unwrap();
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(entry.status, DeliveryStatus::Delivered);
    assert!(entry.held.is_some(), "until the mark is taken away");
    // A later one shows again.
    store.hold(&hold("ses_1", "evt_3", 3, until)).await.unwrap();
    assert!(
        is_conflict(&store.unhold(&entry, None).await),
        "it was changed since"
    );
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(entry.status, DeliveryStatus::Held);
    store.unhold(&entry, None).await.unwrap();
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(
        (entry.status, entry.held),
        (DeliveryStatus::Delivered, None)
    );
}

async fn held_work_is_found_by_time_and_by_organization(harness: Harness) {
    let store = harness.store().await;
    let (soon, later) = (NOW + 1_000, NOW + 9_000);
    for (session, until) in [("ses_1", soon), ("ses_2", later), ("ses_3", soon)] {
        store.hold(&hold(session, "evt_1", 1, until)).await.unwrap();
    }
    let other = Hold {
        organization: id("org_2"),
        ..hold("ses_4", "evt_1", 1, soon)
    };
    store.hold(&other).await.unwrap();
    let organization = id("org_1");
    let find = async |crm: &str, when: HeldWhen<'_>, most: usize| {
        let found: Vec<HeldDelivery> = store.held(&id(crm), when, most).await.unwrap();
        let mut found: Vec<String> = found
            .iter()
            .map(|found| format!("{}/{}", found.organization, found.delivery))
            .collect();
        found.sort();
        found
    };
    let all = ["org_1/dlv_1.1", "org_1/dlv_1.3", "org_2/dlv_1.4"];
    assert_eq!(
        find("salesforce", HeldWhen::Due(soon - 1), 9).await,
        [""; 0]
    );
    assert_eq!(find("salesforce", HeldWhen::Due(soon), 9).await, all);
    // One of each partition: the two organizations are in two.
    assert_eq!(find("salesforce", HeldWhen::Due(soon), 1).await.len(), 2);
    assert_eq!(find("hubspot", HeldWhen::Due(later), 9).await, [""; 0]);
    let of_one = find("salesforce", HeldWhen::DueOf(&organization, soon), 9).await;
    assert!(
        of_one.starts_with(&all.map(str::to_owned)[..2]),
        "{of_one:?}"
    );
    let until = HeldWhen::Until(&organization, later);
    assert_eq!(find("salesforce", until, 9).await, ["org_1/dlv_1.2"]);
    // What is held on moves to its new time.
    let delivery: DeliveryId = id("dlv_1.1");
    let entry = store
        .delivery(&organization, &delivery)
        .await
        .unwrap()
        .unwrap();
    let mut rest = entry.held.clone().unwrap();
    rest.until = later;
    store.unhold(&entry, Some((&crm(), &rest))).await.unwrap();
    assert_eq!(find("salesforce", HeldWhen::Due(soon), 9).await, all[1..]);
    let until = HeldWhen::Until(&organization, later);
    assert_eq!(find("salesforce", until, 9).await.len(), 2);
}
