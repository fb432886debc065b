//! The events of the stories.

use hub_e2e::ORG;
use serde_json::{Value, json};

/// The field that holds our key in the fake CRM.
pub(crate) const KEY: &str = "Liveprompt_Key__c";

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! reads best at the call"
)]
pub(crate) fn event(id: &str, kind: &str, time: &str, payload: Value) -> Value {
    json!({ "id": id, "type": kind, "organizationId": ORG, "timestamp": time, "payload": payload })
}

/// A meeting with Ada, Ben and Carla, whom the CRM knows, and somebody it does not.
pub(crate) fn meeting(id: &str, session: &str, title: &str) -> Value {
    event(
        id,
        "session.completed",
        "2026-11-20T11:00:00Z",
        json!({ "sessionId": session, "session": {
        "id": session, "title": title, "kind": "meeting", "created_at": "2026-11-20T10:00:00Z", "duration_seconds": 2700,
        "url": "https://app.liveprompt.example/s/1", "host": { "name": "Hana", "email": "hana@seller.example" },
        "participants": [
            { "name": "Ada Moreno", "email": "Ada@acme.example" }, { "name": "Ben", "email": "ben@acme.example" },
            { "name": "Carla", "email": "carla@globex.example" }, { "name": "Nobody", "email": "nobody@nowhere.example" },
            { "name": "Hana", "email": "hana@seller.example" }],
        "segments": [{ "id": "s1", "speaker": "Ada", "start_ms": 0, "end_ms": 4000, "text": "Can you send me the pricing by Friday?" }],
        "summary": { "text": "Acme wants to expand.", "format": "text" },
        "insights": [{ "id": "i1", "kind": "budget", "value": "40,000 EUR", "confidence": 0.9 }],
        "action_items": [
            { "id": "a1", "title": "Send pricing", "status": "open", "due_at": "2026-11-27T10:00:00Z",
              "evidence": { "segment_ids": ["s1"], "quote": "Can you send me the pricing by Friday?" } },
            { "id": "a2", "title": "Book a demo", "status": "open" }] } }),
    )
}

/// A call with one person.
pub(crate) fn call(id: &str, session: &str, email: &str) -> Value {
    event(
        id,
        "session.completed",
        "2026-11-20T11:30:00Z",
        json!({ "sessionId": session, "session": {
        "id": session, "title": "Call", "kind": "call", "created_at": "2026-11-20T11:00:00Z", "duration_seconds": 600,
        "host": { "name": "Hana", "email": "hana@seller.example" }, "participants": [{ "name": "Somebody", "email": email }] } }),
    )
}

pub(crate) fn summary(id: &str, session: &str, time: &str, text: &str) -> Value {
    event(
        id,
        "summary.generated",
        time,
        json!({ "sessionId": session, "summary": { "text": text, "format": "text" } }),
    )
}

pub(crate) fn action_item(id: &str, session: &str, item: &str, title: &str) -> Value {
    event(
        id,
        "action_item.created",
        "2026-11-20T11:05:00Z",
        json!({ "sessionId": session, "action_item": { "id": item, "title": title, "status": "open" } }),
    )
}
