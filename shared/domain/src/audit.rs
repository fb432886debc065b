//! The audit log of an organization: what stands in it, and how somebody who trusts nobody checks it.
//!
//! Each entry is a *leaf* of a tree ([`merkle`]) and, in an item of its own, the *evidence*: what
//! happened, and a salt. The leaf holds only their hash. So evidence can be erased, and every proof
//! stays whole. A *checkpoint* is a signed root; who holds one of them sees any change of what
//! stood before it.

pub mod checkpoint;
pub mod proof;
pub mod verify;

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    id::OrganizationId,
    merkle::{self, Hash},
};
pub use checkpoint::{Checkpoint, Note, VerifierKey};
pub use proof::Proof;
pub use verify::{Finding, Report};

/// What every log's origin begins with, and the name of the key that signs its checkpoints.
pub const LOG: &str = "crm-hub.liveprompt.ai/audit";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An organization began, or changed.
    OrganizationChanged,
    /// A connection began, or changed.
    ConnectionChanged,
    /// An admin approved a connection.
    ConnectionApproved,
    /// A webhook began, or changed.
    WebhookChanged,
    /// A version of a mapping was written.
    MappingChanged,
    /// A delivery came to its end: delivered, skipped, parked or given up.
    DeliveryOutcome,
    /// Somebody asked that a delivery be tried again.
    DeliveryRetried,
    /// Something of the above was deleted.
    Removed,
    /// Something changed into what cannot be read.
    Unreadable,
}

impl Kind {
    /// Its name in a leaf.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrganizationChanged => "organization_changed",
            Self::ConnectionChanged => "connection_changed",
            Self::ConnectionApproved => "connection_approved",
            Self::WebhookChanged => "webhook_changed",
            Self::MappingChanged => "mapping_changed",
            Self::DeliveryOutcome => "delivery_outcome",
            Self::DeliveryRetried => "delivery_retried",
            Self::Removed => "removed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A leaf. Nothing in it is about a person. Its fields stand in alphabetical order: what is hashed
/// is this as JSON, without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// When it happened.
    pub at: Timestamp,
    /// SHA-256 of the salt and the content, in hex.
    pub commitment: String,
    /// Its place in the log, counted from 0.
    pub index: u64,
    /// What happened: the name of a [`Kind`], of this version or a later one.
    pub kind: String,
    /// Whose log it is in.
    pub organization: OrganizationId,
    /// What it happened to: an id.
    pub subject: String,
}

impl Leaf {
    /// Its hash in the tree.
    pub fn hash(&self) -> Hash {
        // A struct of texts and a number is always JSON.
        merkle::leaf_hash(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What happened, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Who did it, if it was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// As in the leaf.
    pub at: Timestamp,
    /// The thing as it is since then.
    pub data: Value,
    /// As in the leaf.
    pub kind: String,
    /// As in the leaf.
    pub subject: String,
}

/// What a leaf's commitment is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Evidence {
    /// 32 random bytes in hex, so that the content cannot be guessed from its hash.
    pub salt: String,
    /// [`Content`] as JSON: these very characters are hashed.
    pub content: String,
}

impl Evidence {
    /// The commitment to it: SHA-256 of the salt's bytes, then the content's.
    pub fn commitment(&self) -> String {
        let salt = unhex(&self.salt).unwrap_or_default();
        let hash = Sha256::new().chain_update(salt).chain_update(&self.content);
        hex(&hash.finalize())
    }
}

/// An entry of the log: a leaf, and its evidence unless that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entry {
    /// The leaf.
    pub leaf: Leaf,
    /// What it commits to.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

/// The name of an organization's log.
pub fn origin(organization: &OrganizationId) -> String {
    format!("{LOG}/{organization}")
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes from lowercase hex.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_hashed_as_json_in_alphabetical_order() {
        let leaf = Leaf {
            at: "2026-11-20T12:00:00Z".parse().unwrap(),
            commitment: "00".repeat(32),
            index: 7,
            kind: Kind::ConnectionApproved.name().to_owned(),
            organization: "org_1".parse().unwrap(),
            subject: "conn_1".to_owned(),
        };
        let json = format!(
            r#"{{"at":"2026-11-20T12:00:00Z","commitment":"{}","index":7,"kind":"connection_approved","organization":"org_1","subject":"conn_1"}}"#,
            "00".repeat(32)
        );
        assert_eq!(serde_json::to_string(&leaf).unwrap(), json);
        assert_eq!(leaf.hash(), merkle::leaf_hash(json.as_bytes()));
    }

    #[test]
    fn a_commitment_is_over_the_salt_s_bytes_and_the_content_s() {
        // printf '\x00\x01{}' | sha256sum
        let evidence = Evidence {
            salt: "0001".to_owned(),
            content: "{}".to_owned(),
        };
        let mut hasher = Sha256::new();
        hasher.update([0, 1, b'{', b'}']);
        assert_eq!(evidence.commitment(), hex(&hasher.finalize()));
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        for wrong in ["0", "0g", "FF", " 0"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
