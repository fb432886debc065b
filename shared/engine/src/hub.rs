//! What every use case needs, made once per process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hub_aws::{AwsError, Clients, Clock, Entropy, Queues, Store, Vault};
use hub_connectors::{Connector, Manifest, ManifestError, Registry};
use hub_domain::{
    Connection, ConnectionId, CrmId, Mapping, Organization, OrganizationId, Webhook,
    reminder::CREDENTIAL_DAYS, settings::Settings,
};
use url::Url;

use crate::{
    cache::Cache,
    deliver::people::{self, People},
    egress::{self, Allowed, Refused},
    error::EngineError,
    limits::Limits,
    tokens::Access,
    transport::{self, Transport},
};

/// How long configuration is used before it is read again: as long as a pause or a new mapping may
/// take to be felt.
pub(crate) const CONFIGURATION_KEPT: Duration = Duration::from_secs(30);
/// Organizations whose configuration one process keeps.
const ORGANIZATIONS_KEPT: usize = 1_000;

/// What a hub is made of.
pub struct Parts {
    /// The clients of AWS.
    pub clients: Clients,
    /// The way out to CRMs.
    pub transport: Transport,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The CRMs it knows: what is compiled in, and in a test others.
    pub connectors: Registry,
    /// The rest.
    pub settings: Settings,
}

/// Everything a use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    store: Store,
    queues: Queues,
    vault: Vault,
    transport: Transport,
    clock: Clock,
    entropy: Entropy,
    base_urls: BTreeMap<String, String>,
    credential_days: u32,
    allowed: Allowed,
    registry: Registry,
    connectors: Mutex<HashMap<String, Arc<dyn Connector>>>,
    manifests: Mutex<HashMap<String, Arc<Manifest>>>,
    organizations: Cache<OrganizationId, Organization>,
    connections: Cache<OrganizationId, Arc<Vec<Connection>>>,
    webhooks: Cache<OrganizationId, Arc<Vec<Webhook>>>,
    mappings: Cache<(OrganizationId, ConnectionId, u32), Arc<Mapping>>,
    tokens: Cache<(OrganizationId, ConnectionId), Access>,
    people: People,
    limits: Limits,
}

impl Hub {
    /// The hub of a Lambda function.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub async fn from_settings(settings: Settings) -> Result<Self, EngineError> {
        let allowed = Allowed::new(settings.egress_allow.iter().cloned());
        if !allowed.is_empty() || !settings.base_urls.is_empty() {
            tracing::warn!(egress_allow = ?settings.egress_allow, base_urls = ?settings.base_urls, "the egress rules have exceptions; production has none");
        }
        let transport = transport::https(allowed).map_err(|error| EngineError::Bug {
            context: "setting up TLS",
            source: Some(Box::new(error)),
        })?;
        let clients = Clients::from_env().await;
        Ok(Self::new(Parts {
            clients,
            transport,
            clock: Clock::system(),
            entropy: Entropy::system(),
            connectors: Registry::default(),
            settings,
        }))
    }

    /// A hub from its parts.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            clients,
            transport,
            clock,
            entropy,
            connectors,
            settings,
        } = parts;
        let cache = |most| Cache::new(clock.clone(), CONFIGURATION_KEPT, most);
        Self(Arc::new(Inner {
            store: Store::new(clients.dynamodb, settings.table),
            queues: Queues::new(clients.sqs, settings.queue_url_prefix),
            vault: Vault::new(
                clients.secrets,
                settings.secret_prefix,
                clock.clone(),
                entropy.clone(),
            ),
            transport,
            base_urls: settings.base_urls,
            credential_days: settings.credential_days.unwrap_or(CREDENTIAL_DAYS),
            allowed: Allowed::new(settings.egress_allow),
            registry: connectors,
            connectors: Mutex::new(HashMap::new()),
            manifests: Mutex::new(HashMap::new()),
            organizations: cache(ORGANIZATIONS_KEPT),
            connections: Cache::new(clock.clone(), CONFIGURATION_KEPT, ORGANIZATIONS_KEPT),
            webhooks: Cache::new(clock.clone(), CONFIGURATION_KEPT, ORGANIZATIONS_KEPT),
            mappings: Cache::new(clock.clone(), CONFIGURATION_KEPT, ORGANIZATIONS_KEPT),
            tokens: Cache::new(clock.clone(), CONFIGURATION_KEPT, ORGANIZATIONS_KEPT),
            people: Cache::new(clock.clone(), people::KEPT, people::MOST),
            limits: Limits::default(),
            clock,
            entropy,
        }))
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.0.queues
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The age in days from which people are reminded of a secret.
    pub(crate) fn credential_days(&self) -> u32 {
        self.0.credential_days
    }

    /// The way out.
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The time source.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Randomness.
    pub fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now().as_millisecond()
    }

    /// The CRMs there are.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// A connector; each manifest is parsed once, and only where it is used.
    pub(crate) fn connector(&self, crm: &CrmId) -> Result<Arc<dyn Connector>, EngineError> {
        known(&self.0.connectors, crm, |crm| {
            self.0.registry.connector(crm)
        })
    }

    /// The manifest of a CRM that can be connected, whether there is a connector or not.
    pub(crate) fn manifest(&self, crm: &CrmId) -> Result<Arc<Manifest>, EngineError> {
        known(&self.0.manifests, crm, |crm| {
            let manifest = self.0.registry.manifest(crm)?;
            Some(manifest.map(Arc::new))
        })
    }

    /// An address of a manifest for one connection, moved to the sandbox where one is configured:
    /// the path stays, the origin changes.
    pub(crate) fn address(
        &self,
        manifest: &Manifest,
        crm: &CrmId,
        template: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<Url, EngineError> {
        let wrong = |_| EngineError::Bug {
            context: "reading an address of a manifest",
            source: None,
        };
        let url = Url::parse(&manifest.fill(template, settings)).map_err(wrong)?;
        let Some(base) = self.0.base_urls.get(crm.as_str()) else {
            return Ok(url);
        };
        let mut moved = Url::parse(base).map_err(wrong)?;
        moved.set_path(url.path());
        moved.set_query(url.query());
        Ok(moved)
    }

    /// An address that an operator exempts, without a slash at its end; `None` in production.
    pub(crate) fn exempt(&self, url: &Url) -> Option<String> {
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let exempt = plain && self.0.allowed.permits(url);
        exempt.then(|| url.as_str().trim_end_matches('/').to_owned())
    }

    /// Whether a request may go to an address that a customer gave; names are looked at again when
    /// they are resolved.
    pub(crate) fn may_call(&self, url: &Url) -> Result<(), Refused> {
        egress::check(url, &self.0.allowed).map(drop)
    }

    /// An organization, at most half a minute old. One that does not exist is asked for each time.
    pub(crate) async fn organization(
        &self,
        id: &OrganizationId,
    ) -> Result<Option<Organization>, AwsError> {
        if let Some(found) = self.0.organizations.get(id) {
            return Ok(Some(found));
        }
        let found = self.0.store.organization(id).await?;
        if let Some(found) = &found {
            self.0.organizations.put(id.clone(), found.clone());
        }
        Ok(found)
    }

    /// An organization as it stands now: before something is refused because of it.
    pub(crate) async fn organization_now(
        &self,
        id: &OrganizationId,
    ) -> Result<Option<Organization>, AwsError> {
        self.0.organizations.forget(id);
        self.organization(id).await
    }

    /// The connections of an organization, at most half a minute old.
    pub(crate) async fn connections(
        &self,
        organization: &OrganizationId,
    ) -> Result<Arc<Vec<Connection>>, AwsError> {
        if let Some(found) = self.0.connections.get(organization) {
            return Ok(found);
        }
        let found = Arc::new(self.0.store.connections(organization).await?);
        self.0.connections.put(organization.clone(), found.clone());
        Ok(found)
    }

    /// The webhooks of an organization, at most half a minute old.
    pub(crate) async fn webhooks(
        &self,
        organization: &OrganizationId,
    ) -> Result<Arc<Vec<Webhook>>, AwsError> {
        if let Some(found) = self.0.webhooks.get(organization) {
            return Ok(found);
        }
        let found = Arc::new(self.0.store.webhooks(organization).await?);
        self.0.webhooks.put(organization.clone(), found.clone());
        Ok(found)
    }

    /// The mapping a connection uses, at most half a minute old.
    pub(crate) async fn mapping(
        &self,
        connection: &Connection,
        manifest: &Manifest,
    ) -> Result<Option<Arc<Mapping>>, AwsError> {
        let version = connection.mapping_version;
        if version == 0 {
            return Ok(Some(Arc::new(manifest.default_mapping())));
        }
        let key = (
            connection.organization.clone(),
            connection.id.clone(),
            version,
        );
        if let Some(found) = self.0.mappings.get(&key) {
            return Ok(Some(found));
        }
        let found = self
            .0
            .store
            .mapping(&connection.organization, &connection.id, version)
            .await?
            .map(Arc::new);
        if let Some(found) = &found {
            self.0.mappings.put(key, found.clone());
        }
        Ok(found)
    }

    /// The access tokens this process read lately.
    pub(crate) fn tokens(&self) -> &Cache<(OrganizationId, ConnectionId), Access> {
        &self.0.tokens
    }

    /// The people whom CRMs told this process of lately.
    pub(crate) fn people(&self) -> &People {
        &self.0.people
    }

    /// What this process holds of the limits of CRM accounts.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Forgets what is cached of an organization's configuration: we just changed it.
    pub(crate) fn forget(&self, organization: &OrganizationId) {
        self.0.organizations.forget(organization);
        self.0.connections.forget(organization);
        self.0.webhooks.forget(organization);
    }
}

/// What the registry has for a CRM, read once.
fn known<T: ?Sized>(
    known: &Mutex<HashMap<String, Arc<T>>>,
    crm: &CrmId,
    read: impl FnOnce(&CrmId) -> Option<Result<Arc<T>, ManifestError>>,
) -> Result<Arc<T>, EngineError> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(crm.as_str()) {
        return Ok(found.clone());
    }
    let found = read(crm).ok_or(EngineError::NotFound("the CRM"))?;
    let found = found.map_err(|error| EngineError::Bug {
        context: "reading a manifest",
        source: Some(Box::new(error)),
    })?;
    known.insert(crm.to_string(), found.clone());
    Ok(found)
}
