//! An OIDC issuer that believes everybody: whoever asks it for a token gets one. For this machine
//! only.

use std::sync::Arc;

use anyhow::anyhow;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Json, Router, extract::Query, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hub_engine::Clock;
use serde_json::{Value, json};

/// The audience of its tokens.
pub const AUDIENCE: &str = "crm-hub";
/// How long a token lives, in seconds.
const LIFETIME_S: i64 = 3600;

/// An issuer with a key of its own. Cheap to clone.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    key: KeyPair,
    url: String,
    clock: Clock,
}

/// Whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer<'a> {
    /// The organization.
    pub organization: &'a str,
    /// `admin`, `manager` or `viewer`.
    pub role: &'a str,
    /// The person.
    pub subject: &'a str,
}

impl Issuer {
    /// Makes a key.
    ///
    /// # Errors
    /// No key could be made.
    pub fn new(url: String, clock: Clock) -> anyhow::Result<Self> {
        let key =
            KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key could be made"))?;
        Ok(Self(Arc::new(Inner { key, url, clock })))
    }

    /// Its public key, as a JWK set.
    pub fn jwks(&self) -> Value {
        let public = self.0.key.public_key();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "local",
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }] })
    }

    /// A token.
    ///
    /// # Errors
    /// It could not be signed.
    pub fn token(&self, bearer: &Bearer<'_>) -> anyhow::Result<String> {
        let now = self.0.clock.now().as_second();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "local" });
        let claims = json!({
            "iss": self.0.url, "aud": AUDIENCE, "sub": bearer.subject, "org": bearer.organization, "role": bearer.role,
            "iat": now, "exp": now + LIFETIME_S,
        });
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.0.key.public_modulus_len()];
        self.0
            .key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| anyhow!("the token could not be signed"))?;
        Ok(format!(
            "{signed}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }

    /// Discovery, keys, and `GET /token?org=&role=&sub=`.
    pub fn router(&self) -> Router {
        let (discovery, keys, tokens) = (self.clone(), self.clone(), self.clone());
        Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move || {
                    let url = &discovery.0.url;
                    Json(json!({
                        "issuer": url, "jwks_uri": format!("{url}/.well-known/jwks.json"), "token_endpoint": format!("{url}/token"),
                        "response_types_supported": ["token"], "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }))
                }),
            )
            .route("/.well-known/jwks.json", get(async move || Json(keys.jwks())))
            .route(
                "/token",
                get(async move |Query(asked): Query<std::collections::HashMap<String, String>>| {
                    let of = |name: &str, default: &'static str| asked.get(name).cloned().unwrap_or_else(|| default.to_owned());
                    let (organization, role, subject) = (of("org", "org_demo"), of("role", "admin"), of("sub", "admin@seller.example"));
                    let bearer = Bearer { organization: &organization, role: &role, subject: &subject };
                    match tokens.token(&bearer) {
                        Ok(token) => Ok(Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S }))),
                        Err(_) => Err(http::StatusCode::INTERNAL_SERVER_ERROR),
                    }
                }),
            )
    }
}
