//! Marks of held work: with an outcome, beside other marks, and taken away; deliveries opened again.

use std::collections::BTreeSet;

use hub_aws::store::Hold;
use hub_domain::{
    CrmId, Subject,
    ledger::{
        Attempt, ClaimOutcome, DeliveryStatus, Held, HeldFor, Outcome, Retried, UNTIL_IN_USE,
        Unfinished,
    },
};

use super::{NOW, ask, claim, delivered, failed, granted, id, is_conflict, settle, standing};
use crate::harness::{Harness, suite};

suite! {
    second_opinion_store_holds:
    an_outcome_marks_what_is_held_unless_another_mark_stands,
    a_mark_is_taken_away_by_its_name,
    of_two_reasons_the_plan_s_yields,
    what_is_held_ends_as_skipped_unless_a_worker_is_at_it,
    a_parked_delivery_is_opened_once,
    a_note_stays_until_its_own_place_is_forgotten,
}

fn crm() -> CrmId {
    id("salesforce")
}

fn held(why: HeldFor, revision: u64, mark: &str) -> Held {
    Held {
        until: match why {
            HeldFor::Plan => NOW + 9_000_000,
            HeldFor::Time => NOW + 1_000_000,
            HeldFor::Connection => UNTIL_IN_USE,
        },
        revision,
        events: BTreeSet::from([id(&format!("evt_{revision}"))]),
        reason: "it waits".to_owned(),
        why,
        mark: mark.to_owned(),
    }
}

fn hold(session: &str, held: Held) -> Hold {
    Hold {
        organization: id("org_1"),
        subject: Subject::session_to(&id("conn_1"), &id(session)),
        crm: crm(),
        held,
        now: NOW,
    }
}

async fn an_outcome_marks_what_is_held_unless_another_mark_stands(harness: Harness) {
    let store = harness.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    let waits = Outcome {
        status: DeliveryStatus::Waiting,
        hold: Some((crm(), held(HeldFor::Time, 1, "m1"))),
        ..failed(&first, 0)
    };
    settle(&store, &waits).await.unwrap();
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(
        (entry.status, entry.reason.as_str(), entry.held.clone()),
        (
            DeliveryStatus::Held,
            "it waits",
            Some(held(HeldFor::Time, 1, "m1"))
        )
    );
    // It is claimed again before its mark is taken away; the next outcome leaves that mark alone.
    let again = claim("ses_1", 1, "w2");
    let again = hub_domain::ledger::Claim {
        probably_new: false,
        ..again
    };
    assert!(matches!(
        ask(&store, &again).await,
        ClaimOutcome::Granted { .. }
    ));
    let waits = Outcome {
        claim: again.clone(),
        hold: Some((crm(), held(HeldFor::Time, 1, "m2"))),
        ..waits
    };
    assert!(is_conflict(&settle(&store, &waits).await));
    let without = Outcome {
        hold: None,
        ..waits
    };
    settle(&store, &without).await.unwrap();
    let entry = standing(&store, &again).await.unwrap();
    assert_eq!(entry.held.unwrap().mark, "m1");
}

async fn a_mark_is_taken_away_by_its_name(harness: Harness) {
    let store = harness.store().await;
    let of = claim("ses_1", 1, "w1");
    let first = hold("ses_1", held(HeldFor::Connection, 1, "m1"));
    store.hold(&first).await.unwrap();
    let entry = standing(&store, &of).await.unwrap();
    // The same again, under another name: a worker held it once more.
    let second = hold("ses_1", held(HeldFor::Connection, 1, "m2"));
    store.hold(&second).await.unwrap();
    assert!(is_conflict(&store.unhold(&entry, None).await));
    let entry = standing(&store, &of).await.unwrap();
    store.unhold(&entry, None).await.unwrap();
    assert_eq!(standing(&store, &of).await.unwrap().held, None);
}

async fn of_two_reasons_the_plan_s_yields(harness: Harness) {
    let store = harness.store().await;
    let of = claim("ses_1", 1, "w1");
    for (why, revision) in [
        (HeldFor::Time, 2),
        (HeldFor::Plan, 1),
        (HeldFor::Plan, 3),
        (HeldFor::Time, 2),
    ] {
        let mark = hold("ses_1", held(why, revision, "m"));
        store.hold(&mark).await.unwrap();
    }
    let found = standing(&store, &of).await.unwrap().held.unwrap();
    assert_eq!(
        (found.why, found.until, found.revision, found.events.len()),
        (HeldFor::Time, NOW + 1_000_000, 3, 3)
    );
}

async fn what_is_held_ends_as_skipped_unless_a_worker_is_at_it(harness: Harness) {
    let store = harness.store().await;
    let of = claim("ses_1", 1, "w1");
    granted(&store, &of).await;
    store
        .hold(&hold("ses_1", held(HeldFor::Connection, 2, "m1")))
        .await
        .unwrap();
    let entry = standing(&store, &of).await.unwrap();
    assert!(is_conflict(&store.end_held(&entry, "gone", NOW).await));
    settle(&store, &delivered(&of)).await.unwrap();
    let entry = standing(&store, &of).await.unwrap();
    store.end_held(&entry, "gone", NOW).await.unwrap();
    let entry = standing(&store, &of).await.unwrap();
    assert_eq!(
        (entry.status, entry.reason.as_str(), entry.settled),
        (DeliveryStatus::Skipped, "gone", 2)
    );
    assert_eq!(entry.held, None);
}

async fn a_parked_delivery_is_opened_once(harness: Harness) {
    let store = harness.store().await;
    let of = claim("ses_1", 1, "w1");
    granted(&store, &of).await;
    let mut left = Unfinished::new(&of.content);
    left.doubt("ses_1", &Attempt::at(NOW, &of.content));
    let parked = Outcome {
        status: DeliveryStatus::Parked,
        failures: 7,
        unfinished: left.clone(),
        ..delivered(&of)
    };
    settle(&store, &parked).await.unwrap();
    let mut entry = standing(&store, &of).await.unwrap();
    assert_eq!(entry.unfinished, left);
    entry.unfinished.clear_all();
    let asked = Retried {
        by: "ada".to_owned(),
        at: NOW,
    };
    let mark = held(HeldFor::Time, 1, "m1");
    let open = async || {
        store
            .reopen(&entry, Some(&asked), Some((&crm(), &mark)), NOW + 5_000)
            .await
    };
    open().await.unwrap();
    assert!(is_conflict(&open().await), "it was changed since");
    let opened = standing(&store, &of).await.unwrap();
    assert_eq!(
        (opened.settled, opened.failures, opened.lease_until),
        (0, 0, 0)
    );
    assert!(!opened.unfinished.has_doubts(), "somebody has looked");
    assert_eq!((opened.retried, opened.held), (Some(asked), Some(mark)));
    let again = hub_domain::ledger::Claim {
        probably_new: false,
        ..claim("ses_1", 1, "w2")
    };
    assert!(matches!(
        ask(&store, &again).await,
        ClaimOutcome::Granted { .. }
    ));
}

async fn a_note_stays_until_its_own_place_is_forgotten(harness: Harness) {
    let store = harness.store().await;
    let (organization, connection) = (id("org_1"), "conn_1");
    let notes = async |now: i64| store.releases(&crm(), now, 9).await.unwrap();
    for at in [NOW, NOW + 60_000] {
        store
            .note_release(&crm(), &organization, connection, at)
            .await
            .unwrap();
        if at == NOW {
            assert_eq!(notes(NOW - 1).await.len(), 0);
            assert_eq!(notes(NOW).await.len(), 1);
        }
    }
    assert_eq!(notes(NOW).await.len(), 0, "the later one took its place");
    let later = notes(NOW + 60_000).await;
    assert_eq!(later.len(), 1);
    store
        .note_release(&crm(), &organization, connection, NOW + 90_000)
        .await
        .unwrap();
    store.forget_release(&later[0]).await.unwrap();
    let last = notes(NOW + 90_000).await;
    assert_eq!(last.len(), 1, "another note than the one that was done");
    store.forget_release(&last[0]).await.unwrap();
    assert_eq!(notes(NOW + 90_000).await.len(), 0);
}
