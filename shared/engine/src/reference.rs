//! The messages the hub sends itself: references, never content.

use hub_aws::Outgoing;
use hub_domain::{ConnectionId, EventId, OrganizationId, SessionId};
use serde::{Deserialize, Serialize};

/// What ingest puts into `events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventReference {
    /// The shape's version.
    pub(crate) v: u8,
    pub(crate) organization: OrganizationId,
    pub(crate) session: SessionId,
    pub(crate) event: EventId,
    /// The session's revision after the event.
    pub(crate) revision: u64,
    /// Whether only a part of the session is known so far.
    #[serde(default)]
    pub(crate) alone: bool,
}

/// What dispatch puts into a CRM's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryReference {
    /// The shape's version.
    pub(crate) v: u8,
    pub(crate) organization: OrganizationId,
    pub(crate) connection: ConnectionId,
    pub(crate) session: SessionId,
    pub(crate) event: EventId,
    /// The session's revision when it was sent; what is read later may be newer.
    pub(crate) revision: u64,
}

impl DeliveryReference {
    /// The message of it, in its organization's group.
    pub(crate) fn message(&self) -> Result<Outgoing, serde_json::Error> {
        Ok(Outgoing {
            body: serde_json::to_string(self)?,
            group: Some(self.organization.to_string()),
            ..Outgoing::default()
        })
    }
}

/// The version of both shapes.
pub(crate) const VERSION: u8 = 1;
