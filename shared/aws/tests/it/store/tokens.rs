//! Tokens: one refresh at a time, and of two the first to finish counts.

use hub_aws::{
    AwsError, Store,
    store::{TokenItem, Tokens},
};
use hub_domain::{ConnectionId, OrganizationId};
use secrecy::{ExposeSecret, SecretString};

use super::{NOW, id, is_conflict, ring, thirty_two};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_tokens:
    tokens_open_with_their_organization_s_key_only,
    tokens_belong_to_one_connection,
    a_refresh_replaces_both_tokens,
    of_many_refreshes_one_begins,
    a_refresh_that_died_can_be_begun_again,
    of_two_that_refreshed_the_first_to_finish_counts,
    a_pause_holds_for_all_but_those_who_insist,
    a_new_authorization_ends_a_refresh_under_way,
    a_finish_whose_answer_was_lost_was_done,
}

/// When a refresh loses its right.
const UNTIL: i64 = NOW + 30_000;
/// When the access tokens expire.
const EXPIRES: i64 = NOW + 1_800_000;

fn tokens(of: &str) -> Tokens {
    Tokens {
        access: SecretString::from(format!("access {of}")),
        refresh: Some(SecretString::from(format!("refresh {of}"))),
    }
}

fn keys() -> (OrganizationId, ConnectionId) {
    (id("org_1"), id("conn_1"))
}

/// Tokens are there, authorized at [`NOW`].
async fn authorized(on: &Harness) -> (Store, TokenItem) {
    let store = on.store().await;
    authorize(on, &store, "first", NOW).await;
    let item = read(&store).await;
    (store, item)
}

async fn authorize(on: &Harness, store: &Store, of: &str, now: i64) {
    let (org, conn) = keys();
    store
        .put_tokens(
            &ring(1),
            &on.entropy,
            &org,
            &conn,
            &tokens(of),
            EXPIRES,
            now,
        )
        .await
        .unwrap();
}

async fn read(store: &Store) -> TokenItem {
    let (org, conn) = keys();
    store.token(&org, &conn).await.unwrap().unwrap()
}

async fn finish(
    on: &Harness,
    store: &Store,
    item: &TokenItem,
    holder: &str,
) -> Result<(), AwsError> {
    store
        .finish_refresh(
            &ring(1),
            &on.entropy,
            item,
            &tokens(holder),
            EXPIRES + 1,
            NOW + 1,
        )
        .await
}

fn opened(item: &TokenItem) -> (String, Option<String>) {
    let tokens = item.open(&ring(1)).unwrap();
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    (text(&tokens.access), tokens.refresh.as_ref().map(text))
}

fn both(of: &str) -> (String, Option<String>) {
    (format!("access {of}"), Some(format!("refresh {of}")))
}

async fn tokens_open_with_their_organization_s_key_only(on: Harness) {
    let (_, item) = authorized(&on).await;
    assert_eq!(opened(&item), both("first"));
    assert_eq!((item.expires_at, &item.refreshing), (EXPIRES, &None));
    let foreign = item.open(&ring(2));
    assert!(
        matches!(foreign, Err(AwsError::Corrupt { .. })),
        "{foreign:?}"
    );
    let shown = format!("{item:?} {:?}", item.open(&ring(1)));
    assert!(
        !shown.contains("access first") && !shown.contains("refresh first"),
        "{shown}"
    );
}

async fn tokens_belong_to_one_connection(on: Harness) {
    let (store, _) = authorized(&on).await;
    let (org, conn) = keys();
    for (org, conn) in [(org, id("conn_2")), (id("org_2"), conn)] {
        assert!(store.token(&org, &conn).await.unwrap().is_none());
    }
    let (org, conn) = (id("org_1"), id("conn_2"));
    let kept = Tokens {
        refresh: None,
        ..tokens("second")
    };
    store
        .put_tokens(&ring(1), &on.entropy, &org, &conn, &kept, EXPIRES, NOW)
        .await
        .unwrap();
    let item = store.token(&org, &conn).await.unwrap().unwrap();
    assert_eq!(opened(&item), ("access second".to_owned(), None));
    assert_eq!(opened(&read(&store).await), both("first"));
}

async fn a_refresh_replaces_both_tokens(on: Harness) {
    let (store, before) = authorized(&on).await;
    store
        .begin_refresh(&before, "a", NOW, UNTIL, false)
        .await
        .unwrap();
    let during = read(&store).await;
    assert_eq!(during.refreshing, Some(("a".to_owned(), UNTIL)));
    assert_eq!(
        (during.version, opened(&during)),
        (before.version, both("first"))
    );
    finish(&on, &store, &before, "a").await.unwrap();
    let after = read(&store).await;
    assert_eq!(after.version, before.version + 1);
    assert_eq!((after.expires_at, &after.refreshing), (EXPIRES + 1, &None));
    assert_eq!(opened(&after), both("a"));
    let old = store.begin_refresh(&before, "b", NOW, UNTIL, false).await;
    assert!(is_conflict(&old), "it was read before the refresh: {old:?}");
    store
        .begin_refresh(&after, "b", NOW, UNTIL, false)
        .await
        .unwrap();
}

async fn of_many_refreshes_one_begins(on: Harness) {
    let (store, item) = authorized(&on).await;
    let results = thirty_two(|worker| {
        let (store, item) = (store.clone(), item.clone());
        async move {
            let holder = format!("w{worker}");
            let begun = store.begin_refresh(&item, &holder, NOW, UNTIL, false).await;
            begun.map(|()| holder)
        }
    })
    .await;
    let won: Vec<_> = results.iter().flatten().cloned().collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!(
        results.iter().filter(|result| is_conflict(result)).count(),
        31
    );
    assert_eq!(read(&store).await.refreshing, Some((won[0].clone(), UNTIL)));
}

async fn a_refresh_that_died_can_be_begun_again(on: Harness) {
    let (store, item) = authorized(&on).await;
    store
        .begin_refresh(&item, "a", NOW, UNTIL, false)
        .await
        .unwrap();
    let early = store
        .begin_refresh(&item, "b", UNTIL - 1, UNTIL + 9, false)
        .await;
    assert!(is_conflict(&early), "{early:?}");
    store
        .begin_refresh(&item, "b", UNTIL, UNTIL + 9, false)
        .await
        .unwrap();
}

async fn of_two_that_refreshed_the_first_to_finish_counts(on: Harness) {
    let (store, item) = authorized(&on).await;
    store
        .begin_refresh(&item, "slow", NOW, UNTIL, false)
        .await
        .unwrap();
    store
        .begin_refresh(&item, "fast", UNTIL, UNTIL + 9, false)
        .await
        .unwrap();
    store
        .pause_refresh(&item, "slow", UNTIL + 99)
        .await
        .unwrap();
    assert!(read(&store).await.refreshing.is_some(), "not slow's to end");
    // What came in is not thrown away because its time was over.
    finish(&on, &store, &item, "slow").await.unwrap();
    let late = finish(&on, &store, &item, "fast").await;
    assert!(is_conflict(&late), "{late:?}");
    let after = read(&store).await;
    assert_eq!(
        (after.version, opened(&after)),
        (item.version + 1, both("slow"))
    );
    assert_eq!((after.refreshing, after.since), (None, NOW + 1));
}

async fn a_pause_holds_for_all_but_those_who_insist(on: Harness) {
    let (store, item) = authorized(&on).await;
    assert_eq!(item.since, NOW);
    for holder in ["a", "a"] {
        let begun = store.begin_refresh(&item, holder, NOW, UNTIL, false).await;
        begun.unwrap();
    }
    let insists = store.begin_refresh(&item, "b", NOW, UNTIL, true).await;
    assert!(is_conflict(&insists), "it is no pause: {insists:?}");
    store.pause_refresh(&item, "a", UNTIL).await.unwrap();
    let paused = read(&store).await;
    assert_eq!(
        (&paused.refreshing, paused.paused_until),
        (&None, Some(UNTIL))
    );
    assert_eq!((paused.version, paused.failures), (item.version, 1));
    assert_eq!(opened(&paused), both("first"));
    let early = store.begin_refresh(&item, "b", NOW, UNTIL, false).await;
    assert!(is_conflict(&early), "{early:?}");
    store
        .begin_refresh(&item, "b", NOW, UNTIL, true)
        .await
        .unwrap();
    store.pause_refresh(&paused, "b", NOW).await.unwrap();
    assert_eq!(read(&store).await.failures, 2);
    store
        .begin_refresh(&item, "c", NOW, UNTIL, false)
        .await
        .unwrap();
    finish(&on, &store, &item, "c").await.unwrap();
    assert_eq!(read(&store).await.failures, 0);
}

async fn a_new_authorization_ends_a_refresh_under_way(on: Harness) {
    let (store, item) = authorized(&on).await;
    store
        .begin_refresh(&item, "a", NOW, UNTIL, false)
        .await
        .unwrap();
    authorize(&on, &store, "second", NOW + 5_000).await;
    let late = finish(&on, &store, &item, "a").await;
    assert!(is_conflict(&late), "{late:?}");
    let after = read(&store).await;
    assert_eq!((opened(&after), &after.refreshing), (both("second"), &None));
    assert!(after.version > item.version);
}

/// The repeat is refused, and a reader then finds the new tokens: nobody sends the refresh token
/// that is spent.
async fn a_finish_whose_answer_was_lost_was_done(on: Harness) {
    let (store, item) = authorized(&on).await;
    store
        .begin_refresh(&item, "a", NOW, UNTIL, false)
        .await
        .unwrap();
    on.wire
        .next("UpdateItem", [Fate::LostRequest, Fate::LostAnswer]);
    for _ in 0..2 {
        let lost = finish(&on, &store, &item, "a").await;
        assert!(lost.unwrap_err().is_transient());
    }
    let again = finish(&on, &store, &item, "a").await;
    assert!(is_conflict(&again), "{again:?}");
    let after = read(&store).await;
    assert_eq!(
        (after.version, opened(&after)),
        (item.version + 1, both("a"))
    );
}
