//! A tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{OrganizationStatus, PlanTier},
    id::{EventId, OrganizationId},
};

/// An organization as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it pays for.
    pub plan: PlanTier,
    /// Whether it is in use.
    pub status: OrganizationStatus,
    /// When the newest `organization.changed` happened.
    pub changed_at: Timestamp,
    /// The newest `organization.changed`; with the time it orders the changes.
    pub changed_by: EventId,
    /// Whether its events are kept whole for webhooks: it has some, or had. Stands beside the rest, and is
    /// nothing that `organization.changed` says.
    #[serde(skip)]
    pub has_webhooks: bool,
}
