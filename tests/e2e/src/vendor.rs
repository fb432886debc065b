//! The vendors' own addresses, and what a connection by each method needs.

use std::{collections::BTreeMap, sync::OnceLock};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use hub_connectors::Manifest;
use hub_domain::Method;
use hub_samples::required;
use serde_json::{Value, json};

use crate::Machine;

/// Where the API of the account in the sandbox is: where a token reply would say, or else where the manifest has it.
pub fn address(crm: &str) -> String {
    match crm {
        "salesforce" => "https://acme.my.salesforce.com".to_owned(),
        "dynamics365" => "https://acme.crm4.dynamics.com".to_owned(),
        "pipedrive" => "https://acme.pipedrive.com".to_owned(),
        "zoho" => "https://www.zohoapis.com".to_owned(),
        _ => {
            let manifest = manifest(crm);
            let found = manifest.api.base_url.as_ref();
            let found = found.unwrap_or_else(|| panic!("{crm} is at no address: say which it is"));
            manifest.fill(found, &BTreeMap::new())
        }
    }
}

/// The manifest of a CRM.
pub fn manifest(crm: &str) -> Manifest {
    let manifest = hub_connectors::manifest(crm).expect("a CRM");
    manifest.expect("a manifest")
}

/// An RSA key: the private and the public half in PEM.
pub fn key_pair() -> &'static (String, String) {
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(fresh_pair)
}

fn fresh_pair() -> (String, String) {
    let pem = |what: &str, der: &[u8]| {
        let body = BASE64_STANDARD.encode(der);
        format!("-----BEGIN {what} KEY-----\n{body}\n-----END {what} KEY-----\n")
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let private: Pkcs8V1Der<'_> = pair.as_der().expect("its private half");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its public half");
    (
        pem("PRIVATE", private.as_ref()),
        pem("PUBLIC", public.as_ref()),
    )
}

impl Machine {
    /// Creates, authorizes and approves a connection, as an admin does. Where the CRM has keys alone, it is
    /// created with one.
    pub async fn connect(&self, organization: &str, settings: Value) -> String {
        let id = self.create(organization, settings).await;
        if !self.has_keys_alone() {
            self.authorize(organization, &id).await;
        }
        let approved = self
            .api(
                organization,
                http::Method::POST,
                &format!("/api/integrations/crm/{id}/approve"),
                None,
            )
            .await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
        id
    }

    /// Creates a connection; what it cannot be made without is the manifest's example, if nothing else is said.
    pub async fn create(&self, organization: &str, mut settings: Value) -> String {
        self.fill(&mut settings);
        let mut new = json!({ "settings": settings });
        if self.has_keys_alone() {
            new["method"] = json!("api_key");
            new["api_key"] = self.sandbox.credentials()["api_key"].clone();
        }
        let created = self.create_by(organization, new).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        created.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Gives what a connection cannot be made without.
    fn fill(&self, settings: &mut Value) {
        let mut filled = required(&manifest(self.crm));
        filled.extend(
            settings
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        *settings = Value::Object(filled);
    }

    /// Whether nobody logs in at the CRM: it has keys, and no OAuth that we use.
    fn has_keys_alone(&self) -> bool {
        manifest(self.crm).oauth.is_none()
    }

    /// What creates a connection by this method, the sandbox being told what it has to know.
    pub fn new_by(&self, method: Method) -> Value {
        let address = address(self.crm);
        let host = address.trim_start_matches("https://");
        let all = self.sandbox.credentials();
        let mut settings = match self.crm {
            "dynamics365" => json!({ "environment": host }),
            _ => json!({}),
        };
        self.fill(&mut settings);
        let mut new = json!({ "method": method.name() });
        match (self.crm, method) {
            (_, Method::AuthorizationCode) => {}
            ("salesforce", Method::ClientCredentials) => settings["login_host"] = json!(host),
            ("salesforce", Method::JwtBearer) => settings["user"] = all["username"].clone(),
            ("dynamics365", _) => settings["tenant"] = all["tenant"].clone(),
            ("pipedrive", _) => settings["company"] = json!(host),
            ("copper", _) => settings["user_email"] = all["api_key_email"].clone(),
            _ => {}
        }
        match method {
            Method::AuthorizationCode => {}
            Method::ClientCredentials => {
                new["client"] = json!({ "id": all["client_id"], "secret": all["client_secret"] });
            }
            Method::JwtBearer => {
                let (private, public) = key_pair();
                self.sandbox
                    .set(&json!({ "jwt_public_key": public }))
                    .expect("a key");
                new["client"] = json!({ "id": all["client_id"], "private_key": private });
            }
            Method::ApiKey => {
                let key = all.get("api_key").or(all.get("service_key"));
                new["api_key"] = key.expect("a key").clone();
            }
        }
        new["settings"] = settings;
        new
    }

    /// The same with a secret that the CRM does not know.
    pub fn new_with_wrong_secret(&self, method: Method) -> Value {
        let mut new = self.new_by(method);
        match method {
            Method::AuthorizationCode => {
                let all = self.sandbox.credentials();
                new["client"] = json!({ "id": all["client_id"], "secret": "wrong" });
            }
            Method::ClientCredentials => new["client"]["secret"] = json!("wrong"),
            Method::JwtBearer => new["client"]["private_key"] = json!(fresh_pair().0),
            Method::ApiKey => {
                let key = new["api_key"].as_str().unwrap_or_default().len();
                new["api_key"] = json!("0".repeat(key));
            }
        }
        new
    }
}
