//! Organizations and accepted events.

use std::collections::BTreeMap;

use hub_aws::store::{EventItem, PutEvent};
use hub_domain::{
    Organization, Timestamp,
    event::{OrganizationStatus, PlanTier},
};

use super::{NOW, id};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_events:
    the_newest_change_of_an_organization_stands,
    an_event_is_new_once,
    another_event_of_the_same_id_names_what_differs,
    an_event_is_an_organization_s_own,
    an_event_whose_first_answer_was_lost_is_the_same,
}

fn organization(name: &str, at: &str, event: &str) -> Organization {
    Organization {
        id: id("org_1"),
        name: name.to_owned(),
        plan: PlanTier::Professional,
        status: OrganizationStatus::Active,
        changed_at: at.parse().unwrap(),
        changed_by: id(event),
        has_webhooks: false,
    }
}

fn event(fields: &[(&str, &str)]) -> EventItem {
    EventItem {
        organization: id("org_1"),
        event: id("evt_1"),
        session: Some(id("ses_1")),
        fields: fields
            .iter()
            .map(|(pointer, hash)| ((*pointer).to_owned(), (*hash).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        accepted_at: Timestamp::from_millisecond(NOW).unwrap(),
        sealed: Some(vec![0, 159, 146, 150]),
    }
}

async fn the_newest_change_of_an_organization_stands(on: Harness) {
    let store = on.store().await;
    assert_eq!(store.organization(&id("org_1")).await.unwrap(), None);
    let steps = [
        ("first", "2026-11-20T15:00:00Z", "evt_5", true, "first"),
        ("again", "2026-11-20T15:00:00Z", "evt_5", true, "again"),
        ("older", "2026-11-20T14:59:59Z", "evt_9", false, "again"),
        (
            "smaller id",
            "2026-11-20T15:00:00Z",
            "evt_4",
            false,
            "again",
        ),
        (
            "larger id",
            "2026-11-20T15:00:00Z",
            "evt_6",
            true,
            "larger id",
        ),
        ("newer", "2026-11-20T15:00:00.001Z", "evt_1", true, "newer"),
    ];
    for (name, at, by, taken, stands) in steps {
        let change = organization(name, at, by);
        assert_eq!(
            store.put_organization(&change).await.unwrap(),
            taken,
            "{name}"
        );
        let found = store.organization(&change.id).await.unwrap().unwrap();
        assert_eq!(found.name, stands, "after {name}");
    }
    let newest = organization("newer", "2026-11-20T15:00:00.001Z", "evt_1");
    assert_eq!(
        store.organization(&newest.id).await.unwrap(),
        Some(newest),
        "whole"
    );
}

async fn an_event_is_new_once(on: Harness) {
    let store = on.store().await;
    let event = event(&[("/id", "h1"), ("/payload/title", "h2")]);
    assert_eq!(store.put_event(&event).await.unwrap(), PutEvent::New);
    for _ in 0..2 {
        assert_eq!(store.put_event(&event).await.unwrap(), PutEvent::Same);
    }
}

async fn another_event_of_the_same_id_names_what_differs(on: Harness) {
    let store = on.store().await;
    let first = event(&[
        ("/id", "h1"),
        ("/payload/kind", "h2"),
        ("/payload/title", "h3"),
    ]);
    assert_eq!(store.put_event(&first).await.unwrap(), PutEvent::New);
    let other = event(&[
        ("/id", "h1"),
        ("/payload/title", "h4"),
        ("/payload/url", "h5"),
    ]);
    let differs = ["/payload/kind", "/payload/title", "/payload/url"].map(str::to_owned);
    assert_eq!(
        store.put_event(&other).await.unwrap(),
        PutEvent::Different(differs.into()),
        "gone, changed and added"
    );
    assert_eq!(
        store.put_event(&first).await.unwrap(),
        PutEvent::Same,
        "the other one left nothing behind"
    );
}

async fn an_event_is_an_organization_s_own(on: Harness) {
    let store = on.store().await;
    let ours = event(&[("/id", "h1")]);
    let theirs = EventItem {
        organization: id("org_2"),
        ..event(&[("/id", "h9")])
    };
    for event in [ours, theirs] {
        assert_eq!(store.put_event(&event).await.unwrap(), PutEvent::New);
    }
}

async fn an_event_whose_first_answer_was_lost_is_the_same(on: Harness) {
    let store = on.store().await;
    let event = event(&[("/id", "h1")]);
    for lost in [Fate::LostRequest, Fate::LostAnswer] {
        on.wire.next("PutItem", [lost]);
        let error = store.put_event(&event).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
    }
    assert_eq!(store.put_event(&event).await.unwrap(), PutEvent::Same);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_forgotten_after_a_month() {
    let on = Harness::in_process();
    let (store, local) = (on.store().await, on.local.clone().unwrap());
    let event = EventItem {
        accepted_at: on.clock.now(),
        ..event(&[("/id", "h1")])
    };
    store.put_event(&event).await.unwrap();
    for (days, known) in [(29, PutEvent::Same), (2, PutEvent::New)] {
        on.wait_s(days * 86_400).await;
        local.sweep_ttl().unwrap();
        assert_eq!(store.put_event(&event).await.unwrap(), known, "{days}");
    }
}

/// An emulator may name the failed condition without the item that stands.
#[tokio::test(start_paused = true)]
async fn a_refusal_without_the_event_reads_it() {
    let on = Harness::in_process();
    let store = on.store().await;
    let event = event(&[("/id", "h1")]);
    let refusal = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}"#;
    on.wire.next("PutItem", [Fate::Answered(400, refusal)]);
    let nothing = store.put_event(&event).await;
    assert!(super::is_conflict(&nothing), "nothing stands: {nothing:?}");
    store.put_event(&event).await.unwrap();
    on.wire.next("PutItem", [Fate::Answered(400, refusal)]);
    assert_eq!(store.put_event(&event).await.unwrap(), PutEvent::Same);
}
