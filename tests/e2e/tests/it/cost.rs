//! What a session costs: counts of calls and capacity, so that a change that costs more is seen.

use std::collections::BTreeMap;

use hub_e2e::{Machine, ORG};
use hub_engine::CRMS;
use serde_json::json;

use crate::sample::meeting;

/// Calls to a CRM: of one session alone, and of ten in one batch. A look-up and a write; where a batch
/// call takes one kind of record, a write for the activities and one for the tasks.
fn crm_calls(crm: &str) -> (u64, u64) {
    match crm {
        "salesforce" | "dynamics365" => (2, 2),
        "hubspot" => (3, 3),
        // A look-up takes one address, of which three of four are known from the session before, and a write one
        // record.
        "pipedrive" | "freshsales" => (1 + 3, 1 + 30),
        // People and leads are two look-ups; activities go by ten in a call, tasks one by one.
        "copper" => (2 + 1 + 2, 2 + 1 + 20),
        // Ten records in a document; what is said below an item comes in a second one.
        "monday" => (1 + 2, 1 + 6),
        // Leads are asked apart, for whom no contact is.
        "zoho" => (4, 4),
        other => panic!("{other}: no figure yet; count, and write it down"),
    }
}

/// Leases of calls, beyond what the process has left: of one session alone, and of ten in one batch.
fn leases(crm: &str) -> (u32, u32) {
    match crm {
        // The calls of an hour are few, so few are lent at a time.
        "freshsales" => (1, 1),
        // Documents that write are paced by the points that they cost.
        "monday" => (0, 1),
        // Two look-ups, a bulk call, which has a limit of its own, and twenty tasks.
        "copper" => (0, 3),
        // Searches have a limit of their own, so small that none of it is free.
        "pipedrive" => (2, 5),
        _ => (0, u32::from(crm_calls(crm).1 > 20)),
    }
}

async fn connected(crm: &'static str, seed: u64) -> Machine {
    let machine = Machine::of(crm, seed).await;
    machine.connect(ORG, json!({})).await;
    // The first session fills the caches, which nearly all find full.
    machine.accept(&meeting("evt_0", "ses_0", "Warm")).await;
    machine.work().await;
    machine
}

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
    for crm in CRMS {
        let machine = connected(crm, 1).await;
        machine.world.aws.reset_counts();
        let before = machine.sandbox.calls();
        machine.accept(&meeting("evt_1", "ses_1", "One")).await;
        machine.work().await;
        let expected = [
            ("dynamodb.BatchExecuteStatement", 2), // claim, outcome
            ("dynamodb.BatchGetItem", 1),          // the session, for deliver
            ("dynamodb.GetItem", 1),               // the session, for the merge
            // The transcript.
            ("dynamodb.PutItem", 1 + u64::from(leases(crm).0)),
            ("dynamodb.UpdateItem", 1), // the session, which remembers its event
            ("sqs.SendMessageBatch", 2), // events, live
        ];
        assert_eq!(
            calls(&machine),
            expected
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            "{crm}"
        );
        let counts = machine.world.aws.counts();
        let made = machine.sandbox.calls() - before;
        println!(
            "{crm}, one session: {} write units, {} read units, {made} calls to the CRM",
            counts.write_units, counts.read_units
        );
        let units = f64::from(4 + leases(crm).0.max(1));
        assert!(counts.write_units <= units, "{crm}: {}", counts.write_units);
        assert!(counts.read_units <= 3.0, "{crm}: {}", counts.read_units);
        assert_eq!(made, crm_calls(crm).0, "{crm}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_sessions_of_one_connection_in_one_batch() {
    for crm in CRMS {
        let machine = connected(crm, 2).await;
        let events: Vec<_> = (10..20)
            .map(|n| meeting(&format!("evt_{n}"), &format!("ses_{n}"), "Ten"))
            .collect();
        machine.accept(&json!(events)).await;
        machine.world.aws.reset_counts();
        let before = machine.sandbox.calls();
        machine.work().await;
        // Dispatch: one send. Deliver: sessions, claims, outcomes, and leases where there are many calls.
        let expected = [
            ("dynamodb.BatchExecuteStatement", 2),
            ("dynamodb.BatchGetItem", 1),
            ("dynamodb.PutItem", u64::from(leases(crm).1)),
            ("sqs.SendMessageBatch", 1),
        ];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        let expected = expected.into_iter().filter(|(_, count)| *count > 0);
        assert_eq!(calls(&machine), expected.collect(), "{crm}");
        let counts = machine.world.aws.counts();
        let made = machine.sandbox.calls() - before;
        println!(
            "{crm}, ten sessions, dispatch and deliver: {} write units, {} read units, {made} calls to the CRM",
            counts.write_units, counts.read_units
        );
        assert!(
            counts.write_units <= f64::from(20 + leases(crm).1),
            "{crm}, two a delivery and one a lease: {}",
            counts.write_units
        );
        assert!(counts.read_units <= 6.0, "{crm}: {}", counts.read_units);
        assert_eq!(made, crm_calls(crm).1, "{crm}");
    }
}
