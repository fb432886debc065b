//! What the secrets hold, as JSON. Fields that this version does not know survive a rewrite: during
//! a deployment an older function may rewrite what a newer one wrote.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    error::AwsError,
    seal::{KeyRing, SealingKey},
    seams::Entropy,
};

/// The platform's secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Platform {
    /// What liveprompt signs its events with.
    pub webhook: WebhookSecret,
    /// Our application at each CRM, by the CRM's id.
    #[serde(default)]
    pub apps: BTreeMap<String, OauthClient>,
    /// What signs the checkpoints of audit logs: the seeds of Ed25519 keys.
    #[serde(default, skip_serializing_if = "Keys::is_empty")]
    pub audit: Keys,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An organization's credentials: what opens its CRMs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// Seals access tokens and rotating refresh tokens in the store.
    pub token_key: Keys,
    /// Applications of the customer's own, by connection.
    #[serde(default)]
    pub clients: BTreeMap<String, OauthClient>,
    /// Refresh tokens that do not rotate, by connection.
    #[serde(default, serialize_with = "exposed::map")]
    pub refresh_tokens: BTreeMap<String, SecretString>,
    /// API keys of CRMs without OAuth, by connection.
    #[serde(default, serialize_with = "exposed::map")]
    pub api_keys: BTreeMap<String, SecretString>,
    /// What webhooks are signed with, in either direction, by connection or webhook.
    #[serde(default)]
    pub webhooks: BTreeMap<String, WebhookSecret>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An application registered at a CRM.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OauthClient {
    /// Public.
    pub client_id: String,
    /// Not public.
    #[serde(serialize_with = "exposed::one")]
    pub client_secret: SecretString,
    /// An RSA key in PEM that signs assertions, for a connection without a person.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "exposed::option"
    )]
    pub private_key: Option<SecretString>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A signing secret and, during a rotation, the one before it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// Signs and verifies, `whsec_…` where it is ours.
    #[serde(serialize_with = "exposed::one")]
    pub current: SecretString,
    /// Verifies still.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "exposed::option"
    )]
    pub previous: Option<SecretString>,
    /// An Ed25519 key of 32 bytes, `whsk_…`, that signs too where the receiver asked for it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "exposed::option"
    )]
    pub asymmetric: Option<SecretString>,
    /// What signs too, for a while: the customer has yet to change over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retiring: Vec<Retiring>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl WebhookSecret {
    /// What signs at a moment, the newest first.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let retiring = self.retiring.iter().rev();
        let still = retiring.filter(move |old| old.until > now);
        std::iter::once(&self.current)
            .chain(&self.asymmetric)
            .chain(still.map(|old| &old.secret))
    }
}

/// A signing secret that was replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Retiring {
    /// The secret.
    #[serde(serialize_with = "exposed::one")]
    pub secret: SecretString,
    /// When it stops to sign.
    pub until: Timestamp,
}

/// Keys of 32 bytes by generation, as base64. An organization's `data` secret is this and nothing else.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Keys {
    /// The generation that seals.
    pub current: u32,
    #[serde(rename = "keys", serialize_with = "exposed::map")]
    by_generation: BTreeMap<u32, SecretString>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Keys {
    /// One fresh key, generation 1.
    pub fn fresh(entropy: &Entropy) -> Self {
        let mut keys = Self::default();
        keys.current = keys.add(entropy);
        keys
    }

    /// Adds a fresh key and returns its generation. It does not seal before it is made current.
    pub fn add(&mut self, entropy: &Entropy) -> u32 {
        let generation = self
            .by_generation
            .last_key_value()
            .map_or(1, |(last, _)| last.saturating_add(1));
        let key = Zeroizing::new(entropy.bytes::<32>());
        self.by_generation
            .insert(generation, BASE64_STANDARD.encode(key.as_slice()).into());
        generation
    }

    fn is_empty(&self) -> bool {
        self.by_generation.is_empty()
    }

    /// The current key itself, for what does not seal.
    pub fn current_key(&self) -> Result<Zeroizing<[u8; 32]>, AwsError> {
        let text = self.by_generation.get(&self.current);
        decode(text.ok_or(AwsError::Corrupt {
            what: "key set without its current key",
        })?)
    }

    /// The keys, ready to seal and open.
    pub fn ring(&self) -> Result<KeyRing, AwsError> {
        let mut older = Vec::new();
        let mut current = None;
        for (&generation, text) in &self.by_generation {
            let key = SealingKey::new(generation, *decode(text)?);
            if generation == self.current {
                current = Some(key);
            } else {
                older.push(key);
            }
        }
        let current = current.ok_or(AwsError::Corrupt {
            what: "key set without its current key",
        })?;
        Ok(KeyRing::new(current, older))
    }
}

fn decode(text: &SecretString) -> Result<Zeroizing<[u8; 32]>, AwsError> {
    let mut key = Zeroizing::new([0; 32]);
    match BASE64_STANDARD.decode_slice(text.expose_secret(), key.as_mut_slice()) {
        Ok(32) => Ok(key),
        _ => Err(AwsError::Corrupt {
            what: "sealing key",
        }),
    }
}

/// Fields that this version does not know. They may be secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown(BTreeMap<String, serde_json::Value>);

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.0.len())
    }
}

/// `secrecy` does not serialize secrets unless told to, field by field. These fields are told to.
mod exposed {
    use std::collections::BTreeMap;

    use secrecy::{ExposeSecret, SecretString};
    use serde::{Serialize, Serializer};

    pub(super) fn one<S: Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose_secret())
    }

    #[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn option<S: Serializer>(
        secret: &Option<SecretString>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        secret
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .serialize(to)
    }

    pub(super) fn map<K: Serialize, S: Serializer>(
        secrets: &BTreeMap<K, SecretString>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(
            secrets
                .iter()
                .map(|(key, secret)| (key, secret.expose_secret())),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn credentials() -> Value {
        let key = |byte| BASE64_STANDARD.encode([byte; 32]);
        json!({
            "token_key": { "current": 2, "keys": { "1": key(201), "2": key(202) }, "hsm": "s3cret-a" },
            "clients": {
                "conn_1": { "client_id": "id", "client_secret": "s3cret-b", "tenant": "s3cret-c" },
            },
            "refresh_tokens": { "conn_1": "s3cret-d" },
            "api_keys": { "conn_2": "s3cret-e" },
            "webhooks": {
                "conn_3": { "current": "s3cret-f", "previous": "s3cret-g", "next": "s3cret-h" },
            },
            "certificates": { "conn_4": ["s3cret-i"] },
        })
    }

    #[test]
    fn unknown_fields_survive_a_rewrite() {
        let read: Credentials = serde_json::from_value(credentials()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), credentials());
        let platform = json!({
            "webhook": { "current": "whsec_1" },
            "apps": { "acme": { "client_id": "id", "client_secret": "x", "new": 1 } },
            "audit": { "current": 1, "keys": { "1": BASE64_STANDARD.encode([7; 32]) } },
            "new": null,
        });
        let read: Platform = serde_json::from_value(platform.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), platform);
        assert_eq!(*read.audit.current_key().unwrap(), [7; 32]);
    }

    #[test]
    fn a_platform_without_an_audit_key_stays_without_one() {
        let platform = json!({ "webhook": { "current": "whsec_1" }, "apps": {} });
        let read: Platform = serde_json::from_value(platform.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), platform);
        assert!(read.audit.current_key().is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let read: Credentials = serde_json::from_value(credentials()).unwrap();
        let shown = format!("{read:?} {:?}", read.token_key.ring().unwrap());
        assert!(
            shown.contains("conn_1") && shown.contains("1 fields"),
            "{shown}"
        );
        for secret in ["s3cret", "201", "202", "ycnJ", "ysrK"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn keys_become_a_ring() {
        let read: Credentials = serde_json::from_value(credentials()).unwrap();
        assert_eq!(read.token_key.ring().unwrap().generation(), 2);
        for bad in [
            json!({ "current": 1, "keys": {} }),
            json!({ "current": 2, "keys": { "1": BASE64_STANDARD.encode([1; 32]) } }),
            json!({ "current": 1, "keys": { "1": BASE64_STANDARD.encode([1; 31]) } }),
            json!({ "current": 1, "keys": { "1": BASE64_STANDARD.encode([1; 33]) } }),
            json!({ "current": 1, "keys": { "1": "not base64" } }),
        ] {
            let keys: Keys = serde_json::from_value(bad.clone()).unwrap();
            assert!(keys.ring().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_new_generation_opens_before_it_seals() {
        let entropy = Entropy::seeded(3);
        let mut keys = Keys::fresh(&entropy);
        assert_eq!(keys.add(&entropy), 2);
        assert_eq!(keys.ring().unwrap().generation(), 1);
        keys.current = 2;
        let sealed = crate::seal::seal(&keys.ring().unwrap(), &entropy, b"", b"plain").unwrap();
        keys.current = 1;
        assert!(crate::seal::open(&keys.ring().unwrap(), b"", &sealed).is_ok());
    }
}
