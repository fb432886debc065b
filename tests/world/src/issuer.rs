//! liveprompt's issuer of tokens: a key made for these tests, and used nowhere else.

use hub_engine::{Transport, identity::Issuer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

const KEY: &[u8] = include_bytes!("issuer.der");
const KEYS: &str = include_str!("issuer.jwks.json");
/// Which of the keys it is.
const KEY_ID: &str = "world";
const JWKS_URL: &str = "https://issuer.example/.well-known/jwks.json";

pub(crate) fn issuer() -> Issuer {
    Issuer {
        issuer: "https://issuer.example".to_owned(),
        audience: "hub".to_owned(),
        jwks_url: JWKS_URL.to_owned(),
        organization_claim: "org".to_owned(),
        role_claim: "role".to_owned(),
    }
}

pub(crate) fn bearer(claims: &serde_json::Value) -> String {
    let header = Header {
        kid: Some(KEY_ID.to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let key = EncodingKey::from_rsa_der(KEY);
    format!(
        "Bearer {}",
        jsonwebtoken::encode(&header, claims, &key).expect("a token")
    )
}

/// The way out, with the issuer at its end too.
pub(crate) fn reachable(transport: Transport) -> Transport {
    BoxCloneSyncService::new(service_fn(move |request: http::Request<bytes::Bytes>| {
        let transport = transport.clone();
        async move {
            if request.uri() == JWKS_URL {
                return Ok(http::Response::new(KEYS.into()));
            }
            transport.oneshot(request).await
        }
    }))
}
