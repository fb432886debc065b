//! The history checker on histories that are made up: each fault of the hub that it exists for is found, by
//! its name.

use std::collections::BTreeMap;

use hub_faults::{Dead, Entry, Finding, Held, History, Versions, Wanted, Wrong};

fn versions(of: &[(&str, u32)]) -> Versions {
    of.iter()
        .map(|(part, version)| ((*part).to_owned(), *version))
        .collect()
}

/// A session at its second version with a task, as it should be.
fn good() -> History {
    let says = versions(&[("ses_lab1", 2), ("ses_lab1-task-a1", 1)]);
    let task = versions(&[("ses_lab1-task-a1", 1)]);
    let wanted = |key: &str, says: &Versions| Wanted {
        key: key.to_owned(),
        matter: "ses_lab1".to_owned(),
        says: says.clone(),
    };
    let held = |object: &str, key: &str, says: &Versions| Held {
        object: object.to_owned(),
        key: key.to_owned(),
        says: says.clone(),
        differs: false,
    };
    History {
        wanted: vec![wanted("ses_lab1", &says), wanted("ses_lab1-task-a1", &task)],
        writes: vec![
            versions(&[("ses_lab1", 1), ("ses_lab1-task-a1", 1)]),
            says.clone(),
        ],
        held: vec![
            held("Event", "ses_lab1", &says),
            held("Task", "ses_lab1-task-a1", &task),
        ],
        entries: vec![Entry {
            matter: "ses_lab1".to_owned(),
            status: "delivered".to_owned(),
            settled: 2,
            reason: String::new(),
        }],
        revisions: BTreeMap::from([("ses_lab1".to_owned(), 2)]),
        ..History::default()
    }
}

/// The kinds of what is found after a change.
fn found(change: impl FnOnce(&mut History)) -> Vec<Wrong> {
    let mut history = good();
    change(&mut history);
    let mut found: Vec<Wrong> = history
        .check()
        .into_iter()
        .map(|finding| finding.wrong)
        .collect();
    found.dedup();
    found
}

#[test]
fn a_good_history_is_good() {
    assert_eq!(good().check(), []);
}

#[test]
fn a_record_that_is_not_there_is_lost() {
    assert_eq!(found(|history| drop(history.held.pop())), [Wrong::Lost]);
}

#[test]
fn a_record_that_is_there_twice_is_duplicated() {
    assert_eq!(
        found(|history| history.held.push(history.held[1].clone())),
        [Wrong::Duplicated]
    );
}

#[test]
fn a_record_that_nobody_asked_for_is_duplicated() {
    let other = |history: &mut History| history.held[1].key = "ses_lab1-task-a9".to_owned();
    assert_eq!(found(other), [Wrong::Lost, Wrong::Duplicated]);
}

#[test]
fn an_older_content_is_stale_if_the_newer_one_was_there_and_lost_if_it_never_was() {
    let older = |history: &mut History| {
        history.held[0].says.insert("ses_lab1".to_owned(), 1);
    };
    assert_eq!(found(older), [Wrong::Stale]);
    let never = |history: &mut History| {
        older(history);
        history.writes.pop();
    };
    assert_eq!(found(never), [Wrong::Lost]);
    let gone = |history: &mut History| {
        history.held[0].says.remove("ses_lab1-task-a1");
    };
    assert_eq!(found(gone), [Wrong::Stale]);
}

#[test]
fn older_over_newer_is_stale_even_if_it_was_mended() {
    let mended = |history: &mut History| {
        let (first, second) = (history.writes[0].clone(), history.writes[1].clone());
        history.writes = vec![second.clone(), first, second];
    };
    assert_eq!(found(mended), [Wrong::Stale]);
}

#[test]
fn what_the_ledger_does_not_know_as_done_is_lost() {
    assert_eq!(found(|history| history.entries.clear()), [Wrong::Lost]);
    assert_eq!(
        found(|history| history.entries[0].settled = 1),
        [Wrong::Lost]
    );
    for status in ["claimed", "retrying", "waiting", "dead_lettered"] {
        assert_eq!(
            found(|history| history.entries[0].status = status.to_owned()),
            [Wrong::Lost]
        );
    }
    assert_eq!(
        found(|history| history.entries[0].status = "skipped".to_owned()),
        []
    );
}

#[test]
fn a_dead_letter_is_lost_unless_it_is_poison() {
    let dead = |history: &mut History| {
        history.dead.push(Dead {
            queue: "hub-events-dlq".to_owned(),
            body: "{}".to_owned(),
            attributes: String::new(),
        });
    };
    assert_eq!(found(dead), [Wrong::Lost]);
    let poison = |history: &mut History| {
        dead(history);
        history.poison.insert("{}".to_owned());
    };
    assert_eq!(found(poison), []);
}

#[test]
fn a_refusal_needs_a_reason() {
    assert_eq!(
        found(|history| history.refused.push("422".to_owned())),
        [Wrong::Refused]
    );
    let parked = |reason: &str, may_park: bool| {
        found(|history| {
            history.entries[0].status = "parked".to_owned();
            history.entries[0].reason = reason.to_owned();
            history.held.clear();
            history.may_park = may_park;
        })
    };
    // Only where the CRM leaves no other way may somebody be asked to look; and then he is told why.
    assert_eq!(parked("it may have been made", true), []);
    assert_eq!(parked("it may have been made", false), [Wrong::Lost]);
    assert_eq!(parked("", true), [Wrong::Lost, Wrong::Refused]);
}

#[test]
fn what_is_parked_may_be_missing_but_never_double() {
    let double = found(|history| {
        history.may_park = true;
        history.entries[0].status = "parked".to_owned();
        history.entries[0].reason = "it may have been made".to_owned();
        history.held.push(history.held[0].clone());
    });
    assert_eq!(double, [Wrong::Duplicated]);
}

/// Two events at a webhook, in the order in which they were not made.
fn messages() -> History {
    let events = [("evt_2", ("ses_lab1", 2)), ("evt_1", ("ses_lab1", 1))];
    let mut history = History::default();
    for (event, part) in events {
        let says = versions(&[part]);
        history.wanted.push(Wanted {
            key: event.to_owned(),
            matter: event.to_owned(),
            says: says.clone(),
        });
        history.held.push(Held {
            object: "message".to_owned(),
            key: event.to_owned(),
            says,
            differs: false,
        });
        history.entries.push(Entry {
            matter: event.to_owned(),
            status: "delivered".to_owned(),
            settled: 1,
            reason: String::new(),
        });
        history.revisions.insert(event.to_owned(), 1);
    }
    history
}

#[test]
fn every_event_has_one_message_with_one_body_and_no_order() {
    let found = |change: fn(&mut History)| {
        let mut history = messages();
        change(&mut history);
        let found = history.check().into_iter();
        found.map(|finding| finding.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(|_| ()), Vec::<String>::new());
    assert_eq!(
        found(|history| history.held.push(history.held[1].clone())),
        ["duplicated: evt_1 is there 2 times"],
        "under two ids"
    );
    assert_eq!(
        found(|history| history.held[1].differs = true),
        ["different: evt_1 came with different bytes under one id"]
    );
    assert_eq!(
        found(|history| drop(history.held.pop())),
        ["lost: evt_1 is not there"]
    );
    assert_eq!(
        found(|history| drop(history.wanted.pop())),
        ["duplicated: evt_1 in message was never asked for"],
        "the webhook's filter does not take it"
    );
    assert_eq!(
        found(|history| {
            history.entries[1].status = "parked".to_owned();
            history.entries[1].reason = "failed 8 times".to_owned();
        }),
        ["lost: evt_1 is parked at revision 1 of 1: failed 8 times"],
        "no run has that many failures"
    );
}

#[test]
fn a_finding_says_what_and_where() {
    let mut history = good();
    history.held.pop();
    let findings: Vec<String> = history.check().iter().map(Finding::to_string).collect();
    assert_eq!(findings, ["lost: ses_lab1-task-a1 is not there"]);
}
