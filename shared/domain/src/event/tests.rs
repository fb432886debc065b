use serde_json::{Value, json};

use super::*;

fn valid() -> Value {
    json!({ "id": "evt_1", "type": "session.completed", "organizationId": "org_1", "timestamp": "2026-11-20T15:46:00+01:00",
        "payload": { "sessionId": "ses_1", "session": {
            "id": "ses_1", "title": "Discovery", "kind": "meeting", "created_at": "2026-11-20T15:00:00Z", "duration_seconds": 2700,
            "host": { "name": "Hana", "email": " Hana@Seller.example " },
            "participants": [{ "name": "Ada", "email": "ada@acme.example", "shoe_size": 39 }],
            "mood": "good" } } })
}

fn edited(pointer: &str, value: Value) -> Value {
    let mut event = valid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match event.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.insert(key.to_owned(), value)),
        Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
        _ => unreachable!(),
    }
    event
}

#[test]
fn a_valid_event_is_read_and_what_it_does_not_know_is_kept() {
    let event = Envelope::parse(&valid(), "").unwrap();
    assert_eq!(event.timestamp.to_string(), "2026-11-20T14:46:00Z");
    assert_eq!(event.payload.kind(), "session.completed");
    let Payload::SessionCompleted { session, .. } = event.payload else {
        panic!("wrong payload")
    };
    assert_eq!(session.host.email, "hana@seller.example");
    assert_eq!(
        Value::Object(session.extra.clone()),
        json!({ "mood": "good" })
    );
    assert_eq!(session.external().count(), 1);
}

#[test]
fn every_fault_is_listed_with_its_place() {
    let event = json!({ "id": "x", "type": "session.completed", "organizationId": 7, "timestamp": "yesterday",
        "payload": { "session": { "id": "ses_1", "title": " ", "kind": "webinar", "created_at": "1999-01-01T00:00:00Z",
            "duration_seconds": -5, "host": { "name": "Hana" }, "participants": [{ "email": "nope" }, 3],
            "segments": [{ "id": "s1", "start_ms": 9, "end_ms": 3 }],
            "action_items": [{ "id": "a", "title": "t" }, { "id": "a", "title": "u", "due_at": 5 }] } } });
    let faults = Envelope::parse(&event, "/2").unwrap_err();
    let places: Vec<&str> = faults
        .0
        .iter()
        .map(|fault| fault.pointer.as_str())
        .collect();
    let session = "/2/payload/session";
    let expected = [
        "/2/id".to_owned(),
        "/2/organizationId".to_owned(),
        "/2/timestamp".to_owned(),
        "/2/payload/sessionId".to_owned(),
        format!("{session}/title"),
        format!("{session}/kind"),
        format!("{session}/created_at"),
        format!("{session}/duration_seconds"),
        format!("{session}/host/email"),
        format!("{session}/participants/0/email"),
        format!("{session}/participants/1"),
        format!("{session}/segments/0/end_ms"),
        format!("{session}/action_items/1/due_at"),
        format!("{session}/action_items/1/id"),
    ];
    assert_eq!(places, expected);
    assert!(
        faults
            .0
            .iter()
            .all(|fault| !fault.problem.is_empty() && !fault.expected.is_empty())
    );
}

#[test]
fn limits_and_contradictions_are_faults_and_their_neighbours_are_not() {
    let long = "🎉".repeat(300);
    let cases = [
        ("/payload/session/title", json!(long), true),
        ("/payload/session/title", json!("x".repeat(500)), true),
        ("/payload/session/title", json!("x".repeat(501)), false),
        ("/payload/session/duration_seconds", json!(0), true),
        ("/payload/session/duration_seconds", json!(1_209_600), true),
        ("/payload/session/duration_seconds", json!(1_209_601), false),
        ("/payload/session/duration_seconds", json!(1.5), false),
        (
            "/payload/session/ended_at",
            json!("2026-11-20T15:00:00Z"),
            true,
        ),
        (
            "/payload/session/ended_at",
            json!("2026-11-20T14:59:59Z"),
            false,
        ),
        ("/payload/session/participants", json!([]), true),
        (
            "/payload/session/participants",
            json!(vec![json!({ "name": "x" }); 500]),
            true,
        ),
        (
            "/payload/session/participants",
            json!(vec![json!({ "name": "x" }); 501]),
            false,
        ),
        ("/payload/session/participants", json!("nobody"), false),
        ("/payload/session/summary", json!("a bare text"), true),
        (
            "/payload/session/summary",
            json!({ "text": "an object" }),
            true,
        ),
        ("/payload/session/summary", json!(4), false),
        ("/payload/session/url", json!("javascript:alert(1)"), false),
        ("/payload/session/id", json!("ses_2"), false),
        (
            "/payload/session/created_at",
            json!("2100-01-01T00:00:00Z"),
            false,
        ),
        ("/payload/session/created_at", json!("2026-11-20"), false),
        (
            "/payload/session/insights",
            json!([{ "id": "i", "kind": "budget", "value": "1", "confidence": 1.1 }]),
            false,
        ),
        (
            "/payload/session/insights",
            json!([{ "id": "i", "kind": "hunch", "value": "1" }]),
            false,
        ),
        (
            "/payload/session/insights",
            json!([{ "id": "i", "kind": "budget", "value": "1", "confidence": 1.0 }]),
            true,
        ),
        ("/type", json!("session.deleted"), false),
        ("/payload", json!([]), false),
    ];
    for (pointer, value, right) in cases {
        let event = edited(pointer, value.clone());
        let shown: String = value.to_string().chars().take(60).collect();
        assert_eq!(
            Envelope::parse(&event, "").is_ok(),
            right,
            "{pointer} = {shown}"
        );
    }
}

#[test]
fn the_other_types_are_read() {
    let events = [
        (
            "summary.generated",
            json!({ "sessionId": "ses_1", "summary": { "text": "Words", "format": "markdown", "sections": [{ "title": "A", "text": "b" }] } }),
        ),
        (
            "action_item.created",
            json!({ "sessionId": "ses_1", "action_item": { "id": "a1", "title": "Do", "status": "open" } }),
        ),
        (
            "insight.detected",
            json!({ "sessionId": "ses_1", "insight": { "id": "i1", "kind": "risk", "value": "late" } }),
        ),
        (
            "meeting.scheduled",
            json!({ "meeting": { "id": "m1", "title": "Next", "starts_at": "2026-11-21T10:00:00Z", "ends_at": "2026-11-21T11:00:00Z", "host": { "name": "H", "email": "h@s.example" }, "participants": [] } }),
        ),
        (
            "organization.changed",
            json!({ "name": "Seller", "plan": "professional", "status": "active" }),
        ),
    ];
    for (kind, payload) in events {
        let event = json!({ "id": "evt_1", "type": kind, "organizationId": "org_1", "timestamp": "2026-11-20T15:46:00Z", "payload": payload });
        let parsed =
            Envelope::parse(&event, "").unwrap_or_else(|faults| panic!("{kind}: {faults}"));
        assert_eq!(parsed.payload.kind(), kind);
        assert_eq!(
            parsed.session().is_some(),
            !kind.starts_with("meeting") && !kind.starts_with("organization")
        );
    }
}

#[test]
fn what_is_no_object_is_one_fault() {
    for value in [json!(null), json!([]), json!("text"), json!(5)] {
        let faults = Envelope::parse(&value, "").unwrap_err();
        assert_eq!(faults.0.len(), 1, "{value}");
        assert_eq!(faults.0[0].pointer, "");
    }
}

#[test]
fn an_id_of_the_hubs_own_events_is_refused() {
    let event = json!({ "id": "evt_checkpoint_1", "type": "organization.changed", "organizationId": "org_1", "timestamp": "2026-11-20T15:46:00Z", "payload": { "name": "Seller", "plan": "professional", "status": "active" } });
    let faults = Envelope::parse(&event, "").unwrap_err();
    assert_eq!(faults.0.len(), 1, "{faults}");
    assert_eq!(faults.0[0].pointer, "/id");
}
