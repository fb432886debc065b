//! The core scenario over every CRM of the registry.

use hub_faults::{core, faultless, run, setups};

#[tokio::test(start_paused = true)]
async fn without_faults_everything_is_there() {
    for setup in setups() {
        for _ in 0..10 {
            let at = std::time::Instant::now();
            let outcome = run(&setup, 1, &core(), faultless(), None).await;
            println!(
                "{}: {} calls in {:?}",
                setup.crm,
                outcome.passed.calls.len(),
                at.elapsed()
            );
            assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
        }
    }
}
