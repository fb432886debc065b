//! The typed payload of each inbound event type.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    parts::{ActionItem, Host, Insight, Participant, Segment, Session, Summary},
    read::{
        read_action_item, read_host, read_insight, read_participants, read_segments, read_session,
        read_summary,
    },
};
use crate::{
    fault::Faults,
    id::{PartId, SessionId},
    limits::{MAX_ITEMS, MAX_SHORT, MAX_TITLE, MAX_URL},
    reader::Reader,
};

/// What a customer pays for; limits of each are data, enforced elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanTier {
    /// One CRM connection, 1,000 syncs a month.
    Starter,
    /// Three connections, unlimited syncs.
    Professional,
    /// Unlimited.
    Enterprise,
}

/// Whether an organization is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationStatus {
    /// In use.
    Active,
    /// Closed: the erasure hold begins.
    Closed,
}

/// `organization.changed`: how an organization begins, and how it is renamed or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationChange {
    /// Its name.
    pub name: String,
    /// What it pays for.
    pub plan: PlanTier,
    /// Whether it is in use.
    pub status: OrganizationStatus,
}

/// A meeting that is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its id.
    pub id: PartId,
    /// Its title.
    pub title: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends, not before it begins.
    pub ends_at: Timestamp,
    /// Link to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The liveprompt user.
    pub host: Host,
    /// Who is invited.
    pub participants: Vec<Participant>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// `session.completed`, also sent again with a new event id when the session changed.
    SessionCompleted {
        /// The conversation.
        session: Box<Session>,
        /// Its transcript, stored apart from the rest.
        segments: Vec<Segment>,
        /// Its summary, if there is one already.
        summary: Option<Summary>,
        /// Its action items so far.
        action_items: Vec<ActionItem>,
        /// Its insights so far.
        insights: Vec<Insight>,
    },
    /// `summary.generated`
    SummaryGenerated {
        /// Whose summary it is.
        session: SessionId,
        /// The summary.
        summary: Summary,
    },
    /// `action_item.created`
    ActionItemCreated {
        /// Whose action item it is.
        session: SessionId,
        /// The action item.
        action_item: ActionItem,
    },
    /// `insight.detected`
    InsightDetected {
        /// Whose insight it is.
        session: SessionId,
        /// The insight.
        insight: Insight,
    },
    /// `meeting.scheduled`
    MeetingScheduled(Meeting),
    /// `organization.changed`
    OrganizationChanged(OrganizationChange),
}

impl Payload {
    const TYPES: [&'static str; 6] = [
        "session.completed",
        "summary.generated",
        "action_item.created",
        "insight.detected",
        "meeting.scheduled",
        "organization.changed",
    ];

    /// The event type's name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SessionCompleted { .. } => "session.completed",
            Self::SummaryGenerated { .. } => "summary.generated",
            Self::ActionItemCreated { .. } => "action_item.created",
            Self::InsightDetected { .. } => "insight.detected",
            Self::MeetingScheduled(_) => "meeting.scheduled",
            Self::OrganizationChanged(_) => "organization.changed",
        }
    }

    /// The session it belongs to.
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::SessionCompleted { session, .. } => Some(&session.id),
            Self::SummaryGenerated { session, .. }
            | Self::ActionItemCreated { session, .. }
            | Self::InsightDetected { session, .. } => Some(session),
            Self::MeetingScheduled(_) | Self::OrganizationChanged(_) => None,
        }
    }

    pub(super) fn read(
        kind: &str,
        type_pointer: &str,
        reader: &mut Reader<'_>,
        faults: &mut Faults,
    ) -> Option<Self> {
        match kind {
            "session.completed" => Self::read_session(reader, faults),
            "summary.generated" => {
                let session = reader.required_id("sessionId", faults);
                let summary = reader
                    .required_object("summary", faults)
                    .and_then(|mut s| read_summary(&mut s, faults));
                Some(Self::SummaryGenerated {
                    session: session?,
                    summary: summary?,
                })
            }
            "action_item.created" => {
                let session = reader.required_id("sessionId", faults);
                let item = reader
                    .required_object("action_item", faults)
                    .and_then(|mut i| read_action_item(&mut i, faults));
                Some(Self::ActionItemCreated {
                    session: session?,
                    action_item: item?,
                })
            }
            "insight.detected" => {
                let session = reader.required_id("sessionId", faults);
                let insight = reader
                    .required_object("insight", faults)
                    .and_then(|mut i| read_insight(&mut i, faults));
                Some(Self::InsightDetected {
                    session: session?,
                    insight: insight?,
                })
            }
            "meeting.scheduled" => reader
                .required_object("meeting", faults)
                .and_then(|mut m| read_meeting(&mut m, faults))
                .map(Self::MeetingScheduled),
            "organization.changed" => {
                read_organization(reader, faults).map(Self::OrganizationChanged)
            }
            other => {
                faults.push(
                    type_pointer,
                    format!("is '{other}'"),
                    format!("one of {}", Self::TYPES.join(", ")),
                );
                None
            }
        }
    }

    fn read_session(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Self> {
        let id: Option<SessionId> = reader.required_id("sessionId", faults);
        let mut body = reader.required_object("session", faults)?;
        let session = read_session(&mut body, faults);
        let segments = read_segments(&mut body, faults);
        let summary = read_inline_summary(&mut body, faults);
        let action_items = body.list("action_items", MAX_ITEMS, faults, read_action_item);
        let insights = body.list("insights", MAX_ITEMS, faults, read_insight);
        twice(
            &action_items,
            |item| &item.id,
            &body.at("action_items"),
            faults,
        );
        twice(
            &insights,
            |insight| &insight.id,
            &body.at("insights"),
            faults,
        );
        let mut session = session?;
        session.extra = body.rest();
        let id = id?;
        if session.id != id {
            faults.push(
                body.at("id"),
                format!("is '{}'", session.id),
                format!("the payload's sessionId, '{id}'"),
            );
        }
        Some(Self::SessionCompleted {
            session: Box::new(session),
            segments,
            summary,
            action_items,
            insights,
        })
    }
}

/// A session's own summary may be a bare text or an object.
fn read_inline_summary(body: &mut Reader<'_>, faults: &mut Faults) -> Option<Summary> {
    if let Some(Value::String(_)) = body.value("summary") {
        let text = body.text("summary", crate::limits::MAX_TEXT, faults)?;
        return Some(Summary {
            text,
            format: "text".to_owned(),
            sections: Vec::new(),
            extra: Map::new(),
        });
    }
    body.object("summary", faults)
        .and_then(|mut summary| read_summary(&mut summary, faults))
}

fn twice<'a, T>(
    items: &'a [T],
    id: impl Fn(&'a T) -> &'a PartId,
    pointer: &str,
    faults: &mut Faults,
) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        if !seen.insert(id(item)) {
            faults.push(
                format!("{pointer}/{index}/id"),
                "is used twice",
                "an id of its own within the session",
            );
        }
    }
}

fn read_meeting(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<Meeting> {
    let id = reader.required_id("id", faults);
    let title = reader.required_text("title", MAX_TITLE, faults);
    let starts_at = reader.required_time("starts_at", faults);
    let ends_at = reader.required_time("ends_at", faults);
    if let (Some(start), Some(end)) = (starts_at, ends_at)
        && end < start
    {
        faults.push(
            reader.at("ends_at"),
            "is before starts_at",
            format!("a time not before {start}"),
        );
    }
    let url = reader.link("url", MAX_URL, faults);
    let host = read_host(reader, faults);
    let participants = read_participants(reader, faults);
    Some(Meeting {
        id: id?,
        title: title?,
        starts_at: starts_at?,
        ends_at: ends_at?,
        url,
        host: host?,
        participants,
    })
}

fn read_organization(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<OrganizationChange> {
    let name = reader.required_text("name", MAX_TITLE, faults);
    let plan = reader
        .required_text("plan", MAX_SHORT, faults)
        .and_then(|plan| match plan.as_str() {
            "starter" => Some(PlanTier::Starter),
            "professional" => Some(PlanTier::Professional),
            "enterprise" => Some(PlanTier::Enterprise),
            other => {
                faults.push(
                    reader.at("plan"),
                    format!("is '{other}'"),
                    "'starter', 'professional' or 'enterprise'",
                );
                None
            }
        });
    let status = reader
        .required_text("status", MAX_SHORT, faults)
        .and_then(|status| match status.as_str() {
            "active" => Some(OrganizationStatus::Active),
            "closed" => Some(OrganizationStatus::Closed),
            other => {
                faults.push(
                    reader.at("status"),
                    format!("is '{other}'"),
                    "'active' or 'closed'",
                );
                None
            }
        });
    Some(OrganizationChange {
        name: name?,
        plan: plan?,
        status: status?,
    })
}
