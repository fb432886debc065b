//! Standard Webhooks: verified before parsed.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hub_domain::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// How far a timestamp may be from now.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// Bytes whose signature is right. Only these are decoded.
#[derive(Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The bytes.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// What a sender says of its message.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
}

/// Why a message is refused. The words tell a sender what to mend and an attacker nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is missing or cannot be read.
    #[error(
        "the headers webhook-id, webhook-timestamp and webhook-signature are needed, the timestamp in seconds since 1970"
    )]
    Headers,
    /// The timestamp is too far from now.
    #[error("the timestamp is more than five minutes from now")]
    Stale,
    /// No signature fits.
    #[error(
        "no signature fits: sign `id.timestamp.body` with the current secret, as `v1,<base64 of HMAC-SHA256>`"
    )]
    Signature,
}

/// Checks a message against secrets, any of which may have signed it. `now` is when it was sent,
/// by a clock we trust.
///
/// # Errors
/// Why it is refused.
pub fn verify<'s, T: AsRef<[u8]>>(
    body: T,
    signed: Signed<'_>,
    secrets: impl IntoIterator<Item = &'s SecretString>,
    now: Timestamp,
) -> Result<Verified<T>, Refusal> {
    if signed.id.is_empty() || signed.signature.is_empty() {
        return Err(Refusal::Headers);
    }
    let sent: i64 = signed.timestamp.parse().map_err(|_| Refusal::Headers)?;
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap_or(0);
    if now.as_second().abs_diff(sent) > tolerance.unsigned_abs() {
        return Err(Refusal::Stale);
    }
    let offered: Vec<Vec<u8>> = signed
        .signature
        .split(' ')
        .filter_map(|part| part.strip_prefix("v1,"))
        .filter_map(|text| BASE64_STANDARD.decode(text).ok())
        .collect();
    for secret in secrets {
        let Some(key) = key(secret) else { continue };
        let content = content(&signed, body.as_ref());
        // `hmac::verify` compares in constant time.
        if offered
            .iter()
            .any(|tag| hmac::verify(&key, &content, tag).is_ok())
        {
            return Ok(Verified(body));
        }
    }
    Err(Refusal::Signature)
}

/// The `webhook-signature` of a message: `v1` with a shared secret, `v1a` with a key of our own (`whsk_…`).
pub fn sign(body: &[u8], id: &str, timestamp: i64, secret: &SecretString) -> Option<String> {
    let timestamp = timestamp.to_string();
    let signed = Signed {
        id,
        timestamp: &timestamp,
        signature: "",
    };
    if secret.expose_secret().starts_with(PRIVATE) {
        let signature = key_pair(secret)?.sign(&content(&signed, body));
        return Some(format!("v1a,{}", BASE64_STANDARD.encode(signature)));
    }
    let tag = hmac::sign(&key(secret)?, &content(&signed, body));
    Some(format!("v1,{}", BASE64_STANDARD.encode(tag)))
}

/// What a key of our own begins with, and its public half.
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// A key of our own of 32 random bytes.
pub(crate) fn private_key(seed: &[u8; 32]) -> SecretString {
    format!("{PRIVATE}{}", BASE64_STANDARD.encode(seed)).into()
}

/// The public half of a key of our own.
pub(crate) fn public_key(secret: &SecretString) -> Option<String> {
    let pair = key_pair(secret)?;
    let public = BASE64_STANDARD.encode(pair.public_key().as_ref());
    Some(format!("{PUBLIC}{public}"))
}

fn key_pair(secret: &SecretString) -> Option<Ed25519KeyPair> {
    let text = secret.expose_secret().strip_prefix(PRIVATE)?;
    let seed = zeroize::Zeroizing::new(BASE64_STANDARD.decode(text).ok()?);
    Ed25519KeyPair::from_seed_unchecked(&seed).ok()
}

fn key(secret: &SecretString) -> Option<hmac::Key> {
    let text = secret.expose_secret();
    let bytes = zeroize::Zeroizing::new(
        BASE64_STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .ok()?,
    );
    // An empty key would let anybody sign.
    (bytes.len() >= 16).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn content(signed: &Signed<'_>, body: &[u8]) -> Vec<u8> {
    [
        signed.id.as_bytes(),
        b".",
        signed.timestamp.as_bytes(),
        b".",
        body,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vector of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: i64 = 1_614_265_330;
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn check(
        body: &str,
        id: &str,
        timestamp: &str,
        signature: &str,
        secrets: &[&str],
        now: i64,
    ) -> Result<(), Refusal> {
        let secrets: Vec<SecretString> = secrets
            .iter()
            .map(|text| SecretString::from(*text))
            .collect();
        let now = Timestamp::from_second(now).unwrap();
        verify(
            body.as_bytes(),
            Signed {
                id,
                timestamp,
                signature,
            },
            &secrets,
            now,
        )
        .map(|_| ())
    }

    #[test]
    fn the_reference_vector_holds_both_ways() {
        assert_eq!(
            sign(BODY.as_bytes(), ID, TIME, &SecretString::from(SECRET)).unwrap(),
            SIGNATURE
        );
        assert_eq!(
            check(BODY, ID, "1614265330", SIGNATURE, &[SECRET], TIME),
            Ok(())
        );
    }

    #[test]
    fn a_key_of_our_own_signs_too_and_its_public_half_checks_it() {
        use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
        let secret = private_key(&[7; 32]);
        let public = public_key(&secret).unwrap();
        let public = BASE64_STANDARD
            .decode(public.strip_prefix("whpk_").unwrap())
            .unwrap();
        let signature = sign(BODY.as_bytes(), ID, TIME, &secret).unwrap();
        let signature = signature.strip_prefix("v1a,").unwrap();
        let signed = format!("{ID}.{TIME}.{BODY}");
        let key = UnparsedPublicKey::new(&ED25519, public);
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        assert!(key.verify(signed.as_bytes(), &signature).is_ok());
        assert!(key.verify(b"another", &signature).is_err());
        assert!(public_key(&SecretString::from(SECRET)).is_none());
    }

    #[test]
    fn what_the_official_library_signs_is_verified() {
        let library = standardwebhooks::Webhook::new(SECRET).unwrap();
        let signature = library.sign("msg_1", TIME, b"body").unwrap();
        assert_eq!(
            check("body", "msg_1", "1614265330", &signature, &[SECRET], TIME),
            Ok(())
        );
    }

    #[test]
    fn anything_else_is_refused() {
        const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let both = format!("v1,AAAA v2,xyz {SIGNATURE}");
        let right = "1614265330";
        let cases = [
            (
                "previous secret",
                check(BODY, ID, right, SIGNATURE, &[OTHER, SECRET], TIME),
                Ok(()),
            ),
            (
                "one of several signatures",
                check(BODY, ID, right, &both, &[SECRET], TIME),
                Ok(()),
            ),
            (
                "five minutes late",
                check(BODY, ID, right, SIGNATURE, &[SECRET], TIME + 300),
                Ok(()),
            ),
            (
                "too late",
                check(BODY, ID, right, SIGNATURE, &[SECRET], TIME + 301),
                Err(Refusal::Stale),
            ),
            (
                "too early",
                check(BODY, ID, right, SIGNATURE, &[SECRET], TIME - 301),
                Err(Refusal::Stale),
            ),
            (
                "other secret",
                check(BODY, ID, right, SIGNATURE, &[OTHER], TIME),
                Err(Refusal::Signature),
            ),
            (
                "no secret",
                check(BODY, ID, right, SIGNATURE, &[], TIME),
                Err(Refusal::Signature),
            ),
            (
                "empty secret",
                check(BODY, ID, right, SIGNATURE, &["whsec_", ""], TIME),
                Err(Refusal::Signature),
            ),
            (
                "other body",
                check("{}", ID, right, SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Signature),
            ),
            (
                "other id",
                check(BODY, "msg_x", right, SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Signature),
            ),
            (
                "other time",
                check(BODY, ID, "1614265331", SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Signature),
            ),
            (
                "no id",
                check(BODY, "", right, SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Headers),
            ),
            (
                "no signature",
                check(BODY, ID, right, "", &[SECRET], TIME),
                Err(Refusal::Headers),
            ),
            (
                "time in words",
                check(BODY, ID, "now", SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Headers),
            ),
            (
                "a huge time",
                check(BODY, ID, "-9223372036854775808", SIGNATURE, &[SECRET], TIME),
                Err(Refusal::Stale),
            ),
            (
                "no version",
                check(
                    BODY,
                    ID,
                    right,
                    &SIGNATURE.replace("v1,", ""),
                    &[SECRET],
                    TIME,
                ),
                Err(Refusal::Signature),
            ),
        ];
        for (name, found, expected) in cases {
            assert_eq!(found, expected, "{name}");
        }
    }
}
