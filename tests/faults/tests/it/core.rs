//! The core scenario over every CRM of the registry, a minimal one of every other kind, and a webhook.

use hub_faults::{Extent, Job, Run, Stage, setups, singles};

#[tokio::test(start_paused = true)]
async fn without_faults_everything_is_there() {
    for setup in setups() {
        let outcome = Box::pin(Run::of(&setup.destination().core()).at(&setup)).await;
        println!(
            "{}: {} calls {:#?}",
            setup.crm,
            outcome.passed.calls.len(),
            outcome.left
        );
        assert!(
            outcome.findings.is_empty(),
            "{}: {:#?}",
            setup.crm,
            outcome.findings
        );
    }
}

/// A few calls of each function, struck by each class; `.ci/run faults` strikes all of them.
#[test]
fn any_call_may_fail_in_any_way() {
    let stage = Stage::new(setups());
    let jobs: Vec<Job> = singles(&stage, Extent::Short)
        .into_iter()
        .step_by(97)
        .collect();
    let (tally, failures) = stage.run(&jobs, 3);
    for failure in &failures {
        println!(
            "{} {} {:#?}",
            failure.crm, failure.task, failure.outcome.findings
        );
    }
    println!("{}{tally}", tally.table());
    assert!(
        tally.wrong.is_empty(),
        "{:?} of {} jobs",
        tally.wrong,
        jobs.len()
    );
    assert_eq!(tally.runs, jobs.len());
}
