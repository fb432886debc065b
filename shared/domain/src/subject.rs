//! What a delivery is of, and where it goes: the key of the ledger.
//!
//! A CRM gets a session as it stands: later events are revisions of one delivery. A webhook gets events:
//! each is a delivery of its own, of one revision, without a promise of order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, DeliveryId, EventId, SessionId, WebhookId};

/// What one delivery is of, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// A session, to the CRM account of a connection.
    Session {
        /// The connection.
        connection: ConnectionId,
        /// The session.
        session: SessionId,
    },
    /// An event, to a webhook.
    Event {
        /// The webhook.
        webhook: WebhookId,
        /// The event.
        of: EventId,
    },
}

impl Subject {
    /// A session, to a connection.
    pub fn session_to(connection: &ConnectionId, session: &SessionId) -> Self {
        Self::Session {
            connection: connection.clone(),
            session: session.clone(),
        }
    }

    /// An event, to a webhook.
    pub fn event_to(webhook: &WebhookId, event: &EventId) -> Self {
        Self::Event {
            webhook: webhook.clone(),
            of: event.clone(),
        }
    }

    /// Where it goes, as text.
    pub fn destination(&self) -> &str {
        match self {
            Self::Session { connection, .. } => connection.as_str(),
            Self::Event { webhook, .. } => webhook.as_str(),
        }
    }

    /// What it is of, as text.
    pub fn matter(&self) -> &str {
        match self {
            Self::Session { session, .. } => session.as_str(),
            Self::Event { of, .. } => of.as_str(),
        }
    }

    /// The connection it goes to, if to one.
    pub fn connection(&self) -> Option<&ConnectionId> {
        match self {
            Self::Session { connection, .. } => Some(connection),
            Self::Event { .. } => None,
        }
    }

    /// The session it is of, if of one.
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Session { session, .. } => Some(session),
            Self::Event { .. } => None,
        }
    }

    /// The webhook it goes to, if to one.
    pub fn webhook(&self) -> Option<&WebhookId> {
        match self {
            Self::Session { .. } => None,
            Self::Event { webhook, .. } => Some(webhook),
        }
    }

    /// What [`Subject::destination`] and [`Subject::matter`] say; `None` for what no delivery is of.
    pub fn read(destination: &str, matter: &str) -> Option<Self> {
        if destination.starts_with(WebhookId::PREFIX) {
            return Some(Self::Event {
                webhook: destination.parse().ok()?,
                of: matter.parse().ok()?,
            });
        }
        Some(Self::Session {
            connection: destination.parse().ok()?,
            session: matter.parse().ok()?,
        })
    }

    /// The delivery of it: the same subject always has the same, so a look-up by its id needs no index.
    pub fn delivery(&self) -> DeliveryId {
        DeliveryId::of_subject(self)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.destination(), self.matter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_is_written() {
        let session = Subject::session_to(&"conn_1".parse().unwrap(), &"ses_1".parse().unwrap());
        let event = Subject::event_to(&"whk_1".parse().unwrap(), &"evt_1".parse().unwrap());
        assert_eq!(session.to_string(), "conn_1#ses_1");
        assert_eq!(event.to_string(), "whk_1#evt_1");
        for subject in [session, event] {
            let (destination, matter) = (subject.destination(), subject.matter());
            assert_eq!(Subject::read(destination, matter).as_ref(), Some(&subject));
            assert_eq!(subject.delivery().subject(), Some(subject));
        }
        for (destination, matter) in [
            ("conn_1", "evt_1"),
            ("whk_1", "ses_1"),
            ("syncs", "2026-11"),
            ("", ""),
        ] {
            assert_eq!(Subject::read(destination, matter), None);
        }
    }
}
