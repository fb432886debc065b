//! The value of one field: source, transform, limit.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{
    event::{ActionItem, Participant, Session},
    mapping::{FieldRule, Source, Transform},
    session::{Part, SessionRecord},
    text,
};

/// What a source holds before its transform.
enum Raw {
    Text(String),
    Time(Timestamp),
    Number(u64),
    Fixed(Value),
}

/// The value for one field; `None` leaves the field out, so that what stands in the CRM stays.
pub(super) fn value(
    rule: &FieldRule,
    record: &SessionRecord,
    item: Option<&Part<ActionItem>>,
) -> Option<Value> {
    let raw = source(rule, record, item)?;
    let value = match (rule.transform, raw) {
        (Transform::Datetime, Raw::Time(time)) => Value::String(whole_second(time).to_string()),
        (Transform::Date, Raw::Time(time)) => {
            Value::String(time.to_zoned(TimeZone::UTC).date().to_string())
        }
        (Transform::Time, Raw::Time(time)) => Value::String(
            time.to_zoned(TimeZone::UTC)
                .strftime("%H:%M:%S")
                .to_string(),
        ),
        (Transform::Duration, Raw::Number(seconds)) => {
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            Value::String(format!("{hours:02}:{minutes:02}:{:02}", seconds % 60))
        }
        (Transform::Choice, Raw::Text(text)) => {
            Value::String(rule.values.get(&text).or(rule.otherwise.as_ref())?.clone())
        }
        (Transform::Number, Raw::Text(text)) => {
            let number = rule.values.get(&text).or(rule.otherwise.as_ref())?;
            Value::from(number.parse::<i64>().ok()?)
        }
        (Transform::Line, Raw::Text(text)) => limited(&text::one_line(&text), rule.max),
        (Transform::Html, Raw::Text(text)) => Value::String(text::html(&text, rule.max)),
        (_, Raw::Text(text)) => limited(&text, rule.max),
        (_, Raw::Time(time)) => Value::String(time.to_string()),
        (_, Raw::Number(number)) => Value::from(number),
        (_, Raw::Fixed(value)) => value,
    };
    Some(value)
}

fn limited(text: &str, max: Option<usize>) -> Value {
    Value::String(max.map_or_else(|| text.to_owned(), |max| text::cut(text, max)))
}

/// CRMs keep whole seconds or milliseconds; a fraction would come back changed.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn source(
    rule: &FieldRule,
    record: &SessionRecord,
    part: Option<&Part<ActionItem>>,
) -> Option<Raw> {
    let session = record.session.as_ref().map(|part| &part.value);
    let item = part.map(|part| &part.value);
    let text = |text: String| (!text.is_empty()).then_some(Raw::Text(text));
    match rule.from {
        Source::SessionTitle => text(session?.title.clone()),
        Source::SessionNotes => text(notes(record)),
        Source::SessionSummary => text(record.summary.as_ref()?.value.text.clone()),
        Source::SessionInsights => text(insights(record)),
        Source::SessionActions => text(actions(record)),
        Source::SessionStartedAt => Some(Raw::Time(session?.created_at)),
        Source::SessionEndedAt => Some(Raw::Time(session?.ended_at())),
        Source::SessionDurationMinutes => Some(Raw::Number(session?.duration_seconds.div_ceil(60))),
        Source::SessionDurationSeconds => Some(Raw::Number(session?.duration_seconds)),
        Source::SessionDurationMilliseconds => {
            Some(Raw::Number(session?.duration_seconds.saturating_mul(1_000)))
        }
        Source::SessionUrl => text(session?.url.clone()?),
        Source::TaskTitle => text(item?.title.clone()),
        Source::TaskNotes => text(task_notes(record, item?)),
        Source::TaskDueAt => Some(Raw::Time(item?.due_at?)),
        Source::TaskScheduledAt => {
            let part = part?;
            let ended = session.map(Session::ended_at);
            Some(Raw::Time(part.value.due_at.or(ended).unwrap_or(part.at)))
        }
        Source::TaskStatus => text(item?.status.clone()),
        Source::Constant => Some(Raw::Fixed(rule.value.clone()?)),
    }
}

fn insights(record: &SessionRecord) -> String {
    record
        .insights
        .values()
        .fold(String::new(), |mut lines, part| {
            let insight = &part.value;
            let _ = writeln!(
                lines,
                "- {}: {}",
                insight.kind.label(),
                text::one_line(&insight.value)
            );
            lines
        })
}

fn actions(record: &SessionRecord) -> String {
    record
        .action_items
        .values()
        .fold(String::new(), |mut lines, part| {
            let _ = write!(lines, "- {}", text::one_line(&part.value.title));
            if let Some(who) = &part.value.assignee_email {
                let _ = write!(lines, " ({who})");
            }
            lines.push('\n');
            lines
        })
}

fn person(person: &Participant) -> String {
    match (person.name.is_empty(), &person.email) {
        (false, Some(email)) => format!("- {} <{email}>\n", person.name),
        (false, None) => format!("- {}\n", person.name),
        (true, Some(email)) => format!("- {email}\n"),
        (true, None) => String::new(),
    }
}

/// Everything about a session in one plain text, the most useful first, so that a cut loses the
/// least.
fn notes(record: &SessionRecord) -> String {
    let mut sections = Vec::new();
    if let Some(summary) = &record.summary {
        sections.push(summary.value.text.trim().to_owned());
    }
    for (title, lines) in [
        ("Key insights", insights(record)),
        ("Action items", actions(record)),
    ] {
        if !lines.is_empty() {
            sections.push(format!("{title}:\n{}", lines.trim_end()));
        }
    }
    if let Some(session) = record.session.as_ref().map(|part| &part.value) {
        let people: String = session.participants.iter().map(person).collect();
        if !people.is_empty() {
            sections.push(format!("Participants:\n{}", people.trim_end()));
        }
        if let Some(url) = &session.url {
            sections.push(url.clone());
        }
    }
    sections.join("\n\n")
}

fn task_notes(record: &SessionRecord, item: &ActionItem) -> String {
    let mut sections: Vec<String> = item
        .description
        .iter()
        .map(|text| text.trim().to_owned())
        .collect();
    if let Some(quote) = item
        .evidence
        .as_ref()
        .and_then(|evidence| evidence.quote.as_ref())
    {
        sections.push(format!(
            "Said in the conversation: “{}”",
            text::one_line(quote)
        ));
    }
    if let Some(who) = &item.assignee_email {
        sections.push(format!("Assigned to {who}"));
    }
    if let Some(url) = record
        .session
        .as_ref()
        .and_then(|part| part.value.url.as_ref())
    {
        sections.push(url.clone());
    }
    sections.join("\n\n")
}
