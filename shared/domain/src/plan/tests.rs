use serde_json::json;

use super::*;
use crate::{Envelope, Timestamp, connection::ConnectionState, mapping::Transform};

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! reads best at the call"
)]
fn record(participants: serde_json::Value) -> SessionRecord {
    let event = json!({ "id": "evt_1", "type": "session.completed", "organizationId": "org_1",
        "timestamp": "2026-11-20T16:00:00Z", "payload": { "sessionId": "ses_1", "session": {
        "id": "ses_1", "title": "Discovery\ncall 🎉", "kind": "meeting", "created_at": "2026-11-20T15:00:00.250Z",
        "duration_seconds": 2701, "url": "https://app.liveprompt.example/s/1",
        "host": { "name": "Hana", "email": "hana@seller.example" }, "participants": participants,
        "summary": { "text": "They want it.", "format": "text" },
        "insights": [{ "id": "i1", "kind": "budget", "value": "40,000\nEUR" }],
        "action_items": [{ "id": "a1", "title": "Send pricing", "status": "open", "due_at": "2026-11-27T10:00:00Z",
            "evidence": { "segment_ids": ["s1"], "quote": "Can you send pricing?" } }] } } });
    let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_1".parse().unwrap());
    record.merge(&Envelope::parse(&event, "").unwrap());
    record
}

fn connection() -> Connection {
    let new = Connection::new(
        "conn_1".parse().unwrap(),
        "org_1".parse().unwrap(),
        "acme".parse().unwrap(),
        "Acme".to_owned(),
        Timestamp::UNIX_EPOCH,
        "user".to_owned(),
    );
    Connection {
        state: ConnectionState::Active,
        approved: true,
        ..new
    }
}

fn field(to: &str, from: Source, transform: Transform, max: Option<usize>) -> FieldRule {
    FieldRule {
        to: to.to_owned(),
        from,
        transform,
        max,
        value: None,
        values: std::collections::BTreeMap::from([("open".to_owned(), "Not Started".to_owned())]),
        otherwise: None,
        overwrite: Overwrite::Always,
    }
}

fn mapping() -> Mapping {
    Mapping {
        version: 0,
        records: vec![
            RecordRule {
                kind: RecordKind::Meeting,
                object: "Meeting".to_owned(),
                fields: vec![
                    field("Title", Source::SessionTitle, Transform::Line, Some(12)),
                    field("Notes", Source::SessionNotes, Transform::Keep, None),
                    field("Start", Source::SessionStartedAt, Transform::Datetime, None),
                    field(
                        "Minutes",
                        Source::SessionDurationMinutes,
                        Transform::Keep,
                        None,
                    ),
                ],
            },
            RecordRule {
                kind: RecordKind::Task,
                object: "Todo".to_owned(),
                fields: vec![
                    field("Title", Source::TaskTitle, Transform::Line, Some(255)),
                    field("Due", Source::TaskDueAt, Transform::Date, None),
                    field("Status", Source::TaskStatus, Transform::Choice, None),
                ],
            },
        ],
    }
}

#[test]
fn a_session_becomes_an_activity_and_a_task_per_action_item() {
    let record = record(
        json!([{ "name": "Ada", "email": "Ada@Acme.example" }, { "name": "Hana", "email": "hana@seller.example" }]),
    );
    assert_eq!(addresses(&record), ["ada@acme.example"]);
    let plan = make(&record, &connection(), &mapping(), &[]).unwrap();
    let values = |index: usize| -> Value {
        plan.writes[index]
            .fields
            .iter()
            .map(|(k, v)| (k.clone(), v.value.clone()))
            .collect()
    };
    assert_eq!(
        plan.writes
            .iter()
            .map(|w| w.key.as_str())
            .collect::<Vec<_>>(),
        ["ses_1", "ses_1-task-a1"]
    );
    assert_eq!(
        values(0),
        json!({ "Title": "Discovery c…", "Start": "2026-11-20T15:00:00Z", "Minutes": 46, "Notes":
            "They want it.\n\nKey insights:\n- Budget: 40,000 EUR\n\nAction items:\n- Send pricing\n\n\
             Participants:\n- Ada <ada@acme.example>\n- Hana <hana@seller.example>\n\nhttps://app.liveprompt.example/s/1" })
    );
    assert_eq!(
        values(1),
        json!({ "Title": "Send pricing", "Due": "2026-11-27", "Status": "Not Started" })
    );
    assert_eq!(
        plan.writes[1].fields["Title"].evidence,
        ["s1".parse().unwrap()]
    );
}

#[test]
fn an_internal_session_and_one_without_participants_make_no_plan() {
    for participants in [
        json!([]),
        json!([{ "name": "Ida", "email": "ida@seller.example" }]),
        json!([{ "name": "X", "internal": true }]),
    ] {
        assert_eq!(
            make(&record(participants), &connection(), &mapping(), &[]),
            Err(NoPlan::InternalOnly)
        );
    }
    assert!(
        make(
            &record(json!([{ "name": "No address" }])),
            &connection(),
            &mapping(),
            &[]
        )
        .is_ok()
    );
}

#[test]
fn an_action_item_alone_is_a_task_alone() {
    let event = json!({ "id": "evt_2", "type": "action_item.created", "organizationId": "org_1", "timestamp": "2026-11-20T16:00:00Z",
        "payload": { "sessionId": "ses_9", "action_item": { "id": "a7", "title": "Call back", "status": "done" } } });
    let mut record = SessionRecord::new("org_1".parse().unwrap(), "ses_9".parse().unwrap());
    record.merge(&Envelope::parse(&event, "").unwrap());
    let plan = make(&record, &connection(), &mapping(), &[]).unwrap();
    assert_eq!(plan.writes.len(), 1);
    assert_eq!(plan.writes[0].key, "ses_9-task-a7");
    assert!(
        !plan.writes[0].fields.contains_key("Status"),
        "a status the CRM has no value for is left out"
    );
}

#[test]
fn a_task_has_a_time_by_its_due_date_else_the_session_s_end_else_when_it_was_told() {
    let rule = |kind, from, transform| RecordRule {
        kind,
        object: "X".to_owned(),
        fields: vec![field("Value", from, transform, None)],
    };
    let mapping = Mapping {
        version: 0,
        records: vec![
            rule(
                RecordKind::Meeting,
                Source::SessionDurationMilliseconds,
                Transform::Keep,
            ),
            rule(
                RecordKind::Task,
                Source::TaskScheduledAt,
                Transform::Datetime,
            ),
        ],
    };
    let values = |record: &SessionRecord| -> Vec<Value> {
        let plan = make(record, &connection(), &mapping, &[]).unwrap();
        let values = plan.writes.iter().map(|w| w.fields["Value"].value.clone());
        values.collect()
    };
    let mut whole = record(json!([{ "name": "Ada", "email": "ada@acme.example" }]));
    assert_eq!(
        values(&whole),
        [json!(2_701_000), json!("2026-11-27T10:00:00Z")]
    );
    for item in whole.action_items.values_mut() {
        item.value.due_at = None;
    }
    assert_eq!(
        values(&whole),
        [json!(2_701_000), json!("2026-11-20T15:45:01Z")]
    );
    whole.session = None;
    assert_eq!(values(&whole), [json!("2026-11-20T16:00:00Z")]);
}

#[test]
fn a_time_of_day_and_a_length_are_written_as_clocks() {
    let rule = |to: &str, from, transform| field(to, from, transform, None);
    let mapping = Mapping {
        version: 0,
        records: vec![RecordRule {
            kind: RecordKind::Meeting,
            object: "X".to_owned(),
            fields: vec![
                rule("at", Source::SessionStartedAt, Transform::Time),
                rule(
                    "length",
                    Source::SessionDurationSeconds,
                    Transform::Duration,
                ),
            ],
        }],
    };
    let mut session = record(json!([{ "name": "Ada", "email": "ada@acme.example" }]));
    for (seconds, clock) in [
        (2_701, "00:45:01"),
        (59, "00:00:59"),
        (360_000, "100:00:00"),
    ] {
        session.session.as_mut().unwrap().value.duration_seconds = seconds;
        let plan = make(&session, &connection(), &mapping, &[]).unwrap();
        let fields = &plan.writes[0].fields;
        assert_eq!(fields["at"].value, "15:00:00");
        assert_eq!(fields["length"].value, clock);
    }
}

#[test]
fn a_number_of_a_list_is_a_number_or_nothing() {
    let mapping = |values: [(&str, &str); 1], otherwise: Option<&str>| Mapping {
        version: 0,
        records: vec![RecordRule {
            kind: RecordKind::Task,
            object: "X".to_owned(),
            fields: vec![FieldRule {
                values: values
                    .map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
                    .into(),
                otherwise: otherwise.map(str::to_owned),
                ..field("Status", Source::TaskStatus, Transform::Number, None)
            }],
        }],
    };
    let record = record(json!([{ "name": "Ada", "email": "ada@acme.example" }]));
    let status = record.action_items.values().next().unwrap();
    let status = status.value.status.clone();
    for (ours, theirs, otherwise, wanted) in [
        (status.as_str(), "5", None, Some(json!(5))),
        (status.as_str(), "five", None, None),
        ("another", "5", None, None),
        ("another", "5", Some("-7"), Some(json!(-7))),
    ] {
        let plan = make(
            &record,
            &connection(),
            &mapping([(ours, theirs)], otherwise),
            &[],
        )
        .unwrap();
        let found = plan.writes[0].fields.get("Status");
        assert_eq!(
            found.map(|field| field.value.clone()),
            wanted,
            "{ours} {theirs}"
        );
    }
}

#[test]
fn the_content_hash_sees_what_is_said_and_not_who_said_it() {
    let people = json!([{ "name": "Ada", "email": "ada@acme.example" }]);
    let one = record(people.clone());
    let mut two = record(people);
    two.session.as_mut().unwrap().event = "evt_7".parse().unwrap();
    two.revision = 7;
    let hash = content_hash(&one, &connection(), &mapping());
    assert_eq!(hash.len(), 32);
    assert_eq!(hash, content_hash(&two, &connection(), &mapping()));
    two.summary.as_mut().unwrap().value.text.push('!');
    assert_ne!(hash, content_hash(&two, &connection(), &mapping()));
    let mut other = connection();
    other
        .settings
        .insert("key_field".to_owned(), "X__c".to_owned());
    assert_ne!(hash, content_hash(&one, &other, &mapping()));
}
