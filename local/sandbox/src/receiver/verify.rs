//! Whether a request is what it says, by the libraries that receivers use.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use standardwebhooks::Webhook;

use crate::oauth::header;

/// Believes a request if one of the secrets fits one of its signatures, and its time is near.
pub(super) fn verify(
    request: &Request<Bytes>,
    secrets: &[String],
    tolerance_seconds: i64,
    now: Timestamp,
) -> Result<(), String> {
    let one = |name: &str| {
        let found = header(request, name).filter(|text| !text.is_empty());
        found.ok_or_else(|| format!("no header {name}"))
    };
    let (id, at, signatures) = (
        one("webhook-id")?,
        one("webhook-timestamp")?,
        one("webhook-signature")?,
    );
    let at: i64 = at.parse().map_err(|_| "webhook-timestamp is no number")?;
    if (now.as_second() - at).abs() > tolerance_seconds {
        return Err("webhook-timestamp is too far off".to_owned());
    }
    let fits = secrets
        .iter()
        .any(|secret| match secret.strip_prefix("whpk_") {
            Some(key) => asymmetric(request, key, id, at, signatures),
            None => symmetric(request, secret, id, at, signatures),
        });
    if fits {
        Ok(())
    } else {
        Err("no signature fits".to_owned())
    }
}

/// `v1`: what the library signs is among the signatures. It compares with the clock of the machine when
/// it verifies, so it signs here.
fn symmetric(request: &Request<Bytes>, secret: &str, id: &str, at: i64, signatures: &str) -> bool {
    let signed = Webhook::new(secret).and_then(|webhook| webhook.sign(id, at, request.body()));
    signed.is_ok_and(|signed| signatures.split(' ').any(|signature| signature == signed))
}

/// `v1a`: ed25519 over id, time and body.
fn asymmetric(request: &Request<Bytes>, key: &str, id: &str, at: i64, signatures: &str) -> bool {
    let Ok(key) = BASE64_STANDARD.decode(key) else {
        return false;
    };
    let mut signed = format!("{id}.{at}.").into_bytes();
    signed.extend_from_slice(request.body());
    let key = UnparsedPublicKey::new(&ED25519, key);
    signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1a,"))
        .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
        .any(|signature| key.verify(&signed, &signature).is_ok())
}
