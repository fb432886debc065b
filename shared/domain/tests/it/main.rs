//! Properties that hold for any input. More cases by `PROPTEST_CASES`, as `just nightly` does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod audit;
mod limiter;

use hub_domain::{Envelope, SessionRecord, retry::backoff, text::cut};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

/// Any JSON, three levels deep, with the names of the contract among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        "[a-z~/]{0,4}",
        prop::sample::select(vec![
            "id",
            "type",
            "organizationId",
            "timestamp",
            "payload",
            "sessionId",
            "session",
            "summary",
            "action_item",
            "insight",
            "meeting",
            "kind",
            "title",
            "host",
            "email",
            "participants",
            "segments",
            "start_ms",
            "end_ms",
            "duration_seconds",
            "created_at",
            "action_items",
            "evidence",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "session.completed",
            "summary.generated",
            "insight.detected",
            "evt_1",
            "ses_1",
            "org_1",
            "2026-11-20T15:00:00Z",
            "a@b.example"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn event(kind: usize, id: u32, second: u32, text: &str) -> Envelope {
    let time = format!("2026-11-20T15:00:{:02}Z", second % 60);
    let (kind, payload) = match kind % 4 {
        0 => (
            "summary.generated",
            json!({ "sessionId": "ses_1", "summary": { "text": text } }),
        ),
        1 => (
            "action_item.created",
            json!({ "sessionId": "ses_1", "action_item": { "id": format!("a{}", id % 3), "title": text } }),
        ),
        2 => (
            "insight.detected",
            json!({ "sessionId": "ses_1", "insight": { "id": format!("i{}", id % 3), "kind": "risk", "value": text } }),
        ),
        _ => (
            "session.completed",
            json!({ "sessionId": "ses_1", "session": { "id": "ses_1", "title": text, "kind": "call", "created_at": time, "duration_seconds": 1,
                "host": { "name": "h", "email": "h@s.example" }, "action_items": [{ "id": "a0", "title": text }] } }),
        ),
    };
    let value = json!({ "id": format!("evt_{id}"), "type": kind, "organizationId": "org_1", "timestamp": time, "payload": payload });
    Envelope::parse(&value, "").unwrap()
}

proptest! {
    #[test]
    fn any_json_is_an_event_or_a_list_of_faults_that_lead_somewhere(value in any_json()) {
        if let Err(faults) = Envelope::parse(&value, "") {
            prop_assert!(!faults.is_empty());
            for fault in &faults.0 {
                // What is missing has no place of its own, but the object it is missing from has.
                let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(value.pointer(&fault.pointer).or(value.pointer(parent)).is_some(), "{} leads nowhere in {value}", fault.pointer);
                prop_assert!(!fault.problem.is_empty() && !fault.expected.is_empty());
            }
        }
    }

    #[test]
    fn a_session_is_the_same_whatever_order_its_events_come_in(
        parts in vec((0_usize..4, 0_u32..60, "[a-z]{1,4}"), 1..12),
        seed in any::<u64>(),
    ) {
        // Every event has an id of its own, as the contract says.
        let events: Vec<Envelope> = (0..).zip(&parts).map(|(id, (kind, second, text))| event(*kind, id, *second, text)).collect();
        let mut shuffled: Vec<&Envelope> = events.iter().chain(&events).collect();
        let mut state = seed;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
        }
        let merged = |events: &mut dyn Iterator<Item = &Envelope>| {
            let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
            events.for_each(|event| drop(record.merge(event)));
            record.revision = 0;
            record
        };
        prop_assert_eq!(merged(&mut events.iter()), merged(&mut shuffled.into_iter()));
    }

    #[test]
    fn a_cut_text_fits_and_begins_like_the_whole(text in "\\PC{0,60}", most in 0_usize..80) {
        let short = cut(&text, most);
        prop_assert!(short.encode_utf16().count() <= most);
        prop_assert!(text.starts_with(short.trim_end_matches('…')));
    }

    #[test]
    fn a_wait_is_never_longer_than_it_may_be(failures in any::<u32>(), unit in any::<f64>()) {
        prop_assert!(backoff(failures, unit) <= hub_domain::retry::LONGEST_WAIT);
    }
}
