//! The events as the document of the API (OpenAPI) describes them: what [`Envelope::parse`] takes.
//!
//! Nothing is read with these types. `null` is the same as absent, and so is a blank text where none
//! is needed; members that are not named here are kept and not used.
//!
//! [`Envelope::parse`]: super::Envelope::parse

mod payload;

use jiff::Timestamp;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, schema::Type},
};

use crate::{
    id::{EventId, OrganizationId},
    limits::MAX_EVENTS,
};
pub use payload::{
    ActionItem, ActionItemPayload, Evidence, Host, Insight, InsightPayload, Meeting,
    MeetingPayload, OrganizationPayload, Participant, Section, Segment, Session, SessionPayload,
    Summary, SummaryOrText, SummaryPayload, SummaryText, Tags,
};

/// A body of `POST /api/events`.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum Events {
    /// One event: the answer's status is its own.
    One(Box<Event>),
    /// 1 to 100 events: the answer says of each what became of it.
    List(ListOfEvents),
}

/// Some events.
#[derive(Debug)]
pub struct ListOfEvents(pub Vec<Event>);

impl PartialSchema for ListOfEvents {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(Event::name()))
            .min_items(Some(1))
            .max_items(Some(MAX_EVENTS))
            .into()
    }
}

impl ToSchema for ListOfEvents {}

/// An event of liveprompt.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum Event {
    /// A conversation is over, or what is known of it has changed.
    SessionCompleted(Box<SessionCompleted>),
    /// There is a summary.
    SummaryGenerated(Box<SummaryGenerated>),
    /// There is an action item.
    ActionItemCreated(Box<ActionItemCreated>),
    /// Something was heard that matters.
    InsightDetected(Box<InsightDetected>),
    /// A meeting is planned.
    MeetingScheduled(Box<MeetingScheduled>),
    /// An organization begins, changes or ends.
    OrganizationChanged(Box<OrganizationChanged>),
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident, $kind:ident = $type:literal, $payload:ident, $example:expr;)+) => {$(
        /// The one value of `type`.
        #[derive(Debug)]
        pub struct $kind;

        impl PartialSchema for $kind {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some([$type]))
                    .into()
            }
        }

        impl ToSchema for $kind {}

        $(#[$doc])*
        #[derive(Debug, ToSchema)]
        #[schema(example = $example)]
        pub struct $name {
            /// The event's own id, by which a repetition is known.
            pub id: EventId,
            /// What happened.
            #[schema(inline)]
            pub r#type: $kind,
            /// Whose it is.
            #[serde(rename = "organizationId")]
            pub organization_id: OrganizationId,
            /// When it happened, between 2000 and 2100. The newest of a part counts.
            pub timestamp: Timestamp,
            /// What there is to know of it.
            pub payload: $payload,
        }
    )+};
}

events! {
    /// A conversation is over, or what is known of it has changed.
    SessionCompleted, SessionCompletedType = "session.completed", SessionPayload, json!({
        "id": "evt_01", "type": "session.completed", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:46:00Z",
        "payload": { "sessionId": "ses_01", "session": {
            "id": "ses_01", "title": "Renewal", "kind": "meeting",
            "created_at": "2026-11-20T15:00:00Z", "duration_seconds": 2760,
            "host": { "name": "Ada", "email": "ada@seller.example" },
            "participants": [{ "name": "Grace", "email": "grace@buyer.example" }]
        } }
    });
    /// There is a summary.
    SummaryGenerated, SummaryGeneratedType = "summary.generated", SummaryPayload, json!({
        "id": "evt_02", "type": "summary.generated", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:47:00Z",
        "payload": { "sessionId": "ses_01", "summary": { "text": "They renew.", "format": "text" } }
    });
    /// There is an action item.
    ActionItemCreated, ActionItemCreatedType = "action_item.created", ActionItemPayload, json!({
        "id": "evt_03", "type": "action_item.created", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:47:00Z",
        "payload": { "sessionId": "ses_01", "action_item": { "id": "act_1", "title": "Send the offer" } }
    });
    /// Something was heard that matters.
    InsightDetected, InsightDetectedType = "insight.detected", InsightPayload, json!({
        "id": "evt_04", "type": "insight.detected", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:47:00Z",
        "payload": { "sessionId": "ses_01", "insight": { "id": "ins_1", "kind": "budget", "value": "40,000" } }
    });
    /// A meeting is planned.
    MeetingScheduled, MeetingScheduledType = "meeting.scheduled", MeetingPayload, json!({
        "id": "evt_05", "type": "meeting.scheduled", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:47:00Z",
        "payload": { "meeting": {
            "id": "mtg_1", "title": "Kick-off",
            "starts_at": "2026-11-27T15:00:00Z", "ends_at": "2026-11-27T16:00:00Z",
            "host": { "name": "Ada", "email": "ada@seller.example" }
        } }
    });
    /// An organization begins, changes or ends. It is the first event of every organization.
    OrganizationChanged, OrganizationChangedType = "organization.changed", OrganizationPayload, json!({
        "id": "evt_06", "type": "organization.changed", "organizationId": "org_demo",
        "timestamp": "2026-11-20T15:00:00Z",
        "payload": { "name": "Demo", "plan": "enterprise", "status": "active" }
    });
}
