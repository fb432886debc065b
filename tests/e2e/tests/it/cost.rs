//! What a session costs: counts of calls and capacity, so that a change that costs more is seen.

use std::collections::BTreeMap;

use hub_e2e::Machine;
use serde_json::json;

use crate::sample::meeting;

/// The calls to AWS since the counts were reset, Lambda's own polling left out.
fn calls(machine: &Machine) -> BTreeMap<String, u64> {
    machine
        .world
        .aws
        .counts()
        .calls
        .into_iter()
        .filter(|(name, _)| !name.starts_with("poller."))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_session_alone() {
    let (machine, _) = Machine::connected(1).await;
    // The second one finds keys and configuration in the caches, as nearly all do.
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    machine.world.aws.reset_counts();
    let crm = machine.sandbox.calls();
    machine.accept(&meeting("evt_1", "ses_1", "One")).await;
    machine.work().await;
    let expected = [
        ("dynamodb.BatchExecuteStatement", 2), // claim, outcome
        ("dynamodb.BatchGetItem", 1),          // the session, for deliver
        ("dynamodb.GetItem", 1),               // the session, for the merge
        ("dynamodb.PutItem", 2),               // the event, the transcript
        ("dynamodb.UpdateItem", 1),            // the session
        ("sqs.SendMessageBatch", 2),           // events, live
    ];
    assert_eq!(
        calls(&machine),
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );
    let counts = machine.world.aws.counts();
    println!(
        "one session: {} write units, {} read units",
        counts.write_units, counts.read_units
    );
    assert!(counts.write_units <= 7.0, "{}", counts.write_units);
    assert!(counts.read_units <= 3.0, "{}", counts.read_units);
    assert_eq!(machine.sandbox.calls() - crm, 2, "a look-up and a write");
}

#[tokio::test(start_paused = true)]
async fn ten_sessions_of_one_connection_in_one_batch() {
    let (machine, _) = Machine::connected(2).await;
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    let events: Vec<_> = (10..20)
        .map(|n| meeting(&format!("evt_{n}"), &format!("ses_{n}"), "Ten"))
        .collect();
    machine.accept(&json!(events)).await;
    machine.world.aws.reset_counts();
    let crm = machine.sandbox.calls();
    machine.work().await;
    // Dispatch: one send. Deliver: sessions, claims, outcomes.
    let expected = [
        ("dynamodb.BatchExecuteStatement", 2),
        ("dynamodb.BatchGetItem", 1),
        ("sqs.SendMessageBatch", 1),
    ];
    assert_eq!(
        calls(&machine),
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );
    let counts = machine.world.aws.counts();
    println!(
        "ten sessions, dispatch and deliver: {} write units, {} read units",
        counts.write_units, counts.read_units
    );
    assert!(
        counts.write_units <= 20.0,
        "two a delivery: {}",
        counts.write_units
    );
    assert!(counts.read_units <= 6.0, "{}", counts.read_units);
    assert_eq!(machine.sandbox.calls() - crm, 2);
}
