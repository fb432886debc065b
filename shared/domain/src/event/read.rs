//! Reading the parts of a session, every fault noted.

use serde_json::Map;

use super::parts::{
    ActionItem, Evidence, Host, Insight, InsightKind, Participant, Section, Segment, Session,
    SessionKind, Summary, Tags,
};
use crate::{
    fault::Faults,
    limits::{
        MAX_DURATION_SECONDS, MAX_EVIDENCE_SEGMENTS, MAX_PARTICIPANTS, MAX_SECTIONS, MAX_SEGMENTS,
        MAX_SHORT, MAX_TEXT, MAX_TITLE, MAX_URL,
    },
    reader::Reader,
};

pub(super) fn read_evidence(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Evidence> {
    let mut evidence = reader.object("evidence", faults)?;
    Some(Evidence {
        segment_ids: evidence.ids("segment_ids", MAX_EVIDENCE_SEGMENTS, faults),
        quote: evidence.text("quote", MAX_TEXT, faults),
    })
}

pub(super) fn read_summary(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Summary> {
    let text = reader.required_text("text", MAX_TEXT, faults);
    let format = reader
        .text("format", MAX_SHORT, faults)
        .unwrap_or_else(|| "text".to_owned());
    let sections = reader.list("sections", MAX_SECTIONS, faults, |section, faults| {
        let title = section.required_text("title", MAX_TITLE, faults);
        let text = section.text("text", MAX_TEXT, faults).unwrap_or_default();
        Some(Section {
            title: title?,
            text,
        })
    });
    Some(Summary {
        text: text?,
        format,
        sections,
        extra: reader.rest(),
    })
}

pub(super) fn read_action_item(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<ActionItem> {
    let id = reader.required_id("id", faults);
    let title = reader.required_text("title", MAX_TITLE, faults);
    let description = reader.text("description", MAX_TEXT, faults);
    let assignee_email = reader.email("assignee_email", faults);
    let due_at = reader.time("due_at", faults);
    let status = reader
        .text("status", MAX_SHORT, faults)
        .unwrap_or_else(|| "open".to_owned());
    let evidence = read_evidence(reader, faults);
    let extra = reader.rest();
    Some(ActionItem {
        id: id?,
        title: title?,
        description,
        assignee_email,
        due_at,
        status,
        evidence,
        extra,
    })
}

pub(super) fn read_insight(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Insight> {
    let id = reader.required_id("id", faults);
    let name = reader.required_text("kind", MAX_SHORT, faults);
    let kind = name.and_then(|name| {
        let found = InsightKind::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind);
        if found.is_none() {
            let known: Vec<_> = InsightKind::ALL.iter().map(|(known, _)| *known).collect();
            faults.push(
                reader.at("kind"),
                format!("is '{name}'"),
                format!("one of {}", known.join(", ")),
            );
        }
        found
    });
    let value = reader.required_text("value", MAX_TEXT, faults);
    let confidence = reader.fraction("confidence", faults);
    let person_email = reader.email("person_email", faults);
    let evidence = read_evidence(reader, faults);
    let extra = reader.rest();
    Some(Insight {
        id: id?,
        kind: kind?,
        value: value?,
        confidence,
        person_email,
        evidence,
        extra,
    })
}

pub(super) fn read_host(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Host> {
    let mut host = reader.required_object("host", faults)?;
    let name = host.required_text("name", MAX_TITLE, faults);
    let before = faults.0.len();
    let email = host.email("email", faults);
    if email.is_none() && faults.0.len() == before {
        faults.push(
            host.at("email"),
            "is missing",
            "an address like ada@example.com",
        );
    }
    Some(Host {
        name: name?,
        email: email?,
    })
}

pub(super) fn read_participants(reader: &mut Reader<'_>, faults: &mut Faults) -> Vec<Participant> {
    reader.list(
        "participants",
        MAX_PARTICIPANTS,
        faults,
        |person, faults| {
            Some(Participant {
                name: person.text("name", MAX_TITLE, faults).unwrap_or_default(),
                email: person.email("email", faults),
                phone: person.text("phone", MAX_SHORT, faults),
                title: person.text("title", MAX_SHORT, faults),
                company: person.text("company", MAX_SHORT, faults),
                internal: person.boolean("internal", faults),
            })
        },
    )
}

pub(super) fn read_segments(reader: &mut Reader<'_>, faults: &mut Faults) -> Vec<Segment> {
    let longest = MAX_DURATION_SECONDS * 1000;
    reader.list("segments", MAX_SEGMENTS, faults, |segment, faults| {
        let id = segment.required_id("id", faults);
        let speaker = segment
            .text("speaker", MAX_TITLE, faults)
            .unwrap_or_default();
        let start_ms = segment.required_integer("start_ms", longest, faults);
        let end_ms = segment.required_integer("end_ms", longest, faults);
        let text = segment.text("text", MAX_TEXT, faults).unwrap_or_default();
        if let (Some(start), Some(end)) = (start_ms, end_ms)
            && end < start
        {
            faults.push(
                segment.at("end_ms"),
                format!("is {end}, before the start"),
                format!("at least {start}"),
            );
        }
        Some(Segment {
            id: id?,
            speaker,
            start_ms: start_ms?,
            end_ms: end_ms?,
            text,
        })
    })
}

pub(super) fn read_session(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Session> {
    let id = reader.required_id("id", faults);
    let title = reader.required_text("title", MAX_TITLE, faults);
    let kind = reader
        .required_text("kind", MAX_SHORT, faults)
        .and_then(|kind| match kind.as_str() {
            "meeting" => Some(SessionKind::Meeting),
            "call" => Some(SessionKind::Call),
            other => {
                faults.push(
                    reader.at("kind"),
                    format!("is '{other}'"),
                    "'meeting' or 'call'",
                );
                None
            }
        });
    let created_at = reader.required_time("created_at", faults);
    let duration_seconds =
        reader.required_integer("duration_seconds", MAX_DURATION_SECONDS, faults);
    let language = reader.text("language", MAX_SHORT, faults);
    let url = reader.link("url", MAX_URL, faults);
    let host = read_host(reader, faults);
    let participants = read_participants(reader, faults);
    let tags = reader.object("tags", faults).map(|mut tags| Tags {
        team: tags.text("team", MAX_SHORT, faults),
        region: tags.text("region", MAX_SHORT, faults),
        product: tags.text("product", MAX_SHORT, faults),
    });
    if let Some(ended_at) = reader.time("ended_at", faults)
        && created_at.is_some_and(|start| ended_at < start)
    {
        faults.push(
            reader.at("ended_at"),
            "is before created_at",
            "a time not before created_at",
        );
    }
    Some(Session {
        id: id?,
        title: title?,
        kind: kind?,
        created_at: created_at?,
        duration_seconds: duration_seconds?,
        language,
        url,
        host: host?,
        participants,
        tags: tags.unwrap_or_default(),
        extra: Map::new(),
    })
}
