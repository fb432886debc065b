//! A failure that is printed can be had again: the same seed makes the same calls, with the same answers, and
//! leaves the same.

use hub_faults::{Fault, Job, Name, Point, Stage, Task, setups};

#[test]
fn the_same_seed_makes_the_same_sequence() {
    let stage = Stage::new(setups());
    for seed in [3, 4] {
        let job = Job {
            setup: usize::try_from(seed).unwrap() % stage.setups().len(),
            task: Task::Seed(seed),
        };
        let (one, same) = (stage.once(&job), stage.once(&job));
        assert!(one.passed.calls.len() > 100);
        assert_eq!(one.sequence(), same.sequence(), "{seed}");
        assert_eq!(
            (one.left, one.findings),
            (same.left, same.findings),
            "{seed}"
        );
    }
}

#[test]
fn a_fault_strikes_the_call_it_names_and_no_other() {
    let stage = Stage::new(setups());
    let point = Point {
        name: Name::DeliverCrmWrite,
        nth: 2,
        fault: Fault::DeathAfter,
    };
    let outcome = stage.once(&Job {
        setup: 0,
        task: Task::Core(vec![point]),
    });
    let struck: Vec<_> = outcome
        .passed
        .calls
        .iter()
        .filter(|call| call.fault.is_some())
        .collect();
    assert_eq!(struck.len(), 1);
    assert_eq!((struck[0].name, struck[0].nth), (point.name, point.nth));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    assert!(outcome.sequence().contains("<== death after"));
}
