//! Events of the hub itself, `integration.*`: what happened to an organization's connections, in the
//! envelope that its own webhooks get. They are stored when they happen; the same event has the same
//! id, however often it is derived.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{EventId, OrganizationId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Kind {
    /// A connection was authorized and approved: it is in use.
    #[serde(rename = "integration.connected")]
    Connected,
    /// The CRM refuses the grant of a connection: somebody has to connect again.
    #[serde(rename = "integration.reconnect_needed")]
    ReconnectNeeded,
    /// A connection was ended.
    #[serde(rename = "integration.disconnected")]
    Disconnected,
    /// A secret is older than the policy.
    #[serde(rename = "integration.credential_old")]
    CredentialOld,
    /// A grant is about to lapse.
    #[serde(rename = "integration.grant_lapsing")]
    GrantLapsing,
    /// A webhook does not take events: one was given up after its last attempt.
    #[serde(rename = "integration.webhook_failing")]
    WebhookFailing,
    /// The hub turned a webhook off: its receiver is gone for good, or has taken nothing for days.
    #[serde(rename = "integration.webhook_off")]
    WebhookOff,
    /// The audit log has a checkpoint. Whoever keeps it can prove later that nothing before it was
    /// changed.
    #[serde(rename = "integration.audit_checkpoint")]
    AuditCheckpoint,
}

impl Kind {
    /// Its name, as the `type` of an event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "integration.connected",
            Self::ReconnectNeeded => "integration.reconnect_needed",
            Self::Disconnected => "integration.disconnected",
            Self::CredentialOld => "integration.credential_old",
            Self::GrantLapsing => "integration.grant_lapsing",
            Self::WebhookFailing => "integration.webhook_failing",
            Self::WebhookOff => "integration.webhook_off",
            Self::AuditCheckpoint => "integration.audit_checkpoint",
        }
    }
}

/// An event of the hub itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id, made of the rest but the payload.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whose.
    #[serde(rename = "organizationId")]
    pub organization: OrganizationId,
    /// When.
    pub timestamp: Timestamp,
    /// What there is to say; nothing secret.
    pub payload: Value,
}

impl Notice {
    /// An event about something: what happened, to what and when decide the id.
    pub fn new(
        organization: OrganizationId,
        kind: Kind,
        subject: &str,
        at: Timestamp,
        payload: Value,
    ) -> Self {
        let name = format!("{organization}\n{}\n{subject}\n{at}", kind.name());
        let id = match kind {
            Kind::AuditCheckpoint => EventId::of_checkpoint(&name),
            _ => EventId::derived(&name),
        };
        Self {
            id,
            kind,
            organization,
            timestamp: at,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_envelope_of_webhooks() {
        let notice = Notice::new(
            "org_1".parse().unwrap(),
            Kind::ReconnectNeeded,
            "conn_1",
            "2026-11-20T15:46:00Z".parse().unwrap(),
            serde_json::json!({ "connection": "conn_1" }),
        );
        assert_eq!(
            serde_json::to_value(&notice).unwrap(),
            serde_json::json!({
                "id": "evt_fdb6976ec0e0015774e604fc1fe9a6c7", "type": "integration.reconnect_needed",
                "organizationId": "org_1", "timestamp": "2026-11-20T15:46:00Z",
                "payload": { "connection": "conn_1" },
            })
        );
        for kind in [
            Kind::Connected,
            Kind::ReconnectNeeded,
            Kind::Disconnected,
            Kind::CredentialOld,
            Kind::GrantLapsing,
            Kind::WebhookFailing,
            Kind::WebhookOff,
            Kind::AuditCheckpoint,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
