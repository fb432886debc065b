//! What a function is told by its environment.
//!
//! Plain values: the Lambda shell reads them, the engine uses them, and neither knows the other.

use std::collections::BTreeMap;

/// What every function is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `HUB_TABLE`: the table's name.
    pub table: String,
    /// `HUB_QUEUE_URL_PREFIX`: what all queue URLs begin with.
    pub queue_url_prefix: String,
    /// `HUB_SECRET_PREFIX`: what all secret names begin with.
    pub secret_prefix: String,
    /// `HUB_BASE_URLS`: where a CRM is, if not where its manifest says. Absent in production.
    pub base_urls: BTreeMap<String, String>,
    /// `HUB_EGRESS_ALLOW`: what is exempt from the egress rules. Absent in production.
    pub egress_allow: Vec<String>,
    /// `HUB_CREDENTIAL_DAYS`: the age from which people are reminded of a secret;
    /// [`CREDENTIAL_DAYS`](crate::reminder::CREDENTIAL_DAYS) without it.
    pub credential_days: Option<u32>,
}

/// Which issuer's tokens are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuer {
    /// `HUB_OIDC_ISSUER`: `iss`, to the letter.
    pub issuer: String,
    /// `HUB_OIDC_AUDIENCE`: `aud`.
    pub audience: String,
    /// `HUB_OIDC_JWKS_URL`, by default where issuers without a discovery document have it.
    pub jwks_url: String,
    /// `HUB_OIDC_ORG_CLAIM`, by default `org`.
    pub organization_claim: String,
    /// `HUB_OIDC_ROLE_CLAIM`, by default `role`.
    pub role_claim: String,
}
