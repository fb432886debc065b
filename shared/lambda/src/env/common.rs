//! The variables that several functions read, under one name each.
//!
//! What comes out is plain: a function turns it into the engine's types, because this crate knows
//! no engine.

use std::collections::BTreeMap;

use super::Env;

/// What every function is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommonEnv {
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
}

/// Which issuer's tokens are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuerEnv {
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

impl Env {
    /// What every function is told.
    pub fn common(&mut self) -> CommonEnv {
        CommonEnv {
            table: self.required("HUB_TABLE"),
            queue_url_prefix: self.required("HUB_QUEUE_URL_PREFIX"),
            secret_prefix: self.required("HUB_SECRET_PREFIX"),
            base_urls: self.map_of("HUB_BASE_URLS", "crm=url pairs separated by commas"),
            egress_allow: self.list_of("HUB_EGRESS_ALLOW", "host:port pairs separated by commas"),
        }
    }

    /// Which issuer's tokens are believed.
    pub fn issuer(&mut self) -> IssuerEnv {
        let issuer = self.required("HUB_OIDC_ISSUER");
        let jwks = || format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        IssuerEnv {
            audience: self.required("HUB_OIDC_AUDIENCE"),
            jwks_url: self.optional("HUB_OIDC_JWKS_URL").unwrap_or_else(jwks),
            organization_claim: self.or("HUB_OIDC_ORG_CLAIM", "org"),
            role_claim: self.or("HUB_OIDC_ROLE_CLAIM", "role"),
            issuer,
        }
    }

    fn or(&mut self, name: &str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_beneath_the_issuer_unless_told_otherwise() {
        let mut env = Env::of([
            ("HUB_OIDC_ISSUER", "https://issuer.example/"),
            ("HUB_OIDC_AUDIENCE", "hub"),
            ("HUB_OIDC_ROLE_CLAIM", "https://issuer.example/role"),
        ]);
        let found = env.issuer();
        assert_eq!(
            env.finish(found),
            Ok(IssuerEnv {
                issuer: "https://issuer.example/".to_owned(),
                audience: "hub".to_owned(),
                jwks_url: "https://issuer.example/.well-known/jwks.json".to_owned(),
                organization_claim: "org".to_owned(),
                role_claim: "https://issuer.example/role".to_owned(),
            })
        );
        let mut env = Env::of([
            ("HUB_OIDC_ISSUER", "https://issuer.example"),
            ("HUB_OIDC_AUDIENCE", "hub"),
            ("HUB_OIDC_JWKS_URL", "http://127.0.0.1:4100/keys"),
        ]);
        assert_eq!(env.issuer().jwks_url, "http://127.0.0.1:4100/keys");
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let mut env = Env::of([("HUB_BASE_URLS", "zoho"), ("HUB_SECRET_PREFIX", "hub")]);
        let found = (env.common(), env.issuer());
        let error = env.finish(found).expect_err("faults");
        let names: Vec<_> = error
            .faults
            .iter()
            .map(|fault| fault.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "HUB_TABLE",
                "HUB_QUEUE_URL_PREFIX",
                "HUB_BASE_URLS",
                "HUB_OIDC_ISSUER",
                "HUB_OIDC_AUDIENCE"
            ]
        );
    }
}
