//! Each connector's requests against its vendor's machine-readable specification.
//!
//! The specifications are not ours to publish, so they lie outside the repository: `CRM_SPECS`, or
//! `shared/crm/specs` beside the workspace. Without them these tests say so and pass; in CI they fail.

mod copper;
mod dynamics365;
mod freshsales;
mod hubspot;
mod monday;
mod pipedrive;
mod salesforce;

use std::{io::Write, path::PathBuf};

use hub_domain::{Envelope, SessionRecord};
use serde_json::{Value, json};

/// The folder of specifications, or `None` after saying that the test is skipped.
pub(crate) fn folder(test: &str) -> Option<PathBuf> {
    let beside = || {
        PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/crm/specs"
        ))
    };
    let folder = std::env::var_os("CRM_SPECS").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test}: no specifications at {}",
        folder.display()
    );
    // The macros would be captured with a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: CRM_SPECS not found");
    None
}

/// A session in which every text is as long as its field takes, or short.
pub(crate) fn session(kind: &str, long: bool) -> SessionRecord {
    let text = |short: &str, most: usize| {
        if long {
            "Ünïcödé 🎉\n"
                .repeat(most / 8)
                .chars()
                .take(most / 2)
                .collect()
        } else {
            short.to_owned()
        }
    };
    let items: Vec<Value> = ["open", "done", "waiting"]
        .iter()
        .map(|status| {
            json!({ "id": status, "title": text("Send pricing", 500), "description": text("As agreed", 100_000), "status": status,
                "due_at": "2026-11-27T10:00:00Z", "assignee_email": "hana@seller.example",
                "evidence": { "segment_ids": ["s1"], "quote": "Can you send pricing?" } })
        })
        .collect();
    let event = json!({ "id": "evt_1", "type": "session.completed", "organizationId": "org_1", "timestamp": "2026-11-20T16:00:00Z",
        "payload": { "sessionId": "ses_1", "session": {
            "id": "ses_1", "title": text("Discovery call", 500), "kind": kind, "created_at": "2026-11-20T15:00:00.250Z",
            "duration_seconds": if long { 14 * 24 * 3600 } else { 2701 }, "url": "https://app.liveprompt.example/s/1",
            "host": { "name": "Hana", "email": "hana@seller.example" },
            "participants": [{ "name": "Ada", "email": "ada@acme.example" }, { "name": "Lea", "email": "lea@new.example" }],
            "summary": { "text": text("They want it.", 200_000), "format": "text" },
            "insights": [{ "id": "i1", "kind": "budget", "value": "40,000 EUR" }], "action_items": items } } });
    let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
    record.merge(&Envelope::parse(&event, "").unwrap());
    record
}
