//! Where everything is, and what the functions are told of it.

use std::collections::BTreeMap;

use hub_connectors::destinations;
use hub_domain::reminder::CREDENTIAL_DAYS;
use hub_engine::{Settings, identity};
use hub_local_aws::{ACCOUNT, REGION};
use hub_sandbox::Sandbox;

use crate::{
    issuer::AUDIENCE,
    ports::{self, Place},
};

/// What all names begin with.
pub(crate) const PREFIX: &str = "hub";
/// The table.
pub(crate) const TABLE: &str = "hub";
/// The identity of ingest: dispatch believes no other's references.
pub const INGEST: &str = "ingest";
/// The identity of dispatch, who sends the dead letters of events.
pub const DISPATCH: &str = "dispatch";
/// The identity of batch, who moves them back.
pub const BATCH: &str = "batch";
/// The binary that is deployed once per CRM.
const DELIVER: &str = "deliver";

/// Where everything is, each as `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The hub's API.
    pub hub: String,
    /// The issuer.
    pub issuer: String,
    /// The embedded AWS.
    pub aws: String,
    /// The fake CRMs, by name.
    pub crms: BTreeMap<&'static str, String>,
}

/// A function of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its logical id.
    pub id: String,
    /// Its binary, which is also its identity at the embedded AWS.
    pub binary: &'static str,
    /// The CRM whose queues it serves.
    pub crm: Option<&'static str>,
}

impl Function {
    /// Every function of the template.
    pub fn all() -> Vec<Self> {
        let of = |id: &str, binary, crm| Self {
            id: id.to_owned(),
            binary,
            crm,
        };
        let mut all = vec![
            of("IngestFunction", INGEST, None),
            of("ApiFunction", "api", None),
            of("OauthFunction", "oauth", None),
            of("DispatchFunction", "dispatch", None),
            of("BatchFunction", "batch", None),
        ];
        all.extend(
            destinations().map(|crm| of(&format!("Deliver{crm}Function"), DELIVER, Some(crm))),
        );
        all
    }
}

impl Addresses {
    /// The documented ports, or those moved by `--ports +N`.
    ///
    /// # Errors
    /// Random ports are known only to who took them.
    pub fn of(place: Place) -> anyhow::Result<Self> {
        let at = |port| anyhow::Ok(place.url(place.number(port)?));
        let crms = Sandbox::crms()
            .iter()
            .map(|crm| Ok((*crm, at(Sandbox::default_port(crm))?)));
        Ok(Self {
            hub: at(ports::HUB)?,
            issuer: at(ports::ISSUER)?,
            aws: at(ports::AWS)?,
            crms: crms.collect::<anyhow::Result<_>>()?,
        })
    }

    /// What every function is told.
    pub fn settings(&self) -> Settings {
        Settings {
            table: TABLE.to_owned(),
            queue_url_prefix: format!("{}/{ACCOUNT}/{PREFIX}-", self.aws),
            secret_prefix: PREFIX.to_owned(),
            base_urls: self
                .crms
                .iter()
                .map(|(crm, url)| ((*crm).to_owned(), url.clone()))
                .collect(),
            egress_allow: self
                .crms
                .values()
                .chain([&self.hub, &self.issuer])
                .filter_map(|url| url.strip_prefix("http://").map(str::to_owned))
                .collect(),
            credential_days: Some(CREDENTIAL_DAYS),
        }
    }

    /// Whose tokens are believed.
    pub fn identity(&self) -> identity::Issuer {
        identity::Issuer {
            issuer: self.issuer.clone(),
            audience: AUDIENCE.to_owned(),
            jwks_url: format!("{}/.well-known/jwks.json", self.issuer),
            organization_claim: "org".to_owned(),
            role_claim: "role".to_owned(),
        }
    }

    /// The environment of a function that runs in a process of its own: what the template gives it,
    /// and what Lambda and the missing way out make necessary.
    pub fn environment(&self, function: &Function) -> BTreeMap<&'static str, String> {
        let settings = self.settings();
        let identity = self.identity();
        let base_urls: Vec<_> = settings
            .base_urls
            .iter()
            .map(|(crm, url)| format!("{crm}={url}"))
            .collect();
        let mut told = BTreeMap::from([
            ("HUB_TABLE", settings.table),
            ("HUB_QUEUE_URL_PREFIX", settings.queue_url_prefix),
            ("HUB_SECRET_PREFIX", settings.secret_prefix),
            ("HUB_OIDC_ISSUER", identity.issuer),
            ("HUB_OIDC_AUDIENCE", identity.audience),
            // As a parameter that is left out arrives.
            ("HUB_OIDC_JWKS_URL", String::new()),
            ("HUB_OIDC_ORG_CLAIM", identity.organization_claim),
            ("HUB_OIDC_ROLE_CLAIM", identity.role_claim),
            ("HUB_PUBLIC_URL", self.hub.clone()),
            ("HUB_CREDENTIAL_DAYS", CREDENTIAL_DAYS.to_string()),
            ("RUST_LOG", "info".to_owned()),
            ("HUB_BASE_URLS", base_urls.join(",")),
            ("HUB_EGRESS_ALLOW", settings.egress_allow.join(",")),
            ("AWS_ENDPOINT_URL", self.aws.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", function.binary.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret".to_owned()),
        ]);
        if function.binary == "dispatch" {
            told.insert("HUB_INGEST_SENDER", INGEST.to_owned());
            told.insert("HUB_BATCH_SENDER", BATCH.to_owned());
        }
        if function.binary == BATCH {
            told.insert("HUB_DISPATCH_SENDER", DISPATCH.to_owned());
            told.insert("HUB_BATCH_SENDER", BATCH.to_owned());
        }
        if let Some(crm) = function.crm {
            told.insert("CRM", crm.to_owned());
        }
        told
    }
}
