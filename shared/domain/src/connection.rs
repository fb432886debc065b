//! A customer's link to one CRM account.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, CrmId, OrganizationId};

/// How a connection proves itself at the CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A person logs in at the CRM and allows it.
    #[default]
    AuthorizationCode,
    /// The customer's own application, by its id and secret; no person is behind it.
    ClientCredentials,
    /// The customer's own application, by a signed assertion for one user (RFC 7523).
    JwtBearer,
    /// A key that somebody copied from the CRM.
    ApiKey,
}

impl Method {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "jwt_bearer",
            Self::ApiKey => "api_key",
        }
    }
}

/// Why a connection does not work any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was never authorized, or not to its end.
    NeverAuthorized,
    /// The grant was withdrawn at the CRM, or replaced by a newer one.
    Revoked,
    /// The grant was not used for too long, or its time is over.
    Expired,
    /// Somebody removed the application from the CRM account.
    Uninstalled,
    /// The grant lacks a scope, or the person behind it a permission.
    MissingScope,
    /// The CRM does not accept the application's id, secret or key.
    ClientRefused,
    /// It is paused or waits for an admin's approval.
    NotInUse,
}

impl Cause {
    /// What a person should do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NeverAuthorized => "connect it at the CRM",
            Self::Revoked => "access was withdrawn at the CRM: connect it again",
            Self::Expired => "the access has lapsed: connect it again",
            Self::Uninstalled => {
                "the application was removed from the CRM account: install it and connect again"
            }
            Self::MissingScope => {
                "a permission is missing: connect it again with an account that has it, and allow everything that is asked for"
            }
            Self::ClientRefused => {
                "the CRM refuses the credentials of the application or the key: enter the current ones and connect it again"
            }
            Self::NotInUse => "an admin has to approve or resume it",
        }
    }
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
    /// Ended by an admin: its credentials are gone, its log stays. It never comes back.
    Disconnected,
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
    /// What is wrong with it, for programs; `None` when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How it proves itself.
    #[serde(default)]
    pub method: Method,
    /// Whether an admin has approved it.
    pub approved: bool,
    /// Whether it takes events; pausing turns it off.
    pub enabled: bool,
    /// Where the CRM's API is, from the token reply or the manifest; without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The host of the CRM's authorization server, where the CRM has one per region and said which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
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
    /// Who authorized it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_by: Option<String>,
    /// When it was authorized last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Timestamp>,
    /// Since when its secret (API key, client secret, private key) is the one it is; `None` where it
    /// has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_since: Option<Timestamp>,
}

impl Connection {
    /// A connection that nobody has authorized.
    pub fn new(
        id: ConnectionId,
        organization: OrganizationId,
        crm: CrmId,
        name: String,
        created_at: Timestamp,
        created_by: String,
    ) -> Self {
        Self {
            id,
            organization,
            crm,
            name,
            state: ConnectionState::Unconnected,
            reason: "nobody has authorized it at the CRM".to_owned(),
            cause: None,
            method: Method::AuthorizationCode,
            approved: false,
            enabled: true,
            base_url: None,
            server: None,
            account: None,
            settings: BTreeMap::new(),
            mapping_version: 0,
            version: 1,
            created_at,
            created_by,
            approved_by: None,
            connected_by: None,
            connected_at: None,
            credential_since: None,
        }
    }

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
