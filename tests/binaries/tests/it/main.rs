//! Each function's release binary, as Lambda runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod environment;
mod lifecycle;
mod queues;
mod samples;

use std::collections::BTreeMap;

use hub_binaries::Machine;
use hub_engine::CRMS;

/// What every CRM holds once the sample sessions are delivered: per session, how many of what.
const HELD: [(&str, &[(&str, usize)]); 3] = [
    ("ses_demo_call", &[("call", 1), ("task", 1)]),
    ("ses_demo_internal", &[]),
    ("ses_demo_meeting", &[("meeting", 1), ("task", 4)]),
];

/// Every CRM holds the records of every session, each once.
async fn each_once(machine: &Machine) {
    let mut expected = BTreeMap::new();
    for crm in CRMS {
        for (session, kinds) in HELD {
            let kinds = kinds
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count));
            let kinds: BTreeMap<String, usize> = kinds.collect();
            expected.insert(((*crm).to_owned(), session.to_owned()), kinds);
        }
    }
    assert_eq!(machine.held().await, expected);
}
