//! Claims: who may work on a delivery.

use hub_aws::{AwsError, Store};
use hub_domain::{
    SkipReason, Subject,
    ledger::{Claim, ClaimOutcome, DeliveryStatus},
};

use super::{
    LEASE_END, NOW, ask, claim, delivered, failed, granted, id, is_conflict, settle, standing,
    thirty_two,
};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_claims:
    a_first_claim_makes_the_entry,
    a_claim_that_is_not_the_first_after_all_is_granted,
    a_claim_of_an_entry_that_is_missing_makes_it,
    a_refused_claim_says_why,
    an_expired_lease_is_taken_over,
    a_failed_delivery_is_claimed_at_once,
    content_that_came_back_is_written_again,
    an_older_revision_never_claims_over_a_newer_one,
    a_delivery_that_waits_is_not_claimed_before_its_time,
    claims_of_one_call_keep_their_order,
    a_failed_call_fails_its_own_claims,
    of_many_workers_one_is_granted,
    of_many_workers_one_takes_an_expired_lease_over,
    a_claim_whose_answer_was_lost_waits_for_its_lease,
    deliveries_have_nothing_to_do_with_each_other,
}

/// The wait after a failure is the delivery's: another message of it waits too.
async fn a_delivery_that_waits_is_not_claimed_before_its_time(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    let due = LEASE_END + 30_000;
    let waits = hub_domain::ledger::Outcome {
        not_before: due,
        ..failed(&first, 3)
    };
    settle(&store, &waits).await.unwrap();
    let early = later("ses_1", 2, "w2");
    assert!(early.now < due);
    assert_eq!(
        ask(&store, &early).await,
        ClaimOutcome::NotDue { until: due }
    );
    let on_time = Claim {
        now: due,
        ..later("ses_1", 2, "w3")
    };
    assert_eq!(granted(&store, &on_time).await.unwrap().failures, 3);
}

/// A worker that read the session a moment too early must not write old over new, even where nobody
/// knows whether the newer write arrived.
async fn an_older_revision_never_claims_over_a_newer_one(on: Harness) {
    let store = on.store().await;
    let newer = claim("ses_1", 3, "w1");
    granted(&store, &newer).await;
    settle(&store, &failed(&newer, 1)).await.unwrap();
    let older = later("ses_1", 2, "w2");
    assert_eq!(
        ask(&store, &older).await,
        ClaimOutcome::Held { until: older.now },
        "it comes again, and reads again"
    );
    granted(&store, &later("ses_1", 3, "w3")).await;
}

/// A claim later on, after the lease of [`claim`].
fn later(session: &str, revision: u64, worker: &str) -> Claim {
    Claim {
        now: LEASE_END,
        lease_until: LEASE_END + 60_000,
        ..claim(session, revision, worker)
    }
}

fn calls(on: &Harness) -> usize {
    on.wire.calls("BatchExecuteStatement")
}

async fn a_first_claim_makes_the_entry(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    assert_eq!(standing(&store, &first).await, None);
    assert_eq!(granted(&store, &first).await, None);
    assert_eq!(calls(&on), 1);
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(entry.status, DeliveryStatus::Claimed);
    assert_eq!((entry.revision, entry.settled, entry.failures), (1, 0, 0));
    assert_eq!(
        (entry.worker.as_str(), entry.lease_until),
        ("w1", LEASE_END)
    );
    assert_eq!((entry.created_at, entry.updated_at), (NOW, NOW));
    assert_eq!((&entry.event, entry.content), (&first.event, None));
    assert!(store.claim(&[]).await.is_empty());
}

async fn a_claim_that_is_not_the_first_after_all_is_granted(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    settle(&store, &failed(&first, 1)).await.unwrap();
    let before = standing(&store, &first).await;
    let again = Claim {
        now: NOW + 5_000,
        ..claim("ses_1", 1, "w2")
    };
    assert!(again.probably_new);
    assert_eq!(granted(&store, &again).await, before);
    assert_eq!(calls(&on), 4, "two for the second claim");
    let entry = standing(&store, &again).await.unwrap();
    assert_eq!((entry.worker.as_str(), entry.created_at), ("w2", NOW));
    assert_eq!(entry.updated_at, NOW + 5_000);
}

async fn a_claim_of_an_entry_that_is_missing_makes_it(on: Harness) {
    let store = on.store().await;
    let second = claim("ses_1", 2, "w1");
    assert!(!second.probably_new);
    assert_eq!(granted(&store, &second).await, None);
    assert_eq!(calls(&on), 2);
    let entry = standing(&store, &second).await.unwrap();
    assert_eq!((entry.revision, entry.status), (2, DeliveryStatus::Claimed));
}

async fn a_refused_claim_says_why(on: Harness) {
    let store = on.store().await;
    let stands = claim("ses_1", 2, "w1");
    granted(&store, &stands).await;
    let held = ClaimOutcome::Held { until: LEASE_END };
    assert_eq!(ask(&store, &claim("ses_1", 2, "w2")).await, held);
    assert_eq!(
        ask(&store, &claim("ses_1", 3, "w2")).await,
        held,
        "a newer one waits too"
    );
    settle(&store, &delivered(&stands)).await.unwrap();
    let before = standing(&store, &stands).await;

    let stale = ClaimOutcome::Skip(SkipReason::Stale);
    for revision in [1, 2] {
        let claim = claim("ses_1", revision, "w2");
        assert_eq!(ask(&store, &claim).await, stale, "{revision}");
    }
    let same = Claim {
        content: "content 2".to_owned(),
        ..claim("ses_1", 3, "w2")
    };
    let outcome = ask(&store, &same).await;
    assert_eq!(outcome, ClaimOutcome::Skip(SkipReason::SameContent));
    assert_eq!(standing(&store, &stands).await, before, "nothing changed");
    assert_eq!(granted(&store, &claim("ses_1", 3, "w2")).await, before);
}

async fn an_expired_lease_is_taken_over(on: Harness) {
    let store = on.store().await;
    let slow = claim("ses_1", 1, "slow");
    granted(&store, &slow).await;
    let early = Claim {
        now: LEASE_END - 1,
        ..later("ses_1", 1, "fast")
    };
    let outcome = ask(&store, &early).await;
    assert_eq!(outcome, ClaimOutcome::Held { until: LEASE_END });
    let fast = later("ses_1", 1, "fast");
    let before = granted(&store, &fast).await.unwrap();
    assert_eq!(before.worker, "slow");
    assert_eq!(
        before.status,
        DeliveryStatus::Claimed,
        "an intent without an outcome"
    );

    let attempt = before.attempt.unwrap();
    assert_eq!((attempt.since, attempt.is_of(&slow.content)), (NOW, true));
    assert_eq!(
        calls(&on),
        6,
        "the entry that refused says that its worker died"
    );

    // This one dies too. Whoever is next knows of both.
    let last = Claim {
        now: LEASE_END + 60_000,
        lease_until: LEASE_END + 120_000,
        ..claim("ses_1", 2, "last")
    };
    let before = granted(&store, &last).await.unwrap();
    assert_eq!(
        (before.worker.as_str(), before.lease_until),
        ("fast", LEASE_END + 60_000)
    );
    let attempt = before.attempt.unwrap();
    assert_eq!((attempt.since, attempt.is_of(&slow.content)), (NOW, true));
    let carried = standing(&store, &last).await.unwrap().attempt.unwrap();
    assert_eq!(carried.since, NOW);
    assert!(!carried.is_of(&slow.content) && !carried.is_of(&last.content));
    let fast = last;

    for settled in [false, true] {
        let late = settle(&store, &delivered(&slow)).await;
        assert!(is_conflict(&late), "{late:?}");
        if !settled {
            settle(&store, &delivered(&fast)).await.unwrap();
        }
    }
    let entry = standing(&store, &fast).await.unwrap();
    assert_eq!((entry.worker.as_str(), entry.settled), ("last", 2));
}

async fn a_failed_delivery_is_claimed_at_once(on: Harness) {
    let store = on.store().await;
    for failures in 0..4 {
        let claim = claim("ses_1", 1, &format!("w{failures}"));
        let before = granted(&store, &claim).await;
        assert_eq!(before.map_or(0, |before| before.failures), failures);
        settle(&store, &failed(&claim, failures + 1)).await.unwrap();
    }
}

/// Content A is in the CRM. B was sent, and nobody knows whether it arrived. Then A again is no
/// repeat: the CRM may hold B.
async fn content_that_came_back_is_written_again(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    settle(&store, &delivered(&first)).await.unwrap();
    let second = claim("ses_1", 2, "w2");
    let before = granted(&store, &second).await.unwrap();
    assert_eq!(before.content.as_deref(), Some("content 1"));
    settle(&store, &failed(&second, 1)).await.unwrap();
    let third = Claim {
        content: first.content,
        ..claim("ses_1", 3, "w3")
    };
    granted(&store, &third).await;
    settle(&store, &delivered(&third)).await.unwrap();
    let repeat = Claim {
        content: third.content,
        ..claim("ses_1", 4, "w4")
    };
    let outcome = ask(&store, &repeat).await;
    assert_eq!(outcome, ClaimOutcome::Skip(SkipReason::SameContent));
}

async fn claims_of_one_call_keep_their_order(on: Harness) {
    let store = on.store().await;
    let name = |index: usize| format!("ses_{index}");
    let standing: Vec<_> = (0..60)
        .filter(|index| index % 4 < 3)
        .map(|index| claim(&name(index), 1, "before"))
        .collect();
    let outcomes = store.claim(&standing).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let settled: Vec<_> = (0..60)
        .filter(|index| index % 4 < 2)
        .map(|index| {
            let claim = claim(&name(index), 1, "before");
            if index % 4 == 0 {
                delivered(&claim)
            } else {
                failed(&claim, 7)
            }
        })
        .collect();
    assert!(store.settle(&settled).await.iter().all(Result::is_ok));

    let calls_before = calls(&on);
    let claims: Vec<_> = (0..60).map(|index| claim(&name(index), 1, "w1")).collect();
    let outcomes = store.claim(&claims).await;
    assert_eq!(outcomes.len(), 60);
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match (index % 4, outcome.unwrap()) {
            (0, ClaimOutcome::Skip(SkipReason::Stale))
            | (2, ClaimOutcome::Held { until: LEASE_END })
            | (3, ClaimOutcome::Granted { before: None }) => {}
            (1, ClaimOutcome::Granted { before }) => {
                let before = before.unwrap();
                assert_eq!(
                    (before.subject.matter().to_owned(), before.failures),
                    (name(index), 7)
                );
            }
            (_, other) => panic!("{index}: {other:?}"),
        }
    }
    assert_eq!(
        calls(&on) - calls_before,
        5,
        "three, then 45 duplicates in two"
    );
}

async fn a_failed_call_fails_its_own_claims(on: Harness) {
    let store = on.store().await;
    let claims: Vec<_> = (0..60)
        .map(|index| claim(&format!("ses_{index}"), 1, "w1"))
        .collect();
    on.wire
        .next("BatchExecuteStatement", [Fate::Passes, Fate::LostRequest]);
    let outcomes = store.claim(&claims).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(ClaimOutcome::Granted { before: None }) => assert!(!(25..50).contains(&index)),
            Err(error) => assert!((25..50).contains(&index) && error.is_transient()),
            other => panic!("{index}: {other:?}"),
        }
    }
}

/// Some think they are the first, some do not.
async fn of_many_workers_one_is_granted(on: Harness) {
    let store = on.store().await;
    one_of_many(&store, |worker| Claim {
        probably_new: worker % 2 == 0,
        ..claim("ses_1", 1, &format!("w{worker}"))
    })
    .await;
}

async fn of_many_workers_one_takes_an_expired_lease_over(on: Harness) {
    let store = on.store().await;
    granted(&store, &claim("ses_1", 1, "dead")).await;
    one_of_many(&store, |worker| Claim {
        probably_new: worker % 2 == 0,
        ..later("ses_1", 1, &format!("w{worker}"))
    })
    .await;
}

async fn one_of_many(store: &Store, of: impl Fn(usize) -> Claim) {
    let outcomes = thirty_two(|worker| {
        let (store, claim) = (store.clone(), of(worker));
        async move { (ask(&store, &claim).await, claim) }
    })
    .await;
    let entry = standing(store, &of(0)).await.unwrap();
    let mut granted = 0;
    for (outcome, claim) in outcomes {
        match outcome {
            ClaimOutcome::Granted { .. } => {
                granted += 1;
                assert_eq!(entry.worker, claim.worker);
            }
            other => assert_eq!(
                other,
                ClaimOutcome::Held {
                    until: entry.lease_until
                }
            ),
        }
    }
    assert_eq!(granted, 1);
}

async fn a_claim_whose_answer_was_lost_waits_for_its_lease(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    for lost in [Fate::LostRequest, Fate::LostAnswer] {
        on.wire.next("BatchExecuteStatement", [lost]);
        let outcome = store.claim(std::slice::from_ref(&first)).await.remove(0);
        assert!(outcome.unwrap_err().is_transient());
    }
    let held = ClaimOutcome::Held { until: LEASE_END };
    assert_eq!(ask(&store, &claim("ses_1", 1, "w2")).await, held);
    let before = granted(&store, &later("ses_1", 1, "w3")).await.unwrap();
    assert_eq!((before.worker.as_str(), before.failures), ("w1", 0));
}

async fn deliveries_have_nothing_to_do_with_each_other(on: Harness) {
    let store = on.store().await;
    let ours = claim("ses_1", 1, "w1");
    let other_connection = Claim {
        subject: Subject::session_to(&id("conn_2"), &id("ses_1")),
        ..ours.clone()
    };
    let other_organization = Claim {
        organization: id("org_2"),
        ..ours.clone()
    };
    let claims = [ours, other_connection, other_organization];
    for outcome in store.claim(&claims).await {
        assert_eq!(outcome.unwrap(), ClaimOutcome::Granted { before: None });
    }
    settle(&store, &delivered(&claims[0])).await.unwrap();
    for claim in &claims[1..] {
        assert_eq!(standing(&store, claim).await.unwrap().settled, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_can_be_throttled_alone() {
    let on = Harness::in_process();
    let store = on.store().await;
    let answers = r#"{"Responses":[{"Error":{"Code":"ThrottlingError","Message":"slow"}},{"TableName":"t"},{"Error":{"Code":"AccessDenied","Message":"no"}},{"Error":{"Code":"InternalServerError","Message":"oh"}}]}"#;
    on.wire
        .next("BatchExecuteStatement", [Fate::Answered(200, answers)]);
    let claims = ["ses_1", "ses_2", "ses_3", "ses_4", "ses_5"].map(|name| claim(name, 1, "w1"));
    let outcomes = store.claim(&claims).await;
    let [throttled, granted, denied, broken, unanswered] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    assert!(matches!(throttled, Err(AwsError::Throttled { .. })));
    assert!(matches!(
        granted,
        Ok(ClaimOutcome::Granted { before: None })
    ));
    assert!(
        matches!(denied, Err(AwsError::Refused { .. })),
        "{denied:?}"
    );
    assert!(matches!(broken, Err(AwsError::Unavailable { .. })));
    assert!(matches!(unanswered, Err(AwsError::Corrupt { .. })));
}
