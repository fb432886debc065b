//! The parts of a session as liveprompt sends them and as the hub stores them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{PartId, SessionId};

/// How the conversation took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// A meeting, in a room or on video.
    Meeting,
    /// A phone call.
    Call,
}

/// The liveprompt user whose conversation it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Display name.
    pub name: String,
    /// Address, lower-cased.
    pub email: String,
}

/// Somebody who took part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Display name.
    pub name: String,
    /// Address, lower-cased; without one the participant cannot be matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Job title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Company name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Whether liveprompt knows them to be of the organization itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<bool>,
}

/// What routes look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// Team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

/// A piece of the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Id within the session; evidence points at it.
    pub id: PartId,
    /// Who spoke.
    pub speaker: String,
    /// Start in milliseconds from the session's start.
    pub start_ms: u64,
    /// End in milliseconds, not before the start.
    pub end_ms: u64,
    /// What was said. Hostile input: anybody in the call can say anything.
    pub text: String,
}

/// The sentence that caused something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The segments it stands in.
    pub segment_ids: Vec<PartId>,
    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

/// A titled part of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Text.
    pub text: String,
}

/// A summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The text.
    pub text: String,
    /// `text` or `markdown`.
    pub format: String,
    /// Its sections, if it has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// Unknown fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// Something somebody promised to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionItem {
    /// Id within the session.
    pub id: PartId,
    /// What is to be done.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who does it, lower-cased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_email: Option<String>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// `open` or `done`, or what else liveprompt says.
    pub status: String,
    /// The sentence it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Unknown fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// What an insight is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InsightKind {
    /// A competitor was named.
    Competitor,
    /// A budget was named.
    Budget,
    /// Somebody decides.
    DecisionMaker,
    /// A deal's value was named.
    DealValue,
    /// An objection was raised.
    Objection,
    /// A next step was agreed.
    NextStep,
    /// Something endangers the deal.
    Risk,
    /// Anything else.
    Other,
}

impl InsightKind {
    /// Every kind under its name in the contract.
    pub(super) const ALL: [(&'static str, Self); 8] = [
        ("competitor", Self::Competitor),
        ("budget", Self::Budget),
        ("decision_maker", Self::DecisionMaker),
        ("deal_value", Self::DealValue),
        ("objection", Self::Objection),
        ("next_step", Self::NextStep),
        ("risk", Self::Risk),
        ("other", Self::Other),
    ];

    /// The words a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Self::Competitor => "Competitor",
            Self::Budget => "Budget",
            Self::DecisionMaker => "Decision maker",
            Self::DealValue => "Deal value",
            Self::Objection => "Objection",
            Self::NextStep => "Next step",
            Self::Risk => "Risk",
            Self::Other => "Note",
        }
    }
}

/// Something worth knowing that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insight {
    /// Id within the session.
    pub id: PartId,
    /// What it is about.
    pub kind: InsightKind,
    /// What was found.
    pub value: String,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Whom it concerns, lower-cased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_email: Option<String>,
    /// The sentence it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Unknown fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A recorded conversation, without the parts that events of their own may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its title.
    pub title: String,
    /// Meeting or call.
    pub kind: SessionKind,
    /// When it began.
    pub created_at: Timestamp,
    /// How long it took.
    pub duration_seconds: u64,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Link to it in liveprompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The liveprompt user.
    pub host: Host,
    /// Who took part.
    pub participants: Vec<Participant>,
    /// What routes look at.
    #[serde(default)]
    pub tags: Tags,
    /// Unknown fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl Session {
    /// When it ended; the start if the end cannot be told.
    pub fn ended_at(&self) -> Timestamp {
        let span =
            jiff::SignedDuration::from_secs(i64::try_from(self.duration_seconds).unwrap_or(0));
        self.created_at.checked_add(span).unwrap_or(self.created_at)
    }

    /// The participants who are not of the organization itself: liveprompt says so, or their
    /// address is of another domain than the host's.
    pub fn external(&self) -> impl Iterator<Item = &Participant> {
        let home = domain(&self.host.email);
        self.participants
            .iter()
            .filter(move |p| match (p.internal, &p.email) {
                (Some(internal), _) => !internal,
                (None, Some(email)) => domain(email) != home,
                (None, None) => true,
            })
    }
}

fn domain(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}
