//! The messages the hub sends itself: references, never content.

use hub_aws::Outgoing;
use hub_domain::{ConnectionId, EventId, OrganizationId, SessionId, Subject, WebhookId};
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
    /// What kind of event it is, where it was kept for webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
}

/// What dispatch puts into a CRM's queue, or into that of the webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub(crate) struct DeliveryReference {
    /// The shape's version.
    pub(crate) v: u8,
    pub(crate) organization: OrganizationId,
    pub(crate) subject: Subject,
    pub(crate) event: EventId,
    /// The session's revision when it was sent; what is read later may be newer. An event has one.
    pub(crate) revision: u64,
}

/// The same as it is written: a connection with a session, or a webhook, whose event is the subject too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u8,
    organization: OrganizationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<ConnectionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<WebhookId>,
    event: EventId,
    #[serde(default = "only", skip_serializing_if = "is_only")]
    revision: u64,
}

/// The one revision that an event has.
pub(crate) const ONLY: u64 = 1;

fn only() -> u64 {
    ONLY
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference over"
)]
fn is_only(revision: &u64) -> bool {
    *revision == ONLY
}

impl TryFrom<Written> for DeliveryReference {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let subject = match (written.connection, written.session, written.webhook) {
            (Some(connection), Some(session), None) => Subject::Session {
                connection,
                session,
            },
            (None, None, Some(webhook)) => Subject::Event {
                webhook,
                of: written.event.clone(),
            },
            _ => return Err("names neither a session of a connection nor a webhook"),
        };
        Ok(Self {
            v: written.v,
            organization: written.organization,
            subject,
            event: written.event,
            revision: written.revision,
        })
    }
}

impl From<DeliveryReference> for Written {
    fn from(reference: DeliveryReference) -> Self {
        let (connection, session, webhook) = match reference.subject {
            Subject::Session {
                connection,
                session,
            } => (Some(connection), Some(session), None),
            Subject::Event { webhook, .. } => (None, None, Some(webhook)),
        };
        Self {
            v: reference.v,
            organization: reference.organization,
            connection,
            session,
            webhook,
            event: reference.event,
            revision: reference.revision,
        }
    }
}

impl DeliveryReference {
    /// An event, to a webhook.
    pub(crate) fn to_webhook(
        organization: &OrganizationId,
        webhook: &WebhookId,
        event: &EventId,
    ) -> Self {
        Self {
            v: VERSION,
            organization: organization.clone(),
            subject: Subject::event_to(webhook, event),
            event: event.clone(),
            revision: ONLY,
        }
    }

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_read_as_it_was_written_and_names_one_subject() {
        let crm = json!({
            "v": 1, "organization": "org_1", "connection": "conn_1", "session": "ses_1",
            "event": "evt_1", "revision": 2,
        });
        let webhook =
            json!({ "v": 1, "organization": "org_1", "webhook": "whk_1", "event": "evt_1" });
        for (written, subject) in [(&crm, "conn_1#ses_1"), (&webhook, "whk_1#evt_1")] {
            let read: DeliveryReference = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(read.subject.to_string(), subject);
            assert_eq!(&serde_json::to_value(&read).unwrap(), written);
        }
        for (name, value) in [("webhook", "whk_1"), ("also", "x"), ("session", "")] {
            let mut wrong = crm.clone();
            wrong[name] = value.into();
            assert!(serde_json::from_value::<DeliveryReference>(wrong).is_err());
        }
        let mut wrong = webhook;
        wrong["connection"] = "conn_1".into();
        assert!(serde_json::from_value::<DeliveryReference>(wrong).is_err());
    }
}
