//! Prefixed identifiers.
//!
//! Every id is a newtype, so that a session id cannot be passed where a connection id belongs. Ids
//! are part of partition keys and of IAM patterns, so they contain no `#`, `*` or `?`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use crate::{audit::hex, subject::Subject};

/// The longest id in characters, prefix included. Two of them with separators stay far below the
/// 1,024 bytes of a DynamoDB sort key and the 255 characters of a CRM's key field.
pub const MAX_ID_LENGTH: usize = 64;
/// The longest delivery id: it is made of two others.
const MAX_DELIVERY_ID_LENGTH: usize = 2 * MAX_ID_LENGTH;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct InvalidId {
    /// What would be right.
    pub expected: String,
}

fn is_tail(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn check(text: &str, prefix: &str, most: usize) -> Result<(), InvalidId> {
    let tail = text.strip_prefix(prefix).unwrap_or_default();
    if text.len() <= most && is_tail(tail) {
        return Ok(());
    }
    Err(InvalidId {
        expected: format!(
            "{}letters, digits, '_', '-' or '.', at most {most} characters",
            if prefix.is_empty() {
                String::new()
            } else {
                format!("'{prefix}' followed by ")
            }
        ),
    })
}

/// What [`check`] takes, for the document of the API.
fn schema(prefix: &str, most: usize) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{prefix}[A-Za-z0-9_.-]+$")))
        .max_length(Some(most))
        .into()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $most:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The prefix of this kind of id.
            pub const PREFIX: &'static str = $prefix;

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id without its prefix.
            pub fn tail(&self) -> &str {
                self.0.strip_prefix($prefix).unwrap_or(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(text, $prefix, $most).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema($prefix, $most)
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A tenant.
    OrganizationId = "org_", MAX_ID_LENGTH;
    /// One event of liveprompt.
    EventId = "evt_", MAX_ID_LENGTH;
    /// One recorded conversation.
    SessionId = "ses_", MAX_ID_LENGTH;
    /// A customer's link to one CRM account.
    ConnectionId = "conn_", MAX_ID_LENGTH;
    /// One session on one connection, or one event to one webhook: ledger entry and delivery are the same thing.
    DeliveryId = "dlv_", MAX_DELIVERY_ID_LENGTH;
    /// An action item, an insight or a transcript segment within its session.
    PartId = "", MAX_ID_LENGTH;
    /// A webhook configuration: where a customer wants events sent.
    WebhookId = "whk_", MAX_ID_LENGTH;
    /// Which CRM: the name of its manifest, of its queues and of its path in the API.
    CrmId = "", MAX_ID_LENGTH;
}

/// What the id of a checkpoint's event begins with.
const OF_CHECKPOINT: &str = "evt_checkpoint_";

impl EventId {
    /// The id of an event that the hub makes itself: the same of the same text, for ever.
    pub(crate) fn derived(text: &str) -> Self {
        Self::named("evt_", text)
    }

    /// The same for the event of a checkpoint of the audit log, whose id says so: that a webhook took it
    /// is no entry of the log, or the next checkpoint would be of that, for ever.
    pub(crate) fn of_checkpoint(text: &str) -> Self {
        Self::named(OF_CHECKPOINT, text)
    }

    /// Whether it is the event of a checkpoint. Nobody else may send one with such an id.
    pub fn is_of_checkpoint(&self) -> bool {
        self.0.starts_with(OF_CHECKPOINT)
    }

    fn named(prefix: &str, text: &str) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        Self(format!("{prefix}{}", hex(hash.get(..16).unwrap_or(&hash))))
    }
}

/// What the tail of a delivery id begins with where it goes to a webhook. The tail of a connection's id is a
/// ULID, which holds no `_`.
const TO_WEBHOOK: &str = "whk_";

impl DeliveryId {
    /// The one delivery of a session on a connection. The same two ids always give the same id, so
    /// a lookup by delivery id needs no index.
    pub fn of(connection: &ConnectionId, session: &SessionId) -> Self {
        Self(format!("dlv_{}.{}", connection.tail(), session.tail()))
    }

    /// The one delivery of a subject.
    pub(crate) fn of_subject(subject: &Subject) -> Self {
        match subject {
            Subject::Session {
                connection,
                session,
            } => Self::of(connection, session),
            Subject::Event { webhook, of } => {
                Self(format!("dlv_{TO_WEBHOOK}{}.{}", webhook.tail(), of.tail()))
            }
        }
    }

    /// What this delivery is of; `None` for an id no delivery can have.
    pub fn subject(&self) -> Option<Subject> {
        let (destination, matter) = self.tail().split_once('.')?;
        match destination.strip_prefix(TO_WEBHOOK) {
            Some(webhook) => Subject::read(&format!("whk_{webhook}"), &format!("evt_{matter}")),
            None => Subject::read(&format!("conn_{destination}"), &format!("ses_{matter}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_text_and_refuses_what_would_break_a_key() {
        assert_eq!(
            "ses_01J".parse::<SessionId>().unwrap().to_string(),
            "ses_01J"
        );
        for wrong in [
            "",
            "ses_",
            "evt_1",
            "ses_a#b",
            "ses_a*",
            "ses_a?",
            "ses_ a",
            "ses_ä",
            &format!("ses_{}", "x".repeat(61)),
        ] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
        assert!(
            format!("ses_{}", "x".repeat(60))
                .parse::<SessionId>()
                .is_ok()
        );
    }

    #[test]
    fn a_delivery_id_leads_back_to_its_parts() {
        let connection: ConnectionId = "conn_01ABC".parse().unwrap();
        let session: SessionId = "ses_x.y-z".parse().unwrap();
        let id = DeliveryId::of(&connection, &session);
        assert_eq!(id.as_str(), "dlv_01ABC.x.y-z");
        assert_eq!(
            id.subject(),
            Some(Subject::session_to(&connection, &session))
        );
        assert_eq!("dlv_nodot".parse::<DeliveryId>().unwrap().subject(), None);
        let event = Subject::event_to(&"whk_01W".parse().unwrap(), &"evt_a.b".parse().unwrap());
        assert_eq!(event.delivery().as_str(), "dlv_whk_01W.a.b");
        assert_eq!(event.delivery().subject(), Some(event));
    }
}
