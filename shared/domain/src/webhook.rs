//! Webhook configurations: where a customer wants events sent, and with which headers.
//!
//! What is secret of one is not here: the signing secret stands in the vault, and the values of
//! secret headers are sealed.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use sha2::{Digest, Sha256};

use crate::{
    audit::hex,
    id::{EventId, OrganizationId, WebhookId},
};

/// Webhooks of one organization. Their secrets share one secret of 64 KiB.
pub const MAX_WEBHOOKS: usize = 20;
/// Headers of one webhook.
pub const MAX_HEADERS: usize = 20;
/// Characters of a header's name.
pub const MAX_HEADER_NAME: usize = 100;
/// Bytes of a header's value: a bearer token of the longer kind.
pub const MAX_HEADER_VALUE: usize = 2_048;
/// Bytes of all names and values together: servers take 8 KiB of headers, ours included.
pub const MAX_HEADER_BYTES: usize = 4_096;

/// Messages a second that a webhook gets where it does not say how many.
pub const RATE_LIMIT: u32 = 20;
/// The most that it can ask for.
pub const MAX_RATE_LIMIT: u32 = 1_000;
/// Conditions on the content of events, and values of each.
pub const MAX_CONDITIONS: usize = 10;
/// How long a webhook may take nothing before it is turned off.
pub const FAILING_ENDS: Duration = Duration::from_hours(5 * 24);

/// What a webhook can ask for: everything that is sent, and patterns of it.
pub const EVENT_TYPES: &[&str] = &[
    "*",
    "session.completed",
    "summary.generated",
    "action_item.created",
    "insight.detected",
    "report.*",
    "report.daily",
    "report.weekly",
    "report.monthly",
    "contact.changed",
    "deal.changed",
    "integration.*",
];

/// Headers that are the connection's, or ours.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const RESERVED_PREFIXES: &[&str] = &["proxy-", "webhook-"];
/// What the name of a header holds whose value opens something.
const SECRET_WORDS: &[&str] = &[
    "auth",
    "cookie",
    "credential",
    "key",
    "pass",
    "secret",
    "session",
    "signature",
    "token",
];

/// A webhook configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// Where events go.
    pub url: String,
    /// Which events, of [`EVENT_TYPES`].
    pub events: Vec<String>,
    /// Whether events go there.
    pub active: bool,
    /// Which of those events, by their content: each pointer into the event leads to one of its values.
    #[serde(default)]
    pub only: BTreeMap<String, Vec<String>>,
    /// The most messages a second; what [`Webhook::rate_limit`] says where there is none.
    #[serde(default)]
    pub rate_limit: Option<u32>,
    /// The public half of an Ed25519 key, `whpk_…`, where messages are signed with one too.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Since when it is active, by the last who said so.
    #[serde(default)]
    pub active_since: Option<Timestamp>,
    /// Why the hub turned it off, until somebody makes it active again.
    #[serde(default)]
    pub off: Option<Off>,
    /// Since when events were given up, without one that was taken.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// Headers that are sent along, lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secret: sealed, as base64.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, String>,
    /// Whether its deletion has begun: then it is not there for anybody, and only its deletion can
    /// be finished.
    #[serde(default)]
    pub deleting: bool,
    /// Raised by each change; a write names the version it changes.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// When its signing secret was made.
    pub secret_made_at: Timestamp,
}

/// The id of the message that tells a webhook of an event: the same at each attempt, and made of nothing
/// that a receiver could choose.
pub fn message_id(organization: &OrganizationId, webhook: &WebhookId, event: &EventId) -> String {
    let name = format!("{organization}\n{webhook}\n{event}");
    let hash = Sha256::digest(name.as_bytes());
    format!("msg_{}", hex(hash.get(..16).unwrap_or(&hash)))
}

/// The hash of what is sent, as the ledger keeps it.
pub fn content_hash(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    hex(hash.get(..16).unwrap_or(&hash))
}

impl Webhook {
    /// The most messages a second.
    pub fn rate_limit(&self) -> u32 {
        self.rate_limit.unwrap_or(RATE_LIMIT)
    }

    /// Whether this event of a type that it takes goes there.
    pub fn wants(&self, event: &Value) -> bool {
        self.only.iter().all(|(pointer, values)| {
            let found = event.pointer(pointer);
            // Of a list one has to fit.
            let found = match found {
                Some(Value::Array(list)) => list.as_slice(),
                Some(one) => std::slice::from_ref(one),
                None => &[],
            };
            found.iter().any(|found| {
                let text = match found {
                    Value::String(text) => text.clone(),
                    Value::Bool(_) | Value::Number(_) => found.to_string(),
                    Value::Null | Value::Array(_) | Value::Object(_) => return false,
                };
                values.contains(&text)
            })
        })
    }

    /// Whether an event of this type goes there.
    pub fn takes(&self, event_type: &str) -> bool {
        self.active
            && !self.deleting
            && self
                .events
                .iter()
                .any(|wanted| match wanted.strip_suffix('*') {
                    Some(prefix) => event_type.starts_with(prefix),
                    None => wanted == event_type,
                })
    }
}

/// That the hub turned a webhook off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Off {
    /// Why, for a person.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What is wrong with the name of a header, and what would be right.
pub fn header_name_fault(name: &str) -> Option<(&'static str, &'static str)> {
    // RFC 9110, 5.6.2: a token.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > MAX_HEADER_NAME || !name.bytes().all(is_token) {
        Some((
            "is no name of a header",
            "1 to 100 letters, digits and signs like '-'",
        ))
    } else if RESERVED.contains(&lower.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| lower.starts_with(prefix))
    {
        Some((
            "belongs to the connection or to the hub",
            "a header of your own, like 'x-team' or 'authorization'",
        ))
    } else {
        None
    }
}

/// Whether a value of a header can be sent as it is, and comes out the same.
pub fn is_header_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= MAX_HEADER_VALUE
        && value.trim() == value
        && value.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Whether the value of a header of this name may be one that opens something.
pub fn is_secret_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(events: &[&str]) -> Webhook {
        Webhook {
            id: "whk_1".parse().unwrap(),
            organization: "org_1".parse().unwrap(),
            name: "Ours".to_owned(),
            url: "https://crm.example/hook".to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            active: true,
            only: BTreeMap::new(),
            rate_limit: None,
            public_key: None,
            active_since: None,
            off: None,
            failing_since: None,
            headers: BTreeMap::new(),
            secret_headers: BTreeMap::new(),
            deleting: false,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "ada".to_owned(),
            updated_at: Timestamp::UNIX_EPOCH,
            updated_by: "ada".to_owned(),
            secret_made_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_pattern_takes_what_begins_with_it() {
        let all = webhook(&["*"]);
        let some = webhook(&["session.completed", "integration.*"]);
        for (event, by_some) in [
            ("session.completed", true),
            ("session.completed.again", false),
            ("integration.test", true),
            ("integrations.test", false),
            ("report.daily", false),
        ] {
            assert!(all.takes(event), "{event}");
            assert_eq!(some.takes(event), by_some, "{event}");
        }
        assert!(!webhook(&[]).takes("session.completed"));
        let off = Webhook {
            active: false,
            ..webhook(&["*"])
        };
        let going = Webhook {
            deleting: true,
            ..webhook(&["*"])
        };
        assert!(!off.takes("session.completed") && !going.takes("session.completed"));
    }

    #[test]
    fn conditions_on_the_content_are_met_all_by_one_value_each() {
        let event = serde_json::json!({
            "payload": { "session": { "kind": "call", "duration_seconds": 60, "tags": { "team": "emea" },
                "participants": [{ "company": "Acme" }], "languages": ["en", "de"] } },
        });
        let wants = |only: &[(&str, &[&str])]| {
            let only = only.iter().map(|(pointer, values)| {
                let values = values.iter().map(|value| (*value).to_owned());
                (format!("/payload/session{pointer}"), values.collect())
            });
            let webhook = Webhook {
                only: only.collect(),
                ..webhook(&["*"])
            };
            webhook.wants(&event)
        };
        assert!(wants(&[]));
        assert!(wants(&[
            ("/kind", &["meeting", "call"]),
            ("/tags/team", &["emea"])
        ]));
        assert!(wants(&[
            ("/duration_seconds", &["60"]),
            ("/languages", &["de"])
        ]));
        assert!(wants(&[("/participants/0/company", &["Acme"])]));
        for other in [
            ("/kind", &["meeting"][..]),
            ("/tags/region", &["emea"]),
            ("/tags", &["emea"]),
            ("/participants", &["Acme"]),
            ("/kind", &[]),
        ] {
            assert!(!wants(&[("/kind", &["call"]), other]), "{other:?}");
        }
    }

    #[test]
    fn a_message_has_one_id_for_ever() {
        let id = |webhook: &str, event: &str| {
            message_id(
                &"org_1".parse().unwrap(),
                &webhook.parse().unwrap(),
                &event.parse().unwrap(),
            )
        };
        let first = id("whk_1", "evt_1.a");
        assert_eq!(first, id("whk_1", "evt_1.a"));
        assert!(first != id("whk_2", "evt_1.a") && first != id("whk_1", "evt_1.b"));
        assert_eq!((first.len(), first.contains('.')), (36, false));
    }

    #[test]
    fn headers_of_the_connection_and_of_the_hub_are_reserved() {
        for name in [
            "Host",
            "content-length",
            "Content-Type",
            "CONNECTION",
            "keep-alive",
            "proxy-authorization",
            "Proxy-Anything",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "webhook-id",
            "Webhook-Signature",
            "",
            "x team",
            "x:team",
            "x\r\nhost",
            "é",
            ":path",
            &"x".repeat(101),
        ] {
            assert!(header_name_fault(name).is_some(), "{name}");
        }
        for name in [
            "x-team",
            "Authorization",
            "X_Y.z~1",
            "hostname",
            "user-agent",
        ] {
            assert_eq!(header_name_fault(name), None, "{name}");
        }
    }

    #[test]
    fn a_value_is_visible_ascii() {
        for value in ["a", "Bearer a.b-c", "x\"y,z;=", &"v".repeat(2_048)] {
            assert!(is_header_value(value), "{value}");
        }
        for value in [
            "",
            " a",
            "a ",
            "a\r\nb",
            "a\nb",
            "a\tb",
            "a\0",
            "ä",
            "\u{7f}",
            &"v".repeat(2_049),
        ] {
            assert!(!is_header_value(value), "{value:?}");
        }
    }

    #[test]
    fn a_name_says_whether_its_value_opens_something() {
        for name in [
            "authorization",
            "X-API-Key",
            "x-auth-token",
            "Cookie",
            "x-password",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["x-team", "user-agent", "accept"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
