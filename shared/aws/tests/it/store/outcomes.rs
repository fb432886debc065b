//! Outcomes, and what an entry costs.

use std::collections::BTreeMap;

use hub_aws::AwsError;
use hub_domain::{
    FieldFault, SkipReason, Subject,
    ledger::{Claim, ClaimOutcome, DeliveryStatus, LedgerEntry, Outcome},
    matching::{Chosen, Rejection},
};

use super::{
    LEASE_END, NOW, ask, claim, delivered, failed, granted, id, is_conflict, settle, standing,
};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_outcomes:
    an_outcome_is_read_as_it_was_recorded,
    a_success_clears_what_failed,
    a_failure_keeps_what_was_known,
    only_a_final_outcome_settles_a_revision,
    an_outcome_without_its_claim_is_refused,
    outcomes_of_one_call_keep_their_order,
    an_outcome_whose_answer_was_lost_can_be_recorded_again,
    a_long_reason_is_cut,
}

fn fault(field: &str) -> FieldFault {
    FieldFault {
        field: field.to_owned(),
        code: "INVALID_OPTION".to_owned(),
        message: "choose one of the list".to_owned(),
    }
}

fn records(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, id): &(&str, &str)| ((*key).to_owned(), (*id).to_owned());
    pairs.iter().map(owned).collect()
}

fn chosen(person: usize, object: &str, id: &str, rejected: &[(&str, Rejection)]) -> Chosen {
    Chosen {
        person,
        object: Some(object.to_owned()),
        id: Some(id.to_owned()),
        rejected: rejected
            .iter()
            .map(|(id, why)| ((*id).to_owned(), *why))
            .collect(),
    }
}

/// Everything an outcome can say.
fn full(claim: &Claim) -> Outcome {
    Outcome {
        mapping_version: 3,
        records: records(&[
            ("ses_1", "00U1"),
            ("ses_1-task-a1", "00T1"),
            ("ses_1-task-a2", "00T2"),
        ]),
        matches: vec![
            chosen(
                0,
                "Contact",
                "003A1",
                &[
                    ("003B1", Rejection::Older),
                    ("00QL1", Rejection::LessPreferred),
                ],
            ),
            Chosen {
                object: None,
                id: None,
                ..chosen(2, "", "", &[])
            },
        ],
        reason: "Größe „XL“ fehlt".to_owned(),
        faults: vec![fault("Size__c"), fault("")],
        ..delivered(claim)
    }
}

async fn an_outcome_is_read_as_it_was_recorded(on: Harness) {
    let store = on.store().await;
    let claim = claim("ses_1", 1, "w1");
    granted(&store, &claim).await;
    let outcome = full(&claim);
    settle(&store, &outcome).await.unwrap();
    let expected = LedgerEntry {
        organization: id("org_1"),
        subject: Subject::session_to(&id("conn_1"), &id("ses_1")),
        event: id("evt_1"),
        status: DeliveryStatus::Delivered,
        revision: 1,
        settled: 1,
        lease_until: 0,
        worker: "w1".to_owned(),
        failures: 0,
        content: Some("content 1".to_owned()),
        mapping_version: 3,
        records: outcome.records,
        attempt: None,
        unfinished: outcome.unfinished,
        matches: outcome.matches,
        verdict: "done".to_owned(),
        reason: outcome.reason,
        faults: outcome.faults,
        retried: None,
        held: None,
        created_at: NOW,
        updated_at: NOW + 900,
    };
    assert_eq!(standing(&store, &claim).await, Some(expected));
    assert!(store.settle(&[]).await.is_empty());
}

async fn a_success_clears_what_failed(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    let refused = Outcome {
        faults: vec![fault("Size__c")],
        ..failed(&first, 4)
    };
    settle(&store, &refused).await.unwrap();
    let entry = standing(&store, &first).await.unwrap();
    assert_eq!(
        (entry.failures, entry.reason.as_str(), entry.faults.len()),
        (4, "503", 1)
    );
    assert_eq!((entry.verdict.as_str(), entry.content), ("retry", None));

    let second = claim("ses_1", 1, "w2");
    granted(&store, &second).await;
    settle(&store, &delivered(&second)).await.unwrap();
    let entry = standing(&store, &second).await.unwrap();
    assert_eq!(
        (entry.failures, entry.reason.as_str(), entry.faults.len()),
        (0, "", 0)
    );
    assert_eq!(entry.verdict, "done");
}

async fn a_failure_keeps_what_was_known(on: Harness) {
    let store = on.store().await;
    let first = claim("ses_1", 1, "w1");
    granted(&store, &first).await;
    settle(&store, &full(&first)).await.unwrap();
    let known = standing(&store, &first).await.unwrap();

    let second = claim("ses_1", 2, "w2");
    let before = granted(&store, &second).await.unwrap();
    assert_eq!(before, known, "the claim brings all of it");
    settle(&store, &failed(&second, 1)).await.unwrap();
    let entry = standing(&store, &second).await.unwrap();
    assert_eq!(
        (&entry.records, &entry.matches),
        (&known.records, &known.matches)
    );
    assert_eq!((entry.revision, entry.settled), (2, 1));
}

async fn only_a_final_outcome_settles_a_revision(on: Harness) {
    let store = on.store().await;
    let waiting = |claim: &Claim| Outcome {
        status: DeliveryStatus::Waiting,
        ..failed(claim, 0)
    };
    let parked = |claim: &Claim| Outcome {
        status: DeliveryStatus::Parked,
        settled: true,
        ..failed(claim, 0)
    };
    let skipped = |claim: &Claim| Outcome {
        status: DeliveryStatus::Skipped,
        ..parked(claim)
    };
    let first = claim("ses_1", 5, "w1");
    granted(&store, &first).await;
    settle(&store, &waiting(&first)).await.unwrap();
    let again = claim("ses_1", 5, "w2");
    assert_eq!(granted(&store, &again).await.unwrap().settled, 0);
    settle(&store, &parked(&again)).await.unwrap();
    let stale = ClaimOutcome::Skip(SkipReason::Stale);
    assert_eq!(ask(&store, &claim("ses_1", 5, "w3")).await, stale);

    let next = claim("ses_1", 6, "w4");
    let before = granted(&store, &next).await.unwrap();
    assert_eq!((before.settled, before.status), (5, DeliveryStatus::Parked));
    settle(&store, &skipped(&next)).await.unwrap();
    let entry = standing(&store, &next).await.unwrap();
    assert_eq!(
        (entry.settled, entry.content),
        (6, None),
        "the CRM holds nothing of it"
    );
    assert_eq!(ask(&store, &claim("ses_1", 6, "w5")).await, stale);
}

async fn an_outcome_without_its_claim_is_refused(on: Harness) {
    let store = on.store().await;
    let claimed = claim("ses_1", 2, "w1");
    let unclaimed = settle(&store, &delivered(&claimed)).await;
    assert!(is_conflict(&unclaimed), "{unclaimed:?}");
    assert_eq!(standing(&store, &claimed).await, None);
    granted(&store, &claimed).await;
    for other in [
        claim("ses_1", 2, "w2"),
        claim("ses_1", 1, "w1"),
        claim("ses_1", 3, "w1"),
    ] {
        let refused = settle(&store, &delivered(&other)).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    let entry = standing(&store, &claimed).await.unwrap();
    assert_eq!((entry.settled, entry.lease_until), (0, LEASE_END));
}

async fn outcomes_of_one_call_keep_their_order(on: Harness) {
    let store = on.store().await;
    let claims: Vec<_> = (0..60)
        .map(|index| claim(&format!("ses_{index}"), 1, "w1"))
        .collect();
    store.claim(&claims).await;
    let mut outcomes: Vec<_> = claims.iter().map(delivered).collect();
    for outcome in outcomes.iter_mut().step_by(7) {
        "w2".clone_into(&mut outcome.claim.worker);
    }
    for (index, result) in store.settle(&outcomes).await.iter().enumerate() {
        assert_eq!(is_conflict(result), index % 7 == 0, "{index}: {result:?}");
        assert_eq!(result.is_ok(), index % 7 != 0, "{index}: {result:?}");
    }
}

async fn an_outcome_whose_answer_was_lost_can_be_recorded_again(on: Harness) {
    let store = on.store().await;
    let claim = claim("ses_1", 1, "w1");
    granted(&store, &claim).await;
    let outcome = full(&claim);
    on.wire.next(
        "BatchExecuteStatement",
        [Fate::LostRequest, Fate::LostAnswer],
    );
    for _ in 0..2 {
        let lost = settle(&store, &outcome).await;
        assert!(
            matches!(lost, Err(AwsError::Unavailable { .. })),
            "{lost:?}"
        );
    }
    let recorded = standing(&store, &claim).await;
    assert_eq!(recorded.as_ref().unwrap().settled, 1);
    settle(&store, &outcome).await.unwrap();
    assert_eq!(standing(&store, &claim).await, recorded);
}

async fn a_long_reason_is_cut(on: Harness) {
    let store = on.store().await;
    let claim = claim("ses_1", 1, "w1");
    granted(&store, &claim).await;
    let outcome = Outcome {
        reason: "ä".repeat(301),
        faults: (0..25).map(|index| fault(&format!("F{index}"))).collect(),
        ..failed(&claim, 1)
    };
    settle(&store, &outcome).await.unwrap();
    let entry = standing(&store, &claim).await.unwrap();
    assert_eq!(entry.reason, format!("{}…", "ä".repeat(299)));
    assert_eq!(
        (entry.faults.len(), entry.faults[19].field.as_str()),
        (20, "F19")
    );
}

/// What DynamoDB counts of an item: names and values as UTF-8, a number as one byte per two
/// significant digits and one more.
fn size(item: &serde_json::Value) -> usize {
    let attribute = |(name, value): (&String, &serde_json::Value)| {
        let text = |kind: &str| value[kind].as_str().map(str::to_owned);
        let bytes = text("S").map(|text| text.len());
        let digits = text("N").map(|text| text.trim_end_matches('0').len().div_ceil(2) + 1);
        name.len() + bytes.or(digits).unwrap()
    };
    item.as_object().unwrap().iter().map(attribute).sum()
}

/// Four records and three matches, each match with one candidate that was not chosen, under ids as
/// long as they are in production. Ids of CRMs: a GUID is the longest, a number of ten digits short.
#[tokio::test(start_paused = true)]
async fn a_delivery_costs_two_write_units() {
    const ULID: &str = "01KAGMGS60XJ2V8YJ5X5D3N9QH";
    for (crm, object, record) in [
        ("hubspot", "contacts", "38410219457"),
        ("salesforce", "Contact", "003Qy00000ABCDEIA4"),
        (
            "dynamics365",
            "contact",
            "465b158c-541c-e511-80d3-3863bb347ba8",
        ),
    ] {
        let on = Harness::in_process();
        let (store, local) = (on.store().await, on.local.clone().unwrap());
        let session = format!("ses_{ULID}");
        let claim = Claim {
            organization: id(&format!("org_{ULID}")),
            subject: Subject::session_to(&id(&format!("conn_{ULID}")), &id(&session)),
            event: id(&format!("evt_{ULID}")),
            content: "0123456789abcdef".repeat(2),
            ..claim(&session, 1, ULID)
        };
        let keys = [
            String::new(),
            "-task-ai_1".into(),
            "-task-ai_2".into(),
            "-task-ai_3".into(),
        ];
        let matches =
            (0..3).map(|person| chosen(person, object, record, &[(record, Rejection::Older)]));
        let outcome = Outcome {
            records: keys
                .map(|key| (format!("{session}{key}"), record.to_owned()))
                .into(),
            matches: matches.collect(),
            ..delivered(&claim)
        };
        local.reset_counts();
        granted(&store, &claim).await;
        settle(&store, &outcome).await.unwrap();
        let counts = local.counts();
        let tables = local.dump().unwrap().tables;
        let size = size(&tables.values().next().unwrap()[0]);
        println!("{crm}: {size} bytes");
        assert!(size <= 1_024, "{crm}: {size} bytes");
        assert!(
            (counts.write_units - 2.0).abs() < f64::EPSILON,
            "{crm}: {counts:?}"
        );
        assert!(
            counts.read_units.abs() < f64::EPSILON,
            "no read: {counts:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_claim_costs_too() {
    let on = Harness::in_process();
    let (store, local) = (on.store().await, on.local.clone().unwrap());
    granted(&store, &claim("ses_1", 1, "w1")).await;
    for (revision, units) in [(1, 2.0), (2, 1.0)] {
        local.reset_counts();
        ask(&store, &claim("ses_1", revision, "w2")).await;
        let counts = local.counts();
        assert!(
            (counts.write_units - units).abs() < f64::EPSILON,
            "{counts:?}"
        );
    }
}
