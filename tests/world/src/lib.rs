//! Everything around a hub, in one process: AWS, an issuer, liveprompt's signature. For tests.
//!
//! A [`World`] is fresh and empty but for the table, the queues and the platform's secret. Its time
//! is tokio's, which tests pause, and begins at [`START`]; ids and chances come from a seed. So a
//! test on one thread replays exactly.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up is a test that fails"
)]

mod ask;
mod between;
mod browser;
mod events;
mod issuer;
mod outage;
mod stream;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use hub_aws::vault::{Keys, OauthClient, Platform, WebhookSecret};
use hub_domain::{Connection, ConnectionId, OrganizationId, Timestamp};
use hub_engine::{
    Clients, Clock, Entropy, Hub, Parts, Registry, Settings, Transport, TransportError,
    connect::{self, Callback},
    connections::{self, NewConnection},
    identity::{Caller, Identity, Issuer, Role},
    ingest, webhook,
};
use hub_local_aws::{ENDPOINT, LocalAws};
use hub_samples::Signature;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

pub use ask::{Reply, ask};
pub use between::Between;
pub use browser::{address, cookie, fields, post_of};
pub use events::{payload, request};
pub use outage::{Fails, Outage};

/// When every world begins.
pub const START: &str = "2026-11-20T12:00:00Z";
/// The access key of ingest: the `SenderId` of its messages.
pub const INGEST: &str = "ingest";
/// Where API and console are reached.
pub const PUBLIC_URL: &str = "https://hub.example";

const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What the template gives the queues: six times the functions' timeout.
const VISIBILITY_S: u32 = 720;

/// A request to or an answer of a CRM.
pub type Answer = Result<http::Response<Bytes>, TransportError>;

/// One machine.
#[derive(Debug)]
pub struct World {
    /// Its AWS.
    pub aws: LocalAws,
    /// Its time.
    pub clock: Clock,
    /// Which calls to AWS fail; every hub of this world meets it.
    pub outage: Outage,
    connectors: Registry,
    between: Option<Arc<dyn Between>>,
    entropy: Entropy,
    messages: AtomicU64,
    changes: AtomicU64,
}

impl World {
    /// A fresh one. Call it inside a test whose time is paused.
    pub async fn new(seed: u64) -> Self {
        Self::with(seed, Registry::default()).await
    }

    /// One whose hubs know other CRMs too, or other connectors for those that are compiled in.
    pub async fn with(seed: u64, connectors: Registry) -> Self {
        Self::behind(seed, connectors, None).await
    }

    /// One between whose hubs and everything outside them something stands.
    pub async fn behind(
        seed: u64,
        connectors: Registry,
        between: Option<Arc<dyn Between>>,
    ) -> Self {
        let start: Timestamp = START.parse().expect("a time");
        let clock = Clock::paused(start);
        let now = clock.clone();
        let aws = LocalAws::with_seed(Arc::new(move || now.now()), seed).expect("an AWS");
        let world = Self {
            aws,
            clock,
            outage: Outage::default(),
            connectors,
            between,
            entropy: Entropy::seeded(seed),
            messages: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        };
        let hub = world.hub("set-up", World::no_crm());
        hub.store().create_table().await.expect("a table");
        let mut queues = vec![("events".to_owned(), "events-dlq".to_owned())];
        for crm in world.connectors.destinations() {
            let dead_letters = format!("{crm}-dlq");
            queues.extend(
                ["live", "bulk"].map(|kind| (format!("{crm}-{kind}"), dead_letters.clone())),
            );
        }
        for (queue, dead_letters) in queues {
            hub.queues()
                .create(&queue, &dead_letters, VISIBILITY_S)
                .await
                .expect("a queue");
        }
        hub.vault()
            .put_platform(&platform(&world.connectors))
            .await
            .expect("the platform's secret");
        world
    }

    /// What every function is told.
    pub fn settings() -> Settings {
        Settings {
            table: "hub".to_owned(),
            queue_url_prefix: format!("{ENDPOINT}/000000000000/hub-"),
            secret_prefix: "hub".to_owned(),
            ..Settings::default()
        }
    }

    /// Whose messages dispatch believes what.
    pub fn event_senders() -> hub_engine::dispatch::Senders {
        hub_engine::dispatch::Senders {
            ingest: INGEST.to_owned(),
            batch: "batch".to_owned(),
        }
    }

    /// Whose dead letters batch believes what.
    pub fn dead_letter_senders() -> hub_engine::redrive::Senders {
        hub_engine::redrive::Senders {
            dispatch: "dispatch".to_owned(),
            batch: "batch".to_owned(),
        }
    }

    /// The hub of one function, known to AWS by `identity`. It finds the issuer's keys by itself;
    /// all other requests go out by `transport`.
    pub fn hub(&self, identity: &str, transport: Transport) -> Hub {
        self.hub_with(identity, transport, Self::settings())
    }

    /// A hub with settings of its own.
    pub fn hub_with(&self, identity: &str, transport: Transport, settings: Settings) -> Hub {
        self.hub_at(identity, transport, settings, self.clock.clone())
    }

    /// The same with a clock of its own, which may be wrong.
    pub fn hub_at(
        &self,
        identity: &str,
        transport: Transport,
        settings: Settings,
        clock: Clock,
    ) -> Hub {
        let mut http_client = self.outage.around(self.aws.http_client());
        let mut transport = self.outage.on_the_way(transport);
        if let Some(between) = &self.between {
            http_client = between.aws(identity, http_client);
            transport = between.out(identity, transport);
        }
        let clients = Clients::with(hub_aws::Parts {
            http_client,
            endpoint: ENDPOINT.to_owned(),
            access_key: identity.to_owned(),
            clock: self.clock.clone(),
        });
        Hub::new(Parts {
            clients,
            transport: issuer::reachable(transport),
            clock,
            entropy: self.entropy.clone(),
            connectors: self.connectors.clone(),
            settings,
        })
    }

    /// A way out that answers by `answer`.
    pub fn crm(
        answer: impl Fn(http::Request<Bytes>) -> Answer + Clone + Send + Sync + 'static,
    ) -> Transport {
        BoxCloneSyncService::new(service_fn(move |request| {
            std::future::ready(answer(request))
        }))
    }

    /// A way out that leads nowhere.
    pub fn no_crm() -> Transport {
        Self::crm(|_| Err(TransportError::NotSent("this test has no CRM".to_owned())))
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Answer {
        let answer = http::Response::builder()
            .status(status)
            .header("content-type", "application/json");
        Ok(answer.body(body.to_string().into()).expect("an answer"))
    }

    /// liveprompt's signature of a body, sent now: the three headers, or message attributes.
    pub fn sign(&self, body: &[u8]) -> BTreeMap<&'static str, String> {
        self.sign_at(body, self.clock.now())
    }

    /// A signature of another time.
    pub fn sign_at(&self, body: &[u8], at: Timestamp) -> BTreeMap<&'static str, String> {
        let signature = self.signature(body, at);
        BTreeMap::from([
            ("webhook-id", signature.id),
            ("webhook-timestamp", signature.timestamp),
            ("webhook-signature", signature.signature),
        ])
    }

    fn signature(&self, body: &[u8], at: Timestamp) -> Signature {
        let id = format!("msg_{}", self.messages.fetch_add(1, Ordering::Relaxed));
        let secret = SecretString::from(WEBHOOK_SECRET);
        let signature = webhook::sign(body, &id, at.as_second(), &secret).expect("a signature");
        Signature {
            id,
            timestamp: at.as_second().to_string(),
            signature,
        }
    }

    /// Which issuer the tokens are of.
    pub fn issuer() -> Issuer {
        issuer::issuer()
    }

    /// Checks the tokens.
    pub fn identity() -> Identity {
        Identity::new(Self::issuer())
    }

    /// An `Authorization` header that holds for an hour.
    pub fn bearer(&self, organization: &str, role: &str, subject: &str) -> String {
        let now = self.clock.now().as_second();
        self.bearer_of(&json!({
            "iss": Self::issuer().issuer, "aud": Self::issuer().audience, "exp": now + 3_600,
            "org": organization, "role": role, "sub": subject,
        }))
    }

    /// An `Authorization` header with any claims.
    pub fn bearer_of(&self, claims: &Value) -> String {
        issuer::bearer(claims)
    }

    /// An admin of an organization, as the engine knows one.
    pub fn admin(organization: &str) -> Caller {
        Caller {
            organization: organization.parse().expect("an organization's id"),
            role: Role::Admin,
            subject: "ada@seller.example".to_owned(),
            email: None,
        }
    }

    /// Begins an organization, as `organization.changed` does.
    pub async fn organization(&self, id: &str) -> OrganizationId {
        self.subscribe(id, "enterprise").await
    }

    /// Begins an organization with a plan, or changes the plan of one.
    pub async fn subscribe(&self, id: &str, plan: &str) -> OrganizationId {
        let hub = self.hub(INGEST, Self::no_crm());
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        let event = json!({
            "id": format!("evt_plan_{number:06}"), "type": "organization.changed", "organizationId": id,
            "timestamp": self.clock.now().to_string(),
            "payload": { "name": id, "plan": plan, "status": "active" },
        });
        let results = ingest::accept(&hub, &[event]).await;
        assert!(
            results.iter().all(|result| result.outcome.is_ok()),
            "{results:?}"
        );
        id.parse().expect("an organization's id")
    }

    /// A connection that an admin created, authorized and approved. `reply` is what the CRM's token
    /// endpoint answers.
    pub async fn connection(&self, organization: &str, crm: &str, reply: Value) -> ConnectionId {
        let answers = Self::crm(move |_| Self::json(200, &reply));
        self.connection_at(organization, crm, answers).await
    }

    /// The same at a CRM behind a way out.
    pub async fn connection_at(
        &self,
        organization: &str,
        crm: &str,
        way_out: Transport,
    ) -> ConnectionId {
        let hub = self.hub("oauth", way_out.clone());
        let caller = Self::admin(organization);
        let new = json!({ "crm": crm, "name": format!("{crm} of {organization}") });
        let new = NewConnection::read(&hub, &new).expect("a valid connection");
        let Connection { id, .. } = connections::create(&hub, &caller, new)
            .await
            .expect("a connection");
        self.authorize(organization, &id, way_out).await;
        connections::approve(&hub, &caller, &id)
            .await
            .expect("an approval");
        id
    }

    /// An admin authorizes a connection, once more if it was before.
    pub async fn authorize(&self, organization: &str, id: &ConnectionId, way_out: Transport) {
        let hub = self.hub("oauth", way_out);
        let caller = Self::admin(organization);
        let Connection { crm, .. } = connections::get(&hub, &caller, id)
            .await
            .expect("a connection");
        let begun = connect::begin(&hub, &caller, &crm, id, PUBLIC_URL)
            .await
            .expect("an authorization");
        let state = begun
            .authorize_url
            .query_pairs()
            .find(|(name, _)| name == "state");
        let state = state.map(|(_, state)| state.into_owned());
        let callback = Callback {
            code: Some("code".to_owned()),
            state,
            ..Callback::default()
        };
        connect::finish(&hub, &crm, &callback, Some(&begun.cookie))
            .await
            .expect("tokens");
    }

    /// Registers the platform's application at a fake CRM, as its credentials say.
    pub async fn register(&self, crm: &str, credentials: &Value) {
        let text = |name: &str| credentials[name].as_str().expect("a text").to_owned();
        let app = OauthClient {
            client_id: text("client_id"),
            client_secret: text("client_secret").into(),
            ..OauthClient::default()
        };
        let hub = self.hub("set-up", Self::no_crm());
        let known = hub.vault().platform().await.expect("the platform's secret");
        let mut platform = (*known).clone();
        platform.apps.insert(crm.to_owned(), app);
        hub.vault()
            .put_platform(&platform)
            .await
            .expect("the platform's secret");
    }

    /// The bodies of the messages in a queue, those in flight and delayed included.
    pub fn messages(&self, queue: &str) -> Vec<String> {
        let mut queues = self.aws.dump().expect("a dump").queues;
        let found = queues.remove(&format!("hub-{queue}")).expect("a queue");
        found.into_iter().map(|message| message.body).collect()
    }
}

fn platform(connectors: &Registry) -> Platform {
    let app = OauthClient {
        client_id: "platform-client".to_owned(),
        client_secret: "platform-secret".into(),
        ..OauthClient::default()
    };
    let apps = connectors.delivering().map(str::to_owned);
    Platform {
        webhook: WebhookSecret {
            current: WEBHOOK_SECRET.into(),
            ..WebhookSecret::default()
        },
        apps: apps.map(|crm| (crm, app.clone())).collect(),
        // Of its own: the seed's chances are the others'.
        audit: Keys::fresh(&Entropy::seeded(1)),
        ..Platform::default()
    }
}
