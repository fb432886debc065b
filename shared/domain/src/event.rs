//! The envelope and its inbound types (DESIGN 3): what liveprompt sends.
//!
//! [`Envelope::parse`] answers a typed event or every fault of the text. Fields it does not know
//! are kept in `extra` and never trusted.

mod body;
pub mod document;
mod parts;
mod payload;
mod read;

use jiff::Timestamp;
use serde_json::Value;

pub use parts::{
    ActionItem, Evidence, Host, Insight, InsightKind, Participant, Section, Segment, Session,
    SessionKind, Summary, Tags,
};
pub use payload::{Meeting, OrganizationChange, OrganizationStatus, Payload, PlanTier};

use crate::{
    fault::Faults,
    id::{EventId, OrganizationId, SessionId},
    limits::MAX_SHORT,
    reader::Reader,
};

/// One event of liveprompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The event's own id: the key of idempotency.
    pub id: EventId,
    /// Whose event it is.
    pub organization: OrganizationId,
    /// When it happened; with the id it orders the versions of a part.
    pub timestamp: Timestamp,
    /// What happened.
    pub payload: Payload,
}

impl Envelope {
    /// Reads one event, or every fault of it. `pointer` is where the event stands in its document.
    pub fn parse(value: &Value, pointer: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let event = Self::read(value, pointer, &mut faults);
        match event {
            Some(event) if faults.is_empty() => Ok(event),
            _ if faults.is_empty() => Err(Faults::one(pointer, "cannot be read", "an event")),
            _ => Err(faults),
        }
    }

    fn read(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Self> {
        let mut reader = Reader::new(value, pointer, faults)?;
        let id: Option<EventId> = reader.required_id("id", faults);
        if id.as_ref().is_some_and(EventId::is_of_checkpoint) {
            let expected = "another id: this one is kept for events of the audit log";
            faults.push(reader.at("id"), "is not for events of others", expected);
        }
        let organization = reader.required_id("organizationId", faults);
        let timestamp = reader.required_time("timestamp", faults);
        let kind = reader.required_text("type", MAX_SHORT, faults);
        let type_pointer = reader.at("type");
        let mut payload = reader.required_object("payload", faults);
        let payload = match (&kind, &mut payload) {
            (Some(kind), Some(payload)) => Payload::read(kind, &type_pointer, payload, faults),
            _ => None,
        };
        Some(Self {
            id: id?,
            organization: organization?,
            timestamp: timestamp?,
            payload: payload?,
        })
    }

    /// The session the event belongs to, if its type has one.
    pub fn session(&self) -> Option<&SessionId> {
        self.payload.session()
    }
}

#[cfg(test)]
mod tests;
