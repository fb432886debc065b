//! The store. What only one machine can show (costs, expiry, answers that were made up) is in
//! process only.

mod audit;
mod claims;
mod connections;
mod deliveries;
mod events;
mod holds;
mod leases;
mod limiter;
mod outcomes;
mod sessions;
mod tokens;
mod usage;

use std::{collections::BTreeMap, fmt::Debug, future::Future, str::FromStr};

use hub_aws::{AwsError, KeyRing, SealingKey, Store};
use hub_domain::{
    Subject,
    ledger::{Claim, ClaimOutcome, DeliveryStatus, LedgerEntry, Outcome, Unfinished},
};
use tokio::task::JoinSet;

/// When everything happens, in milliseconds since 1970.
const NOW: i64 = 1_795_189_560_000;
/// When a lease of [`claim`] ends.
const LEASE_END: i64 = NOW + 60_000;

fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The keys of one organization; another `owner` has others.
fn ring(owner: u8) -> KeyRing {
    KeyRing::new(SealingKey::new(1, [owner; 32]), [])
}

fn is_conflict<T>(result: &Result<T, AwsError>) -> bool {
    matches!(result, Err(AwsError::Conflict { .. }))
}

/// Runs `work` 32 times side by side.
async fn thirty_two<T, F>(work: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    (0..32).map(work).collect::<JoinSet<_>>().join_all().await
}

/// A worker's claim of a session's revision, whose content is of that revision alone.
fn claim(session: &str, revision: u64, worker: &str) -> Claim {
    Claim {
        organization: id("org_1"),
        subject: Subject::session_to(&id("conn_1"), &id(session)),
        event: id(&format!("evt_{revision}")),
        revision,
        content: format!("content {revision}"),
        worker: worker.to_owned(),
        now: NOW,
        lease_until: LEASE_END,
        probably_new: revision <= 1,
    }
}

/// What came of one claim alone.
async fn ask(store: &Store, claim: &Claim) -> ClaimOutcome {
    let mut outcomes = store.claim(std::slice::from_ref(claim)).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).unwrap()
}

/// The entry as it was before a claim that must be granted.
async fn granted(store: &Store, claim: &Claim) -> Option<LedgerEntry> {
    match ask(store, claim).await {
        ClaimOutcome::Granted { before } => before.map(|before| *before),
        other => panic!("{other:?}"),
    }
}

/// The CRM took it.
fn delivered(claim: &Claim) -> Outcome {
    Outcome {
        claim: claim.clone(),
        status: DeliveryStatus::Delivered,
        settled: true,
        failures: 0,
        not_before: 0,
        mapping_version: 0,
        records: BTreeMap::new(),
        unfinished: Unfinished::default(),
        matches: Vec::new(),
        verdict: "done",
        reason: String::new(),
        faults: Vec::new(),
        hold: None,
        now: claim.now + 900,
    }
}

/// It comes again.
fn failed(claim: &Claim, failures: u32) -> Outcome {
    Outcome {
        status: DeliveryStatus::Retrying,
        settled: false,
        failures,
        verdict: "retry",
        reason: "503".to_owned(),
        ..delivered(claim)
    }
}

async fn settle(store: &Store, outcome: &Outcome) -> Result<(), AwsError> {
    let mut results = store.settle(std::slice::from_ref(outcome)).await;
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// The ledger's entry of a claim.
async fn standing(store: &Store, claim: &Claim) -> Option<LedgerEntry> {
    let delivery = claim.subject.delivery();
    store
        .delivery(&claim.organization, &delivery)
        .await
        .unwrap()
}
