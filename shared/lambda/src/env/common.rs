//! The variables that several functions read, under one name each.

use hub_domain::settings::{Issuer, Settings};

use super::Env;

impl Env {
    /// What every function is told.
    pub fn common(&mut self) -> Settings {
        Settings {
            table: self.required("HUB_TABLE"),
            queue_url_prefix: self.required("HUB_QUEUE_URL_PREFIX"),
            secret_prefix: self.required("HUB_SECRET_PREFIX"),
            base_urls: self.map_of("HUB_BASE_URLS", "crm=url pairs separated by commas"),
            egress_allow: self.list_of("HUB_EGRESS_ALLOW", "host:port pairs separated by commas"),
            credential_days: self.optional_parse("HUB_CREDENTIAL_DAYS", "a whole number of days"),
        }
    }

    /// Which issuer's tokens are believed.
    pub fn issuer(&mut self) -> Issuer {
        let issuer = self.required("HUB_OIDC_ISSUER");
        let jwks = || format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        Issuer {
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
            Ok(Issuer {
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
        let mut env = Env::of([("HUB_BASE_URLS", "acme"), ("HUB_SECRET_PREFIX", "hub")]);
        let found = (env.common(), env.issuer());
        let error = env.finish(found).expect_err("faults");
        assert_eq!(
            error.names(),
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
