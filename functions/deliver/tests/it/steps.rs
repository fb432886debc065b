//! A record that takes several writes: in their order, and from where it stopped.

use std::time::Duration;

use hub_domain::ledger::DeliveryStatus;

use crate::acme::{Acme, Luck, Machine};

const KIND: &str = r#"
    idempotency = "read_back"
    read_back = { settle_s = 0 }"#;
const DONE: &str = "ses_demo_meeting-done";
const NOTE: &str = "ses_demo_meeting-note";
const TWO_MINUTES: Duration = Duration::from_mins(2);

async fn machine() -> Machine {
    Machine::new(1, Acme::new(KIND).with_steps()).await
}

async fn stands(machine: &Machine, status: DeliveryStatus, failures: u32) {
    let delivery = machine.delivery().await;
    assert_eq!(
        (delivery.status, delivery.failures),
        (status, failures),
        "{}",
        delivery.reason
    );
}

/// Four records, and the note.
fn is_there_once(machine: &Machine) {
    let held = machine.held();
    let keys: Vec<&str> = held.iter().map(|(key, _)| key.as_str()).collect();
    let tasks = [
        "s-task-act_sandbox",
        "s-task-act_security",
        "s-task-act_works_council",
    ];
    assert_eq!(keys, [&["s", "s-note"][..], &tasks[..]].concat());
}

#[tokio::test(start_paused = true)]
async fn steps_come_after_what_they_need_and_again_with_each_revision() {
    let machine = machine().await;
    for revision in [1, 2] {
        machine.work(revision).await;
        assert_eq!(machine.calls(), ["people", "write", "write", "write"]);
        assert_eq!(machine.steps(), [DONE]);
        is_there_once(&machine);
        machine.change("Second").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_that_is_optional_is_named_and_loses_nothing() {
    let machine = machine().await;
    machine.refuse(NOTE);
    machine.work(1).await;
    stands(&machine, DeliveryStatus::Delivered, 0).await;
    let faults = machine.delivery().await.faults;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].message, format!("{NOTE}: it is refused"));
    assert_eq!((machine.held().len(), machine.steps().len()), (4, 1));
    machine.accepts_all();
    machine.change("Second").await;
    machine.work(2).await;
    is_there_once(&machine);
    assert!(machine.delivery().await.faults.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_refused_record_is_not_sent_and_the_rest_is() {
    let machine = machine().await;
    machine.refuse("ses_demo_meeting-task-act_sandbox");
    machine.work(1).await;
    stands(&machine, DeliveryStatus::Parked, 0).await;
    assert_eq!(machine.calls(), ["people", "write"]);
    assert_eq!((machine.held().len(), machine.steps().len()), (3, 0));
    let faults = machine.delivery().await.faults;
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code.as_str()).collect();
    assert_eq!(codes, ["NOT_SENT", "REFUSED"]);
    machine.accepts_all();
    machine.change("Second").await;
    machine.work(2).await;
    stands(&machine, DeliveryStatus::Delivered, 0).await;
    is_there_once(&machine);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_it_stopped() {
    let machine = machine().await;
    machine.luck(&[Luck::Good, Luck::Limit, Luck::Limit]);
    machine.work(1).await;
    // The records, then the step three times, then the note.
    let one = ["people", "write", "write"];
    assert_eq!(
        machine.calls(),
        [
            &one[..],
            &["people", "write"],
            &["people", "write", "write"]
        ]
        .concat()
    );
    assert_eq!(machine.steps(), [DONE]);
    stands(&machine, DeliveryStatus::Delivered, 0).await;
    is_there_once(&machine);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_a_step_everything_is_there_once() {
    for stage in 0..3 {
        for luck in [
            Luck::LostBefore,
            Luck::LostAfter,
            Luck::DeathBefore,
            Luck::DeathAfter,
            Luck::FailedAfter,
            Luck::Limit,
        ] {
            let machine = machine().await;
            let mut all = vec![Luck::Good; stage];
            all.push(luck);
            machine.luck(&all);
            machine.work(1).await;
            is_there_once(&machine);
            assert!(!machine.steps().is_empty(), "{stage} {luck:?}");
            assert_eq!(machine.delivery().await.status, DeliveryStatus::Delivered);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_for_another_call_the_rest_comes_again_and_is_no_failure() {
    let machine = machine().await;
    // Each takes 19 of the 60 seconds; then there is no time for a third.
    machine.luck(&[Luck::Slow(19), Luck::Slow(19)]);
    assert!(machine.receive(1, Duration::from_mins(1)).await);
    assert_eq!(machine.calls(), ["people", "write", "write"]);
    stands(&machine, DeliveryStatus::Waiting, 0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!machine.receive(1, TWO_MINUTES).await);
    assert_eq!(machine.calls(), ["people", "write"], "the note alone");
    stands(&machine, DeliveryStatus::Delivered, 0).await;
    is_there_once(&machine);
}
