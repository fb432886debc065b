//! Which source goes into which CRM field, through which transform.
//!
//! The default mapping of a CRM stands in its manifest; a connection may replace it. There is no
//! expression language: a source, a transform, a limit, an overwrite policy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of record is written.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The activity of a meeting.
    Meeting,
    /// The activity of a call.
    Call,
    /// The task of an action item.
    Task,
}

/// Where a value comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Source {
    /// The session's title.
    #[serde(rename = "session.title")]
    SessionTitle,
    /// Summary, insights, action items, who took part and the link, as plain text for one field.
    #[serde(rename = "session.notes")]
    SessionNotes,
    /// The summary's text alone.
    #[serde(rename = "session.summary")]
    SessionSummary,
    /// The insights, one a line.
    #[serde(rename = "session.insights")]
    SessionInsights,
    /// The action items, one a line.
    #[serde(rename = "session.actions")]
    SessionActions,
    /// When it began.
    #[serde(rename = "session.started_at")]
    SessionStartedAt,
    /// When it ended.
    #[serde(rename = "session.ended_at")]
    SessionEndedAt,
    /// How long it took, in whole minutes, rounded up.
    #[serde(rename = "session.duration_minutes")]
    SessionDurationMinutes,
    /// How long it took, in seconds.
    #[serde(rename = "session.duration_seconds")]
    SessionDurationSeconds,
    /// How long it took, in milliseconds.
    #[serde(rename = "session.duration_milliseconds")]
    SessionDurationMilliseconds,
    /// Link to it in liveprompt.
    #[serde(rename = "session.url")]
    SessionUrl,
    /// The action item's title.
    #[serde(rename = "task.title")]
    TaskTitle,
    /// The action item's description, the words it came from, and the session's link.
    #[serde(rename = "task.notes")]
    TaskNotes,
    /// When it is due.
    #[serde(rename = "task.due_at")]
    TaskDueAt,
    /// When the action item is to be done, for a CRM that wants a time of every task: when it is due,
    /// else when the session ended, else when the item was told.
    #[serde(rename = "task.scheduled_at")]
    TaskScheduledAt,
    /// Its status, as liveprompt says it.
    #[serde(rename = "task.status")]
    TaskStatus,
    /// A fixed value, in `value`.
    #[serde(rename = "constant")]
    Constant,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// As it is.
    #[default]
    Keep,
    /// Plain text on one line.
    Line,
    /// Plain text as HTML: markup is escaped, a new line becomes `<br>`.
    Html,
    /// An ISO 8601 time in UTC: `2026-11-20T15:00:00Z`.
    Datetime,
    /// A calendar day in UTC: `2026-11-20`.
    Date,
    /// A time of day in UTC: `15:00:00`.
    Time,
    /// A number of seconds as hours, minutes and seconds: `00:45:01`.
    Duration,
    /// Looked up in `values`; what is not there becomes `otherwise`, or is left out.
    Choice,
    /// The same as a whole number, for a CRM whose lists have numbers; what is none is left out.
    Number,
}

/// When a field may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overwrite {
    /// With every revision.
    #[default]
    Always,
    /// Only where the CRM's field is empty.
    IfEmpty,
    /// Added to what stands there.
    Append,
    /// Only where the value is one we wrote.
    OnlyOurs,
    /// Only when the record is made.
    OnCreate,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The CRM's field.
    pub to: String,
    /// The source.
    pub from: Source,
    /// The transform.
    #[serde(default, rename = "as")]
    pub transform: Transform,
    /// The longest text in UTF-16 code units; longer ones are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// The value of a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The CRM's value for each of ours, for a choice or a number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The CRM's value for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
    /// When it may be written.
    #[serde(default)]
    pub overwrite: Overwrite,
}

/// The record of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordRule {
    /// What it is for.
    pub kind: RecordKind,
    /// The CRM's object.
    pub object: String,
    /// Its fields.
    pub fields: Vec<FieldRule>,
}

/// A mapping.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// 0 is the manifest's default; a customer's mappings count from 1.
    #[serde(default)]
    pub version: u32,
    /// One rule per kind of record; a kind without a rule is not written.
    pub records: Vec<RecordRule>,
}

impl Mapping {
    /// The rule of one kind.
    pub fn record(&self, kind: RecordKind) -> Option<&RecordRule> {
        self.records.iter().find(|record| record.kind == kind)
    }
}
