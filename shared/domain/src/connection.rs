//! A customer's link to one CRM account.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, CrmId, OrganizationId};

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Created; nobody has authorized it at the CRM.
    Unconnected,
    /// Authorized at the CRM; an admin has yet to approve it.
    AwaitingApproval,
    /// In use.
    Active,
    /// The CRM refuses the grant: somebody has to connect again.
    ReconnectNeeded,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Which CRM.
    pub crm: CrmId,
    /// What people call it.
    pub name: String,
    /// Where it is in its life.
    pub state: ConnectionState,
    /// Why it is in that state, in words for a person; empty when there is nothing to say.
    #[serde(default)]
    pub reason: String,
    /// Whether an admin has approved it.
    pub approved: bool,
    /// Whether it takes events; pausing turns it off.
    pub enabled: bool,
    /// Where the CRM's API is, from the token reply or the manifest; without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The CRM's own id of the account it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What the manifest leaves to the customer, like the name of the key field.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The version of the mapping in use; 0 is the manifest's default.
    #[serde(default)]
    pub mapping_version: u32,
    /// Raised by each change; a write names the version it changes.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

impl Connection {
    /// Whether events go to it.
    pub fn takes_events(&self) -> bool {
        self.approved
            && self.enabled
            && matches!(
                self.state,
                ConnectionState::Active | ConnectionState::ReconnectNeeded
            )
    }

    /// The state an authorized connection is in: in use once an admin has approved it.
    pub fn authorized_state(&self) -> ConnectionState {
        if self.approved {
            ConnectionState::Active
        } else {
            ConnectionState::AwaitingApproval
        }
    }
}
