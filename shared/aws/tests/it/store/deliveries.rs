//! Listing deliveries, for people.

use std::collections::BTreeSet;

use hub_aws::{Store, store::DeliveryPage};
use hub_domain::{
    DeliveryId, Subject,
    filter::DeliveryFilter,
    ledger::{Claim, DeliveryStatus, LedgerEntry},
};

use super::{claim, delivered, failed, granted, id, standing};
use crate::harness::{Harness, suite};

suite! {
    second_opinion_store_deliveries:
    pages_hold_every_delivery_once,
    a_filter_leaves_out_what_does_not_fit,
    the_last_page_has_no_cursor,
    a_foreign_cursor_begins_at_the_start,
    nobody_else_s_deliveries_are_listed,
    an_id_no_delivery_has_finds_none,
}

/// 40 sessions on two connections: every third delivery is done, every fifth comes again.
async fn filled(on: &Harness) -> Store {
    let store = on.store().await;
    let mut claims = Vec::new();
    for index in 0..40 {
        for connection in ["conn_1", "conn_2"] {
            claims.push(Claim {
                subject: Subject::session_to(&id(connection), &id(&format!("ses_{index}"))),
                ..claim(&format!("ses_{index}"), 1, "w1")
            });
        }
    }
    assert!(store.claim(&claims).await.iter().all(Result::is_ok));
    let done = claims.iter().step_by(3).map(delivered);
    let again = claims
        .iter()
        .skip(1)
        .step_by(15)
        .map(|claim| failed(claim, 1));
    let outcomes: Vec<_> = done.chain(again).collect();
    assert!(store.settle(&outcomes).await.iter().all(Result::is_ok));
    store
}

async fn page(
    store: &Store,
    organization: &str,
    filter: &DeliveryFilter,
    cursor: Option<&str>,
    most: usize,
) -> DeliveryPage {
    let organization = id(organization);
    let page = store.deliveries(&organization, filter, cursor, most);
    page.await.unwrap()
}

fn ids(page: &DeliveryPage) -> Vec<DeliveryId> {
    page.deliveries.iter().map(LedgerEntry::id).collect()
}

/// All pages in turn, and how many there were.
async fn all(store: &Store, filter: &DeliveryFilter, most: usize) -> (Vec<DeliveryId>, usize) {
    let (mut found, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let page = page(store, "org_1", filter, cursor.as_deref(), most).await;
        assert!(page.deliveries.len() <= most);
        found.extend(ids(&page));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            return (found, pages);
        }
    }
}

async fn pages_hold_every_delivery_once(on: Harness) {
    let store = filled(&on).await;
    let (whole, pages) = all(&store, &DeliveryFilter::default(), 1_000).await;
    assert_eq!((whole.len(), pages), (80, 1));
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), 80);
    for most in [1, 7, 80] {
        let (found, _) = all(&store, &DeliveryFilter::default(), most).await;
        assert_eq!(found, whole, "pages of {most}");
    }
}

async fn a_filter_leaves_out_what_does_not_fit(on: Harness) {
    let store = filled(&on).await;
    let everything = page(&store, "org_1", &DeliveryFilter::default(), None, 1_000).await;
    let filter = |connection: Option<&str>, session: Option<&str>, status| DeliveryFilter {
        connection: connection.map(id),
        session: session.map(id),
        status,
        ..DeliveryFilter::default()
    };
    let (done, again) = (DeliveryStatus::Delivered, DeliveryStatus::Retrying);
    for (filter, count) in [
        (filter(Some("conn_1"), None, None), 40),
        (filter(None, Some("ses_1"), None), 2),
        (filter(Some("conn_2"), Some("ses_11"), None), 1),
        (filter(None, None, Some(done)), 27),
        (filter(None, None, Some(again)), 6),
        (filter(None, None, Some(DeliveryStatus::Parked)), 0),
        (filter(Some("conn_1"), None, Some(done)), 14),
        (filter(Some("conn_3"), None, None), 0),
    ] {
        let fits = everything.deliveries.iter().filter(|found| {
            filter
                .connection
                .as_ref()
                .is_none_or(|is| found.subject.connection() == Some(is))
                && filter
                    .session
                    .as_ref()
                    .is_none_or(|is| found.subject.session() == Some(is))
                && filter.status.is_none_or(|is| is == found.status)
        });
        let expected: Vec<_> = fits.map(LedgerEntry::id).collect();
        assert_eq!(expected.len(), count, "{filter:?}");
        for most in [1, 3, 100] {
            let (found, _) = all(&store, &filter, most).await;
            assert_eq!(found, expected, "{filter:?} in pages of {most}");
        }
    }
}

async fn the_last_page_has_no_cursor(on: Harness) {
    let store = filled(&on).await;
    let everything = DeliveryFilter::default();
    let first = page(&store, "org_1", &everything, None, 79).await;
    assert_eq!(first.deliveries.len(), 79);
    let second = page(&store, "org_1", &everything, first.next.as_deref(), 79).await;
    assert_eq!((second.deliveries.len(), second.next), (1, None));
    let empty = page(&store, "org_9", &everything, None, 79).await;
    assert_eq!((empty.deliveries.len(), empty.next), (0, None));
}

async fn a_foreign_cursor_begins_at_the_start(on: Harness) {
    let store = filled(&on).await;
    let of_one = DeliveryFilter {
        connection: Some(id("conn_1")),
        ..DeliveryFilter::default()
    };
    let foreign = [
        "",
        "/",
        "junk",
        "0/",
        "0/junk",
        "x/conn_1#ses_1",
        "-1/conn_1#ses_1",
        "8/conn_1#ses_1",
        "4294967296/conn_1#ses_1",
        "7/conn_1#",
        "7/#ses_1",
        "7/conn_1#ses_1#ses_2",
    ];
    for filter in [&DeliveryFilter::default(), &of_one] {
        let first = page(&store, "org_1", filter, None, 7).await;
        for cursor in foreign {
            let found = page(&store, "org_1", filter, Some(cursor), 7).await;
            assert_eq!(ids(&found), ids(&first), "{cursor:?}");
        }
    }
    let first = page(&store, "org_1", &of_one, None, 7).await;
    let other = page(&store, "org_1", &of_one, Some("3/conn_2#ses_1"), 7).await;
    assert_eq!(ids(&other), ids(&first), "of a list with another filter");
}

async fn nobody_else_s_deliveries_are_listed(on: Harness) {
    let store = filled(&on).await;
    let theirs = Claim {
        organization: id("org_2"),
        ..claim("ses_1", 1, "w2")
    };
    granted(&store, &theirs).await;
    let everything = DeliveryFilter::default();
    let found = page(&store, "org_2", &everything, None, 100).await;
    assert_eq!(found.deliveries.len(), 1);
    assert_eq!(found.deliveries[0].organization, theirs.organization);
    let ours = page(&store, "org_1", &everything, None, 7).await;
    let found = page(&store, "org_2", &everything, ours.next.as_deref(), 100).await;
    assert!(
        found
            .deliveries
            .iter()
            .all(|found| found.organization == theirs.organization)
    );
    assert_eq!(all(&store, &everything, 100).await.0.len(), 80);
    let org = id("org_3");
    let delivery = theirs.subject.delivery();
    assert_eq!(store.delivery(&org, &delivery).await.unwrap(), None);
}

async fn an_id_no_delivery_has_finds_none(on: Harness) {
    let store = on.store().await;
    let known = claim("ses_1", 1, "w1");
    granted(&store, &known).await;
    assert!(standing(&store, &known).await.is_some());
    for unknown in ["dlv_1", "dlv_1.2", "dlv_..", "dlv_1."] {
        let found = store.delivery(&id("org_1"), &id(unknown)).await.unwrap();
        assert_eq!(found, None, "{unknown}");
    }
}
