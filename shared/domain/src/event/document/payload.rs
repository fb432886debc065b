//! The payloads. Their limits are those of [`crate::limits`].

use jiff::Timestamp;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::super::{InsightKind, OrganizationStatus, PlanTier, SessionKind};
use crate::{
    id::{PartId, SessionId},
    limits::MAX_TEXT,
};

/// The payload of `session.completed`.
#[derive(Debug, ToSchema)]
pub struct SessionPayload {
    /// The session's id.
    #[serde(rename = "sessionId")]
    pub session_id: SessionId,
    /// The conversation.
    pub session: Session,
}

/// A conversation that was recorded.
#[derive(Debug, ToSchema)]
pub struct Session {
    /// The payload's `sessionId`.
    pub id: SessionId,
    /// Its title.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub title: String,
    /// What it was.
    pub kind: SessionKind,
    /// When it began, between 2000 and 2100.
    pub created_at: Timestamp,
    /// How long it took; 14 days at most.
    #[schema(maximum = 1_209_600)]
    pub duration_seconds: u64,
    /// When it ended, not before it began.
    pub ended_at: Option<Timestamp>,
    /// The language that was spoken.
    #[schema(max_length = 255)]
    pub language: Option<String>,
    /// An https or http link to it.
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    /// The liveprompt user.
    pub host: Host,
    /// Who took part.
    #[schema(max_items = 500)]
    pub participants: Option<Vec<Participant>>,
    /// What it is filed under.
    pub tags: Option<Tags>,
    /// The transcript.
    #[schema(max_items = 25_000)]
    pub segments: Option<Vec<Segment>>,
    /// Its summary, as an object or as bare text.
    pub summary: Option<SummaryOrText>,
    /// Its action items; no id twice.
    #[schema(max_items = 100)]
    pub action_items: Option<Vec<ActionItem>>,
    /// Its insights; no id twice.
    #[schema(max_items = 100)]
    pub insights: Option<Vec<Insight>>,
}

/// The liveprompt user.
#[derive(Debug, ToSchema)]
pub struct Host {
    /// Their name.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub name: String,
    /// Their address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
}

/// Somebody who took part.
#[derive(Debug, ToSchema)]
pub struct Participant {
    /// Their name.
    #[schema(max_length = 500)]
    pub name: Option<String>,
    /// Their address, by which they are found in the CRM.
    #[schema(format = Email, max_length = 254)]
    pub email: Option<String>,
    /// Their telephone number.
    #[schema(max_length = 255)]
    pub phone: Option<String>,
    /// What they are.
    #[schema(max_length = 255)]
    pub title: Option<String>,
    /// Where they work.
    #[schema(max_length = 255)]
    pub company: Option<String>,
    /// Whether they are of the host's side; without it, who has an address of another domain is not.
    pub internal: Option<bool>,
}

/// What a session is filed under.
#[derive(Debug, ToSchema)]
pub struct Tags {
    /// A team.
    #[schema(max_length = 255)]
    pub team: Option<String>,
    /// A region.
    #[schema(max_length = 255)]
    pub region: Option<String>,
    /// A product.
    #[schema(max_length = 255)]
    pub product: Option<String>,
}

/// A piece of a transcript.
#[derive(Debug, ToSchema)]
pub struct Segment {
    /// Its id within the session.
    pub id: PartId,
    /// Who speaks.
    #[schema(max_length = 500)]
    pub speaker: Option<String>,
    /// When it begins, from the session's beginning.
    #[schema(maximum = 1_209_600_000)]
    pub start_ms: u64,
    /// When it ends, not before it begins.
    #[schema(maximum = 1_209_600_000)]
    pub end_ms: u64,
    /// What is said.
    #[schema(max_length = 200_000)]
    pub text: Option<String>,
}

/// A summary, or its text alone.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum SummaryOrText {
    /// The text.
    Text(SummaryText),
    /// All of it.
    Summary(Summary),
}

/// The text of a summary.
#[derive(Debug)]
pub struct SummaryText(pub String);

impl PartialSchema for SummaryText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(MAX_TEXT))
            .into()
    }
}

impl ToSchema for SummaryText {}

/// A summary.
#[derive(Debug, ToSchema)]
pub struct Summary {
    /// Its text.
    #[schema(max_length = 200_000, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub text: String,
    /// How the text is written, `text` unless it says otherwise.
    #[schema(max_length = 255)]
    pub format: Option<String>,
    /// Its sections.
    #[schema(max_items = 50)]
    pub sections: Option<Vec<Section>>,
}

/// A section of a summary.
#[derive(Debug, ToSchema)]
pub struct Section {
    /// Its title.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub title: String,
    /// Its text.
    #[schema(max_length = 200_000)]
    pub text: Option<String>,
}

/// The payload of `summary.generated`.
#[derive(Debug, ToSchema)]
pub struct SummaryPayload {
    /// The session's id.
    #[serde(rename = "sessionId")]
    pub session_id: SessionId,
    /// The summary.
    pub summary: Summary,
}

/// The payload of `action_item.created`.
#[derive(Debug, ToSchema)]
pub struct ActionItemPayload {
    /// The session's id.
    #[serde(rename = "sessionId")]
    pub session_id: SessionId,
    /// The action item.
    pub action_item: ActionItem,
}

/// The payload of `insight.detected`.
#[derive(Debug, ToSchema)]
pub struct InsightPayload {
    /// The session's id.
    #[serde(rename = "sessionId")]
    pub session_id: SessionId,
    /// The insight.
    pub insight: Insight,
}

/// Something to do.
#[derive(Debug, ToSchema)]
pub struct ActionItem {
    /// Its id within the session.
    pub id: PartId,
    /// What to do.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub title: String,
    /// More of it.
    #[schema(max_length = 200_000)]
    pub description: Option<String>,
    /// Who does it.
    #[schema(format = Email, max_length = 254)]
    pub assignee_email: Option<String>,
    /// Until when, between 2000 and 2100.
    pub due_at: Option<Timestamp>,
    /// How it stands, `open` unless it says otherwise.
    #[schema(max_length = 255)]
    pub status: Option<String>,
    /// Where it was said.
    pub evidence: Option<Evidence>,
}

/// Something that was heard.
#[derive(Debug, ToSchema)]
pub struct Insight {
    /// Its id within the session.
    pub id: PartId,
    /// What it is about.
    pub kind: InsightKind,
    /// What was heard.
    #[schema(max_length = 200_000, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub value: String,
    /// How sure it is.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
    /// Whom it is about.
    #[schema(format = Email, max_length = 254)]
    pub person_email: Option<String>,
    /// Where it was said.
    pub evidence: Option<Evidence>,
}

/// Where something was said.
#[derive(Debug, ToSchema)]
pub struct Evidence {
    /// Segments of the transcript.
    #[schema(max_items = 50)]
    pub segment_ids: Option<Vec<PartId>>,
    /// The words.
    #[schema(max_length = 200_000)]
    pub quote: Option<String>,
}

/// The payload of `meeting.scheduled`.
#[derive(Debug, ToSchema)]
pub struct MeetingPayload {
    /// The meeting.
    pub meeting: Meeting,
}

/// A meeting that is planned.
#[derive(Debug, ToSchema)]
pub struct Meeting {
    /// Its id.
    pub id: PartId,
    /// Its title.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub title: String,
    /// When it begins, between 2000 and 2100.
    pub starts_at: Timestamp,
    /// When it ends, not before it begins.
    pub ends_at: Timestamp,
    /// An https or http link to it.
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    /// The liveprompt user.
    pub host: Host,
    /// Who is invited.
    #[schema(max_items = 500)]
    pub participants: Option<Vec<Participant>>,
}

/// The payload of `organization.changed`.
#[derive(Debug, ToSchema)]
pub struct OrganizationPayload {
    /// Its name.
    #[schema(max_length = 500, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub name: String,
    /// What it pays for.
    pub plan: PlanTier,
    /// Whether it is in use.
    pub status: OrganizationStatus,
}
