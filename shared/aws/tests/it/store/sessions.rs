//! Sessions: sealed, in pieces where they are large, with the transcript apart.

use std::sync::Arc;

use hub_aws::{AwsError, Entropy, Store};
use hub_domain::{
    OrganizationId, SessionId, SessionRecord, Timestamp,
    event::{Segment, Summary},
    session::Part,
};
use tokio::sync::Notify;

use super::{NOW, id, is_conflict, ring, thirty_two};
use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_store_sessions:
    a_session_is_read_as_it_was_written,
    a_session_opens_with_its_organization_s_key_only,
    of_two_changes_of_one_revision_the_second_is_refused,
    of_many_first_writes_one_stands,
    a_large_session_is_whole,
    a_refused_large_write_leaves_what_stands,
    a_reader_of_the_revision_before_is_not_disturbed,
    a_transcript_is_kept_apart_and_replaced,
    a_repeated_transcript_that_died_midway_harms_nothing,
    many_sessions_come_in_the_order_asked,
    a_write_whose_answer_was_lost_was_done,
}

/// As much as does not compress below 3 MB: eight pieces.
const VERY_LARGE: usize = 4_100_000;
/// Three pieces.
const LARGE: usize = 1_100_000;

fn at() -> Timestamp {
    Timestamp::from_millisecond(NOW).unwrap()
}

/// Text of six random bits a byte: no compressor gets it below three quarters.
fn noise(seed: u64, length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = vec![0; length];
    Entropy::seeded(seed).fill(&mut bytes);
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte & 63)]);
    bytes.into_iter().map(letter).collect()
}

fn record(session: &str, revision: u64, text: &str) -> SessionRecord {
    let mut record = SessionRecord::new(id("org_1"), id(session));
    record.revision = revision;
    record.summary = Some(Part {
        at: at(),
        event: id("evt_1"),
        value: Summary {
            text: text.to_owned(),
            format: "text".to_owned(),
            sections: Vec::new(),
            extra: serde_json::Map::new(),
        },
    });
    record
}

fn segments(texts: &[&str]) -> Vec<Segment> {
    let segment = |(index, text): (usize, &&str)| Segment {
        id: id(&format!("seg_{index}")),
        speaker: "Ada".to_owned(),
        start_ms: index as u64 * 1_000,
        end_ms: index as u64 * 1_000 + 900,
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(segment).collect()
}

async fn put(on: &Harness, store: &Store, record: &SessionRecord) -> Result<(), AwsError> {
    put_with(on, store, record, None).await
}

async fn put_with(
    on: &Harness,
    store: &Store,
    record: &SessionRecord,
    transcript: Option<&[Segment]>,
) -> Result<(), AwsError> {
    store
        .put_session(&ring(1), &on.entropy, record, transcript, at())
        .await
}

async fn read(store: &Store, session: &str) -> Option<SessionRecord> {
    let sealed = store.session(&id("org_1"), &id(session)).await.unwrap()?;
    let record = sealed.open(&ring(1)).unwrap();
    assert_eq!(record.revision, sealed.revision);
    Some(record)
}

async fn a_session_is_read_as_it_was_written(on: Harness) {
    let store = on.store().await;
    assert_eq!(read(&store, "ses_1").await, None);
    for revision in 1..=3 {
        let record = record("ses_1", revision, &format!("Grüße {revision}"));
        put(&on, &store, &record).await.unwrap();
        assert_eq!(read(&store, "ses_1").await, Some(record));
    }
    assert_eq!(read(&store, "ses_10").await, None);
    let theirs = store.session(&id("org_2"), &id("ses_1")).await.unwrap();
    assert!(
        theirs.is_none(),
        "another organization's is another session"
    );
}

async fn a_session_opens_with_its_organization_s_key_only(on: Harness) {
    let store = on.store().await;
    let mut record = record("ses_1", 1, "s3cret");
    record.transcript = Some(id("evt_1"));
    put_with(&on, &store, &record, Some(&segments(&["s3cret"])))
        .await
        .unwrap();
    let sealed = store.session(&id("org_1"), &id("ses_1")).await;
    let sealed = sealed.unwrap().unwrap();
    assert!(matches!(
        sealed.open(&ring(2)),
        Err(AwsError::Corrupt { .. })
    ));
    let transcript = store.transcript(&ring(2), &record).await;
    assert!(matches!(transcript, Err(AwsError::Corrupt { .. })));
}

async fn of_two_changes_of_one_revision_the_second_is_refused(on: Harness) {
    let store = on.store().await;
    put(&on, &store, &record("ses_1", 1, "first"))
        .await
        .unwrap();
    let again = put(&on, &store, &record("ses_1", 1, "also first")).await;
    assert!(is_conflict(&again), "{again:?}");
    put(&on, &store, &record("ses_1", 2, "one")).await.unwrap();
    let second = put(&on, &store, &record("ses_1", 2, "other")).await;
    assert!(is_conflict(&second), "{second:?}");
    let ahead = put(&on, &store, &record("ses_1", 4, "ahead")).await;
    assert!(is_conflict(&ahead), "{ahead:?}");
    let unknown = put(&on, &store, &record("ses_2", 2, "unknown")).await;
    assert!(is_conflict(&unknown), "{unknown:?}");
    assert_eq!(read(&store, "ses_1").await, Some(record("ses_1", 2, "one")));
}

async fn of_many_first_writes_one_stands(on: Harness) {
    let store = on.store().await;
    let results = thirty_two(|worker| {
        let (store, entropy) = (store.clone(), on.entropy.clone());
        async move {
            let record = record("ses_1", 1, &format!("by {worker}"));
            let ring = ring(1);
            let put = store.put_session(&ring, &entropy, &record, None, at());
            put.await.map(|()| record)
        }
    })
    .await;
    let won: Vec<_> = results.iter().flatten().cloned().collect();
    assert_eq!(won.len(), 1);
    assert!(
        results
            .iter()
            .all(|result| result.is_ok() || is_conflict(result))
    );
    assert_eq!(read(&store, "ses_1").await.as_ref(), Some(&won[0]));
}

async fn a_large_session_is_whole(on: Harness) {
    let store = on.store().await;
    let small = record("ses_1", 1, "small");
    put(&on, &store, &small).await.unwrap();
    assert_eq!(on.wire.calls("PutItem"), 0, "one item");
    let large = record("ses_1", 2, &noise(1, VERY_LARGE));
    put(&on, &store, &large).await.unwrap();
    assert_eq!(on.wire.calls("PutItem"), 8, "3 MB in pieces of 380 KB");
    let kept = store.session(&id("org_1"), &id("ses_1")).await;
    let kept = kept.unwrap().unwrap();
    assert!(read(&store, "ses_1").await == Some(large.clone()));
    let many = store.sessions(&[(id("org_1"), id("ses_1"))]).await.unwrap();
    assert!(many[0].as_ref().unwrap().open(&ring(1)).unwrap() == large);

    let small = record("ses_1", 3, "small again");
    put(&on, &store, &small).await.unwrap();
    assert_eq!(read(&store, "ses_1").await, Some(small));
    assert!(
        kept.open(&ring(1)).unwrap() == large,
        "what was read stays readable"
    );
}

/// Both writers put their pieces before either learns who won.
async fn a_refused_large_write_leaves_what_stands(on: Harness) {
    let store = on.store().await;
    put(&on, &store, &record("ses_1", 1, "first"))
        .await
        .unwrap();
    let won = record("ses_1", 2, &noise(2, LARGE));
    put(&on, &store, &won).await.unwrap();
    let late = put(&on, &store, &record("ses_1", 2, &noise(3, LARGE))).await;
    assert!(is_conflict(&late), "{late:?}");
    assert!(read(&store, "ses_1").await == Some(won), "the winner's");
}

async fn a_reader_of_the_revision_before_is_not_disturbed(on: Harness) {
    let store = on.store().await;
    let before = record("ses_1", 1, &noise(4, LARGE));
    put(&on, &store, &before).await.unwrap();
    let turn = Arc::new(Notify::new());
    on.wire
        .next("GetItem", [Fate::Passes, Fate::Waits(Arc::clone(&turn))]);
    let overtakes = async {
        while on.wire.calls("GetItem") < 2 {
            tokio::task::yield_now().await;
        }
        let after = record("ses_1", 2, &noise(5, LARGE));
        put(&on, &store, &after).await.unwrap();
        turn.notify_one();
    };
    let (found, ()) = tokio::join!(read(&store, "ses_1"), overtakes);
    assert!(found == Some(before), "its pieces are still there");
    assert_eq!(read(&store, "ses_1").await.unwrap().revision, 2);
}

async fn a_transcript_is_kept_apart_and_replaced(on: Harness) {
    let store = on.store().await;
    let none = record("ses_1", 1, "no transcript yet");
    put(&on, &store, &none).await.unwrap();
    assert_eq!(store.transcript(&ring(1), &none).await.unwrap(), []);

    let words = noise(6, LARGE);
    let (long, short) = (segments(&[&words, "Tschüß"]), segments(&["corrected"]));
    let mut first = record("ses_1", 2, "first");
    first.transcript = Some(id("evt_2"));
    put_with(&on, &store, &first, Some(&long)).await.unwrap();
    assert!(store.transcript(&ring(1), &first).await.unwrap() == long);

    let mut renamed = first.clone();
    renamed.revision = 3;
    put(&on, &store, &renamed).await.unwrap();
    let kept = store.transcript(&ring(1), &renamed).await.unwrap();
    assert!(kept == long, "a change without one keeps it");

    let mut second = record("ses_1", 4, "second");
    second.transcript = Some(id("evt_4"));
    put_with(&on, &store, &second, Some(&short)).await.unwrap();
    assert_eq!(store.transcript(&ring(1), &second).await.unwrap(), short);
    let replaced = store.transcript(&ring(1), &first).await;
    assert!(is_conflict(&replaced), "read the session again");
}

async fn a_repeated_transcript_that_died_midway_harms_nothing(on: Harness) {
    let store = on.store().await;
    let words = noise(7, LARGE);
    let spoken = segments(&[&words]);
    let mut record = record("ses_1", 1, "first");
    record.transcript = Some(id("evt_1"));
    put_with(&on, &store, &record, Some(&spoken)).await.unwrap();
    on.wire.next("PutItem", [Fate::Passes, Fate::LostRequest]);
    let died = put_with(&on, &store, &record, Some(&spoken)).await;
    assert!(died.unwrap_err().is_transient());
    assert!(store.transcript(&ring(1), &record).await.unwrap() == spoken);
}

async fn many_sessions_come_in_the_order_asked(on: Harness) {
    let store = on.store().await;
    let mut asked: Vec<(OrganizationId, SessionId)> = Vec::new();
    for index in (0..120).rev() {
        let session = format!("ses_{index}");
        if index % 10 != 3 {
            put(&on, &store, &record(&session, 1, &session))
                .await
                .unwrap();
        }
        asked.push((id("org_1"), id(&session)));
    }
    asked.push((id("org_2"), id("ses_7")));
    asked.push((id("org_1"), id("ses_7")));
    let found = store.sessions(&asked).await.unwrap();
    assert_eq!(on.wire.calls("BatchGetItem"), 2);
    assert_eq!(found.len(), asked.len());
    for ((org, session), sealed) in asked.iter().zip(found) {
        let there = org.as_str() == "org_1" && !session.as_str().ends_with('3');
        let opened = sealed.map(|sealed| sealed.open(&ring(1)).unwrap());
        let expected = there.then(|| record(session.as_str(), 1, session.as_str()));
        assert_eq!(opened, expected, "{org} {session}");
    }
    assert!(store.sessions(&[]).await.unwrap().is_empty());
}

async fn a_write_whose_answer_was_lost_was_done(on: Harness) {
    let store = on.store().await;
    let record = record("ses_1", 1, "first");
    on.wire
        .next("UpdateItem", [Fate::LostRequest, Fate::LostAnswer]);
    for _ in 0..2 {
        assert!(put(&on, &store, &record).await.unwrap_err().is_transient());
    }
    let again = put(&on, &store, &record).await;
    assert!(is_conflict(&again), "read and merge again: {again:?}");
    assert_eq!(read(&store, "ses_1").await, Some(record));
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_left_out_is_asked_for_again() {
    const LEFT: Fate = Fate::Answered(
        200,
        r#"{"Responses":{},"UnprocessedKeys":{"table":{"Keys":[{"pk":{"S":"org_1#session#2"},"sk":{"S":"ses_1"}}]}}}"#,
    );
    let on = Harness::in_process();
    let store = on.store().await;
    put(&on, &store, &record("ses_1", 1, "first"))
        .await
        .unwrap();
    let asked = [(id("org_1"), id("ses_1"))];
    on.wire.next("BatchGetItem", [LEFT, LEFT, LEFT]);
    let found = store.sessions(&asked).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().revision, 1);
    on.wire.next("BatchGetItem", [LEFT, LEFT, LEFT, LEFT]);
    let found = store.sessions(&asked).await;
    assert!(
        matches!(found, Err(AwsError::Throttled { .. })),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_readable_is_stored() {
    let on = Harness::in_process();
    let store = on.store().await;
    let mut record = record("ses_1", 1, "s3cret");
    record.transcript = Some(id("evt_1"));
    put_with(&on, &store, &record, Some(&segments(&["s3cret"])))
        .await
        .unwrap();
    let tables = on.local.unwrap().dump().unwrap().tables;
    let dump = format!("{tables:?}");
    assert!(dump.contains("ses_1") && !dump.contains("s3cret"));
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_a_year_after_its_last_change() {
    let on = Harness::in_process();
    let (store, local) = (on.store().await, on.local.clone().unwrap());
    for (revision, text) in [(1, noise(8, LARGE)), (2, "small".to_owned())] {
        let record = record("ses_1", revision, &text);
        store
            .put_session(&ring(1), &on.entropy, &record, None, on.clock.now())
            .await
            .unwrap();
        on.wait_s(364 * 86_400).await;
        local.sweep_ttl().unwrap();
        assert!(read(&store, "ses_1").await == Some(record));
    }
    on.wait_s(2 * 86_400).await;
    local.sweep_ttl().unwrap();
    assert_eq!(read(&store, "ses_1").await, None);
    let tables = local.dump().unwrap().tables;
    assert!(tables.values().all(Vec::is_empty), "pieces too");
}
