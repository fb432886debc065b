//! The audit log.

use std::{collections::BTreeSet, time::Duration};

use hub_aws::{
    Store,
    store::{Append, Appended, AuditHead, NewEntry, SealedAt},
};
use hub_domain::{
    OrganizationId, Timestamp,
    audit::{Evidence, Leaf},
    merkle::Frontier,
};

use super::{NOW, id, thirty_two};
use crate::harness::{Harness, suite};

suite! {
    second_opinion_store_audit:
    entries_come_back_with_their_evidence,
    a_page_goes_on_where_the_one_before_ended,
    a_change_that_comes_twice_is_known,
    of_many_writers_none_takes_another_s_place,
    a_log_waits_for_a_checkpoint_until_it_has_one,
    a_page_that_ends_with_the_last_key_is_the_last,
    evidence_can_go_and_the_leaf_stays,
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW).unwrap()
}

fn entry(organization: &OrganizationId, index: u64, name: &str) -> NewEntry {
    // As random as a salt is, so that it compresses as one does.
    let salt = Evidence {
        salt: String::new(),
        content: name.to_owned(),
    };
    let evidence = Evidence {
        salt: salt.commitment(),
        content: format!("{{\"name\":\"{name}\"}}"),
    };
    let leaf = Leaf {
        at: now(),
        commitment: evidence.commitment(),
        index,
        kind: "connection_changed".to_owned(),
        organization: organization.clone(),
        subject: name.to_owned(),
    };
    NewEntry {
        id: name.to_owned(),
        leaf,
        evidence,
    }
}

/// Appends entries of these names to the log as it stands, of changes one after the other.
async fn append(store: &Store, organization: &OrganizationId, names: &[&str]) -> Appended {
    let before = store.audit_head(organization).await.unwrap();
    let mut after: AuditHead = before.clone();
    let entries: Vec<NewEntry> = names
        .iter()
        .map(|name| {
            let entry = entry(organization, after.tree.size(), name);
            after.tree.push(entry.leaf.hash());
            after.see("conn#0", &after.tree.size().to_string());
            entry
        })
        .collect();
    let append = Append {
        organization,
        before: &before,
        after: &after,
        entries: &entries,
        now: now(),
    };
    store.append_audit(&append).await.unwrap()
}

/// What happened to what, and whether the tree is that of these leaves.
async fn log(store: &Store, organization: &OrganizationId) -> Vec<String> {
    let page = store.audit_page(organization, 0, 1000).await.unwrap();
    assert_eq!(page.next, None);
    let mut tree = Frontier::default();
    for (index, entry) in (0..).zip(&page.entries) {
        assert_eq!(entry.leaf.index, index);
        tree.push(entry.leaf.hash());
    }
    assert_eq!(store.audit_head(organization).await.unwrap().tree, tree);
    let subject = |entry: &hub_domain::audit::Entry| entry.leaf.subject.clone();
    page.entries.iter().map(subject).collect()
}

async fn entries_come_back_with_their_evidence(on: Harness) {
    let store = on.store().await;
    let (org, other) = (id("org_1"), id("org_2"));
    assert_eq!(append(&store, &org, &["a", "b"]).await, Appended::Done);
    assert_eq!(append(&store, &org, &["c"]).await, Appended::Done);
    assert_eq!(append(&store, &other, &["a"]).await, Appended::Done);
    assert_eq!(log(&store, &org).await, ["a", "b", "c"]);
    assert_eq!(log(&store, &other).await, ["a"]);
    let page = store.audit_page(&org, 0, 10).await.unwrap();
    for (index, entry) in page.entries.iter().enumerate() {
        let name = ["a", "b", "c"][index];
        let expected = self::entry(&org, index as u64, name);
        assert_eq!(entry.leaf, expected.leaf);
        assert_eq!(entry.evidence.as_ref(), Some(&expected.evidence));
    }
    let most: Vec<String> = (0..Append::MOST).map(|n| format!("m{n}")).collect();
    let most: Vec<&str> = most.iter().map(String::as_str).collect();
    assert_eq!(append(&store, &org, &most).await, Appended::Done);
    assert_eq!(log(&store, &org).await.len(), 3 + Append::MOST);
}

async fn a_page_goes_on_where_the_one_before_ended(on: Harness) {
    let store = on.store().await;
    let org = id("org_1");
    for names in [&["a"][..], &["b", "c", "d"], &["e"], &["f", "g"]] {
        append(&store, &org, names).await;
    }
    let mut pages = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let page = store.audit_page(&org, at, 2).await.unwrap();
        let subjects = page.entries.iter().map(|entry| entry.leaf.subject.as_str());
        pages.push(subjects.collect::<String>());
        from = page.next;
    }
    assert_eq!(
        pages,
        ["abcd", "efg"],
        "what was appended together stays together"
    );
    let behind = store.audit_page(&org, 7, 2).await.unwrap();
    assert_eq!((behind.entries.len(), behind.next), (0, None));
}

async fn a_change_that_comes_twice_is_known(on: Harness) {
    let store = on.store().await;
    let org: OrganizationId = id("org_1");
    for names in [&["a", "b"][..], &["c"], &["d", "e", "f"]] {
        append(&store, &org, names).await;
    }
    let head = store.audit_head(&org).await.unwrap();
    for (partition, sequence, is_new) in [
        ("conn#0", "6", false),
        ("conn#0", "0005", false),
        ("conn#0", "7", true),
        ("conn#0", "10", true),
        ("dlv#3", "1", true),
    ] {
        assert_eq!(
            head.is_new(partition, sequence),
            is_new,
            "{partition} {sequence}"
        );
    }
    let known = async |names: &[&str], since: Timestamp| {
        let names = names.iter().copied().collect();
        let found = store.audit_known(&org, &names, since).await.unwrap();
        found.into_iter().collect::<String>()
    };
    assert_eq!(known(&["a", "x", "e", "c"], now()).await, "ace");
    // It is asked for what was appended since.
    let later = now() + std::time::Duration::from_secs(1);
    assert_eq!(known(&["a", "e"], later).await, "");
    // However many appends there were meanwhile.
    for n in 0..25 {
        append(&store, &org, &[&format!("n{n}")]).await;
    }
    assert_eq!(known(&["a", "n7"], now()).await, "an7");
}

async fn of_many_writers_none_takes_another_s_place(on: Harness) {
    let store = on.store().await;
    let org: OrganizationId = id("org_1");
    let write = |writer| {
        let (store, org) = (store.clone(), org.clone());
        async move {
            let name = format!("w{writer}");
            while append(&store, &org, &[&name]).await != Appended::Done {}
        }
    };
    thirty_two(write).await;
    let mut found = log(&store, &org).await;
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 32);
}

async fn a_log_waits_for_a_checkpoint_until_it_has_one(on: Harness) {
    let store = on.store().await;
    let org: OrganizationId = id("org_1");
    let waiting = async || {
        let found = store.unsealed().await.unwrap();
        assert!(found.iter().all(|one| one.since == now()));
        found.len()
    };
    let seal = async |size, note: &str| {
        let sealed = SealedAt {
            organization: &org,
            size,
            note,
            key: "key",
        };
        store.seal_audit(&sealed).await.unwrap();
    };
    assert_eq!(waiting().await, 0);
    assert_eq!(store.last_checkpoint(&org).await.unwrap(), None);
    append(&store, &org, &["a", "b"]).await;
    append(&store, &org, &["c"]).await;
    assert_eq!(waiting().await, 1);
    // It has grown since: the mark stays.
    seal(2, "two").await;
    assert_eq!(waiting().await, 1);
    seal(3, "three").await;
    assert_eq!(waiting().await, 0);
    // A second one of the same size changes nothing.
    seal(3, "another three").await;
    let last = store.last_checkpoint(&org).await.unwrap();
    assert_eq!(last, Some(("three".to_owned(), "key".to_owned())));
    // Each page has the checkpoints over its own entries.
    let checkpoints = async |from, most| {
        let page = store.audit_page(&org, from, most).await.unwrap();
        (page.checkpoints, page.next)
    };
    assert_eq!(checkpoints(0, 1).await, (vec!["two".to_owned()], Some(2)));
    assert_eq!(checkpoints(2, 1).await, (vec!["three".to_owned()], None));
    assert_eq!(checkpoints(3, 1).await, (vec![], None));
}

/// A query that is as full as it may be says that there may be more.
async fn a_page_that_ends_with_the_last_key_is_the_last(on: Harness) {
    let store = on.store().await;
    let org: OrganizationId = id("org_1");
    for size in 1..=100 {
        append(&store, &org, &[&format!("e{size}")]).await;
        let sealed = SealedAt {
            organization: &org,
            size,
            note: &format!("note {size}"),
            key: "key",
        };
        store.seal_audit(&sealed).await.unwrap();
    }
    let page = store.audit_page(&org, 0, 100).await.unwrap();
    assert_eq!((page.entries.len(), page.checkpoints.len()), (100, 100));
    assert_eq!(page.next, None);
    // Backwards too, where ten parts are asked for at once.
    let unknown = BTreeSet::from(["e101"]);
    let since = now().checked_sub(Duration::from_secs(1)).unwrap();
    let known = store.audit_known(&org, &unknown, since).await.unwrap();
    assert!(known.is_empty());
}

async fn evidence_can_go_and_the_leaf_stays(on: Harness) {
    let store = on.store().await;
    let org = id("org_1");
    append(&store, &org, &["a"]).await;
    append(&store, &org, &["b"]).await;
    on.clients
        .dynamodb
        .delete_item()
        .table_name(format!("{}table", on.unique))
        .key("pk", text("org_1#evid#5"))
        .key("sk", text(&format!("evid#{:020}", 0)))
        .send()
        .await
        .unwrap();
    let page = store.audit_page(&org, 0, 10).await.unwrap();
    let has_evidence: Vec<bool> = page
        .entries
        .iter()
        .map(|entry| entry.evidence.is_some())
        .collect();
    assert_eq!(has_evidence, [false, true]);
    assert_eq!(log(&store, &org).await, ["a", "b"]);
}

fn text(value: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_append_costs_what_the_documents_say() {
    let on = Harness::in_process();
    let store = on.store().await;
    let local = on.local.as_ref().unwrap();
    let org = id("org_1");
    append(&store, &org, &["first"]).await;
    let mut costs = Vec::new();
    for count in [1, 10, 90] {
        let names: Vec<String> = (0..count).map(|n| format!("{count}-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        local.reset_counts();
        append(&store, &org, &names).await;
        let counts = local.counts();
        costs.push((counts.write_units, counts.read_units));
    }
    // Twice, since it is a transaction: one per started KB of the leaves and of what they commit to, both
    // compressed, one for the head, one for the mark.
    assert_eq!(costs, [(8.0, 1.0), (8.0, 1.0), (20.0, 1.0)]);
}
