//! Every kind of write, whatever happens at it: each record is there once, and as it stands.

use std::time::Duration;

use hub_domain::ledger::DeliveryStatus;

use crate::acme::{Acme, Luck, Machine, SESSION};

const CLIENT_ID: &str = r#"idempotency = "client_id""#;
const IDEMPOTENCY_KEY: &str = r#"
    idempotency = "idempotency_key"
    idempotency_key = { window_s = 1800 }
    read_back = { settle_s = 30 }"#;
const READ_BACK: &str = r#"
    idempotency = "read_back"
    read_back = { settle_s = 90 }"#;
const NONE: &str = r#"idempotency = "none""#;

const KEYS: [&str; 4] = [
    "s",
    "s-task-act_sandbox",
    "s-task-act_security",
    "s-task-act_works_council",
];
const TWO_MINUTES: Duration = Duration::from_mins(2);

/// Everything is there once, the meeting under this title, and the delivery says so.
async fn is_there_once(machine: &Machine, title: &str) {
    let held = machine.held();
    let keys: Vec<&str> = held.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, KEYS);
    assert_eq!(held[0].1, title);
    assert_eq!(machine.delivery().await.status, DeliveryStatus::Delivered);
}

const TITLE: &str = "Acme: evaluation and pilot";

#[tokio::test(start_paused = true)]
async fn a_clean_delivery_asks_for_nothing_and_neither_does_its_next_revision() {
    for kind in [CLIENT_ID, IDEMPOTENCY_KEY, READ_BACK, NONE] {
        let machine = Machine::new(1, Acme::new(kind)).await;
        machine.work(1).await;
        assert_eq!(machine.calls(), ["people", "write"], "{kind}");
        is_there_once(&machine, TITLE).await;
        // The same message once more.
        machine.work(1).await;
        assert!(machine.calls().is_empty(), "{kind}");
        machine.change("Second").await;
        machine.work(2).await;
        assert_eq!(machine.calls(), ["people", "write"], "{kind}");
        is_there_once(&machine, "Second").await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_a_write_each_record_is_there_once() {
    let misfortunes: [&[Luck]; 8] = [
        &[Luck::LostBefore],
        &[Luck::LostAfter],
        &[Luck::DeathBefore],
        &[Luck::DeathAfter],
        &[Luck::FailedAfter],
        &[Luck::DeathAfter, Luck::DeathBefore, Luck::LostAfter],
        &[
            Luck::LostAfter,
            Luck::Limit,
            Luck::DeathAfter,
            Luck::LostBefore,
        ],
        &[
            Luck::DeathBefore,
            Luck::DeathAfter,
            Luck::Limit,
            Luck::DeathBefore,
        ],
    ];
    for kind in [CLIENT_ID, IDEMPOTENCY_KEY, READ_BACK] {
        for (seed, misfortune) in misfortunes.into_iter().enumerate() {
            for changes in [false, true] {
                let machine = Machine::new(seed as u64, Acme::new(kind)).await;
                machine.luck(misfortune);
                assert!(machine.receive(1, TWO_MINUTES).await, "{misfortune:?}");
                let (revision, title) = if changes {
                    machine.change("Second").await;
                    (2, "Second")
                } else {
                    (1, TITLE)
                };
                machine.work(revision).await;
                println!("{kind} {misfortune:?} {changes}: {:?}", machine.calls());
                is_there_once(&machine, title).await;
                machine.work(1).await;
                is_there_once(&machine, title).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_shows_late_what_it_holds_is_asked_late() {
    // It shows after 85 s what it holds, and is asked after 90 s.
    let lag = Duration::from_secs(85);
    for luck in [Luck::LostAfter, Luck::DeathAfter, Luck::FailedAfter] {
        let machine = Machine::new(2, Acme::new(READ_BACK)).await.lags(lag);
        machine.luck(&[luck]);
        machine.work(1).await;
        is_there_once(&machine, TITLE).await;
        assert_eq!(machine.delivery().await.failures, 0, "the wait is none");
    }
}

#[tokio::test(start_paused = true)]
async fn within_the_window_a_repeat_needs_no_question_and_after_it_the_first_attempt_counts() {
    let machine = Machine::new(3, Acme::new(IDEMPOTENCY_KEY)).await;
    machine.luck(&[Luck::LostAfter]);
    machine.work(1).await;
    assert_eq!(machine.calls(), ["people", "write", "people", "write"]);
    is_there_once(&machine, TITLE).await;

    // Workers die one after the other: each of them comes within the window of the one before, and the
    // last of them long after the CRM has forgotten the first.
    let machine = Machine::new(3, Acme::new(IDEMPOTENCY_KEY)).await;
    machine.luck(&[Luck::DeathAfter]);
    machine.receive(1, TWO_MINUTES).await;
    for _ in 0..14 {
        tokio::time::sleep(TWO_MINUTES).await;
        machine.luck(&[Luck::DeathBefore]);
        machine.receive(1, TWO_MINUTES).await;
    }
    assert!(!machine.calls().contains(&"find".to_owned()));
    machine.work(1).await;
    assert!(machine.calls().contains(&"find".to_owned()));
    is_there_once(&machine, TITLE).await;

    // An answer was lost and nobody came for an hour.
    let machine = Machine::new(3, Acme::new(IDEMPOTENCY_KEY)).await;
    machine.luck(&[Luck::LostAfter]);
    machine.receive(1, TWO_MINUTES).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    machine.work(1).await;
    assert_eq!(
        machine.calls(),
        ["people", "write", "people", "find", "find", "find", "write"],
        "a question for each object, and one for the second page of the tasks"
    );
    is_there_once(&machine, TITLE).await;
}

#[tokio::test(start_paused = true)]
async fn what_two_pages_show_is_one_record() {
    let machine = Machine::new(8, Acme::new(READ_BACK)).await;
    machine.work(1).await;
    machine.calls();
    let found = machine.tasks().await;
    assert_eq!(machine.calls(), ["find", "find"]);
    let keys: Vec<_> = found
        .iter()
        .map(|one| one.key.replace(SESSION, "s"))
        .collect();
    assert_eq!(keys, KEYS[1..]);
}

/// It would begin anew at each turn, and use up what comes back of the limit for ever.
#[tokio::test(start_paused = true)]
async fn a_question_that_a_limit_stops_in_its_pages_is_a_failure() {
    let machine = Machine::new(9, Acme::new(READ_BACK)).await;
    machine.luck(&[Luck::LostAfter]);
    machine.receive(1, TWO_MINUTES).await;
    assert_eq!(machine.delivery().await.failures, 1);
    for (pages, failures) in [(0, 1), (2, 2)] {
        tokio::time::sleep(TWO_MINUTES).await;
        machine.limit_after(pages);
        assert!(machine.receive(1, TWO_MINUTES).await);
        let delivery = machine.delivery().await;
        assert_eq!(delivery.failures, failures, "{}", delivery.reason);
    }
    machine.work(1).await;
    is_there_once(&machine, TITLE).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_before_a_limit_is_not_asked_again() {
    let machine = Machine::new(10, Acme::new(READ_BACK)).await;
    machine.luck(&[Luck::LostAfter]);
    machine.receive(1, TWO_MINUTES).await;
    tokio::time::sleep(TWO_MINUTES).await;
    machine.calls();
    // The meeting is found, and then written with its id; of the tasks nothing is known yet.
    machine.limit_after(1);
    assert!(machine.receive(1, TWO_MINUTES).await);
    assert_eq!(machine.calls(), ["people", "find", "find", "write"]);
    assert_eq!(machine.delivery().await.failures, 1, "the wait is none");
    machine.work(1).await;
    assert_eq!(machine.calls(), ["people", "find", "find", "write"]);
    is_there_once(&machine, TITLE).await;
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_cannot_be_asked_is_written_to_at_most_once() {
    for (luck, held) in [
        (Luck::LostAfter, 4),
        (Luck::LostBefore, 0),
        (Luck::DeathAfter, 4),
        (Luck::FailedAfter, 4),
    ] {
        let machine = Machine::new(4, Acme::new(NONE)).await;
        machine.luck(&[luck]);
        machine.work(1).await;
        let delivery = machine.delivery().await;
        assert_eq!(delivery.status, DeliveryStatus::Parked, "{luck:?}");
        assert!(
            delivery
                .reason
                .starts_with("nobody knows whether ses_demo_meeting"),
            "{}",
            delivery.reason
        );
        assert_eq!(machine.held().len(), held, "{luck:?}");
        // A later revision does not make it either.
        machine.change("Second").await;
        machine.work(2).await;
        assert_eq!(machine.held().len(), held, "{luck:?}");
    }
    // What is no question is tried again.
    let machine = Machine::new(4, Acme::new(NONE)).await;
    machine.luck(&[Luck::Limit, Luck::Limit]);
    machine.work(1).await;
    is_there_once(&machine, TITLE).await;
}

/// Somebody deletes the meeting in the CRM. It is made anew; if that answer is lost, it is looked for.
#[tokio::test(start_paused = true)]
async fn a_record_that_was_deleted_is_made_anew_once() {
    for kind in [CLIENT_ID, IDEMPOTENCY_KEY, READ_BACK] {
        for luck in [
            Luck::Good,
            Luck::LostAfter,
            Luck::LostBefore,
            Luck::DeathAfter,
        ] {
            let machine = Machine::new(7, Acme::new(kind)).await;
            machine.work(1).await;
            machine.delete("ses_demo_meeting");
            machine.change("Second").await;
            machine.luck(&[Luck::Good, luck]);
            machine.work(2).await;
            is_there_once(&machine, "Second").await;
        }
    }
}

/// A request that no answer came to arrives as late as one may; the newer revision comes as early as it may.
#[tokio::test(start_paused = true)]
async fn what_arrives_late_is_never_older_over_newer() {
    for kind in [CLIENT_ID, READ_BACK, r#"idempotency = "upsert""#] {
        let machine = Machine::new(5, Acme::new(kind)).await;
        machine.work(1).await;
        machine.change("Second").await;
        machine.luck(&[Luck::Late(34)]);
        let slow = async {
            assert!(machine.receive(2, TWO_MINUTES).await);
        };
        let newer = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            machine.change("Third").await;
            for _ in 0..200 {
                if !machine.receive(3, TWO_MINUTES).await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            panic!("it never ends");
        };
        tokio::join!(slow, newer);
        tokio::time::sleep(Duration::from_mins(1)).await;
        is_there_once(&machine, "Third").await;
    }
}
