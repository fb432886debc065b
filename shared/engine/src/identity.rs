//! Who calls the API: a JWT of the OIDC issuer, checked here again after API Gateway did.
//!
//! RS256 only, exact `iss` and `aud`, 60 s of skew by the injected clock. Keys are fetched once and
//! again at most once a minute when an unknown `kid` comes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
pub use hub_domain::settings::Issuer;
use hub_domain::{OrganizationId, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Map, Value};

use crate::{
    error::{EngineError, Public},
    hub::Hub,
    transport,
};

/// Skew between the issuer's clock and ours, in seconds.
const SKEW_S: i64 = 60;
/// The least time between two fetches of the keys.
const REFETCH: Duration = Duration::from_mins(1);

/// What a caller may do; each includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees deliveries and evidence of sessions they took part in.
    Viewer,
    /// Maps, makes rules, retries.
    Manager,
    /// Connects, approves, erases.
    Admin,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their organization.
    pub organization: OrganizationId,
    /// What they may do.
    pub role: Role,
    /// Who they are, as the issuer says it.
    pub subject: String,
    /// Their address, if the issuer says one and does not say that it is unverified.
    pub email: Option<String>,
}

impl Caller {
    /// Whether an address of a session is theirs.
    pub(crate) fn is(&self, address: &str) -> bool {
        let own = [Some(&self.subject), self.email.as_ref()];
        own.into_iter()
            .flatten()
            .any(|own| own.eq_ignore_ascii_case(address))
    }

    /// Whether they may do what needs `role`.
    ///
    /// # Errors
    /// They may not.
    pub fn at_least(&self, role: Role) -> Result<(), EngineError> {
        if self.role >= role {
            return Ok(());
        }
        Err(EngineError::Forbidden(match role {
            Role::Viewer => "this needs the role viewer",
            Role::Manager => "this needs the role manager",
            Role::Admin => "this needs the role admin",
        }))
    }
}

/// Why a caller is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unidentified {
    /// The token is missing, wrong, expired or not for us.
    #[error("{0}")]
    Token(&'static str),
    /// The issuer's keys cannot be read now.
    #[error("the issuer's keys are not available: {0}")]
    Keys(String),
}

impl Unidentified {
    /// What a caller is told.
    pub fn public(&self) -> Public {
        match self {
            Self::Token(words) => Public::new(401, format!("Not authenticated: {words}.")),
            Self::Keys(_) => Public::new(
                503,
                "Not available now: the issuer's keys. The same request may succeed later.",
            ),
        }
    }
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    fetched: Option<Timestamp>,
}

/// Checks tokens. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    issuer: Arc<Issuer>,
    keys: Arc<Mutex<Arc<Keys>>>,
}

impl Identity {
    /// For one issuer.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer: Arc::new(issuer),
            keys: Arc::default(),
        }
    }

    /// Who a bearer token stands for.
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn caller(
        &self,
        hub: &Hub,
        authorization: Option<&str>,
    ) -> Result<Caller, Unidentified> {
        let token = authorization
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Unidentified::Token("a bearer token is needed"))?;
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Unidentified::Token("the token is not a JWT"))?;
        if header.alg != Algorithm::RS256 {
            return Err(Unidentified::Token("the token is not signed with RS256"));
        }
        let id = header
            .kid
            .ok_or(Unidentified::Token("the token names no key"))?;
        let key = self.key(hub, &id).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer.issuer]);
        validation.set_audience(&[&self.issuer.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library asks the system for the time; ours is injected.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|_| Unidentified::Token("the token is not valid for this hub"))?
            .claims;
        self.read(hub, &claims)
    }

    fn read(&self, hub: &Hub, claims: &Map<String, Value>) -> Result<Caller, Unidentified> {
        let now = hub.clock().now().as_second();
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        if time("exp").is_none_or(|exp| exp.saturating_add(SKEW_S) <= now) {
            return Err(Unidentified::Token("the token has expired"));
        }
        if time("nbf").is_some_and(|nbf| nbf.saturating_sub(SKEW_S) > now) {
            return Err(Unidentified::Token("the token is not valid yet"));
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let organization = text(&self.issuer.organization_claim)
            .and_then(|id| id.parse().ok())
            .ok_or(Unidentified::Token("the token names no organization"))?;
        let role = match text(&self.issuer.role_claim) {
            Some("admin") => Role::Admin,
            Some("manager") => Role::Manager,
            Some("viewer") => Role::Viewer,
            _ => return Err(Unidentified::Token("the token names no role")),
        };
        let subject = text("sub")
            .filter(|sub| !sub.is_empty())
            .ok_or(Unidentified::Token("the token names nobody"))?;
        let unverified = claims.get("email_verified") == Some(&Value::Bool(false));
        Ok(Caller {
            organization,
            role,
            subject: subject.to_owned(),
            email: text("email").filter(|_| !unverified).map(str::to_owned),
        })
    }

    async fn key(&self, hub: &Hub, id: &str) -> Result<DecodingKey, Unidentified> {
        let known = self
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(key) = known.by_id.get(id) {
            return Ok(key.clone());
        }
        let now = hub.clock().now();
        let recent = known
            .fetched
            .and_then(|at| at.checked_add(REFETCH).ok())
            .is_some_and(|next| next > now);
        if recent {
            return Err(Unidentified::Token("the token's key is unknown"));
        }
        let by_id = self.fetch(hub).await?;
        let found = by_id.get(id).cloned();
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys {
            by_id,
            fetched: Some(now),
        });
        found.ok_or(Unidentified::Token("the token's key is unknown"))
    }

    async fn fetch(&self, hub: &Hub) -> Result<HashMap<String, DecodingKey>, Unidentified> {
        let unavailable = |reason: String| Unidentified::Keys(reason);
        let request = http::Request::get(&self.issuer.jwks_url)
            .body(Bytes::new())
            .map_err(|error| unavailable(error.to_string()))?;
        let reply = transport::send(hub.transport(), request)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if !reply.status().is_success() {
            return Err(unavailable(format!("status {}", reply.status())));
        }
        let set: JwkSet =
            serde_json::from_slice(reply.body()).map_err(|error| unavailable(error.to_string()))?;
        let usable = set
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?)));
        Ok(usable.collect())
    }
}
