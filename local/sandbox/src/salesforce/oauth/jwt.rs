//! The JWT bearer grant: an assertion signed with the key whose public half the app was given.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::org::Org;
use super::token::identity_url;
use super::{Form, OAuth, get, refused};

/// An assertion may not end later than this: client libraries write three minutes, rounded up.
const LIFE_SECONDS: i64 = 5 * 60;

/// The DER inside a PEM public key.
pub(in crate::salesforce) fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

/// The parts of an assertion, each decoded.
struct Assertion<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    head: Value,
    claims: Value,
}

fn read(text: &str) -> Option<Assertion<'_>> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some(Assertion {
        signed,
        signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        head: json(head)?,
        claims: json(claims)?,
    })
}

impl OAuth {
    pub(super) fn by_jwt(&mut self, org: &Org, form: &Form, now: Timestamp) -> Answer {
        let Some(assertion) = read(get(form, "assertion").unwrap_or_default()) else {
            return refused("invalid_grant", "invalid assertion");
        };
        let claims = &assertion.claims;
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        if claim("iss") != self.client_id {
            return refused("invalid_client_id", "client identifier invalid");
        }
        // Until a key is registered, whoever knows the client id is believed.
        let key = org.settings.jwt_public_key.as_deref().and_then(der);
        let by_rsa = assertion.head.get("alg").and_then(Value::as_str) == Some("RS256");
        let genuine = key.is_none_or(|key| {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
            key.verify(assertion.signed.as_bytes(), &assertion.signature)
                .is_ok()
        });
        if !by_rsa || !genuine {
            return refused("invalid_grant", "invalid assertion");
        }
        let known = [
            "https://login.salesforce.com",
            "https://test.salesforce.com",
            &org.base_url,
        ];
        if !known.contains(&claim("aud")) {
            return refused("invalid_grant", "audience is invalid");
        }
        // Client libraries write it as a text too.
        let left = claims.get("exp").and_then(|end| match end {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        });
        let left = left.map_or(0, |end: i64| end.saturating_sub(now.as_second()));
        if left <= 0 {
            return refused("invalid_grant", "assertion has expired");
        }
        if left > LIFE_SECONDS {
            return refused("invalid_grant", "assertion expires too late");
        }
        let mut people = self.people.iter();
        let user = people.find(|p| p.username == claim("sub"));
        let approved = |name: &str| !org.settings.unapproved_users.iter().any(|u| u == name);
        let Some(user) = user.filter(|p| approved(&p.username)).map(|p| p.id.clone()) else {
            return refused("invalid_grant", "user hasn't approved this consumer");
        };
        let issued = self.tokens.session(&user, "api id", now);
        Answer::json(
            200,
            json!({
                "access_token": issued.access,
                "scope": issued.scope,
                "instance_url": org.base_url,
                "id": identity_url(org, &user),
                "token_type": "Bearer",
            }),
        )
    }
}
