//! The whole hub over one destination, in one process and one thread, with the seam across every way out.
//!
//! Unlike the machine of the stories it lets workers run side by side, and die.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use hub_connectors::{Connector, Idempotency, WEBHOOKS};
use hub_domain::Timestamp;
use hub_engine::{Hub, Settings};
use hub_local::lambda::{jobs, lambda};
use hub_local_aws::{EventSource, Handler, StreamSource};
use hub_world::{Between, INGEST, PUBLIC_URL, World};
use serde_json::Value;
use tokio::sync::Notify;

use crate::{
    chaos::{Chance, Weather},
    destination::Destination,
    fault::FUNCTION_TIMEOUT,
    life::{Ended, invocation},
    marked::registry,
    remote::Remote,
    seam::Seam,
    tamper::{Forge, Tamper},
};

/// The organization of the laboratory.
pub(crate) const ORG: &str = "org_lab";

/// Makes the CRM itself, of a seed.
pub type MakeRemote = Arc<dyn Fn(&World, u64) -> Remote + Send + Sync>;

/// What a laboratory is made of.
pub struct Setup {
    /// The name of the CRM and its queues, or of those of webhooks.
    pub crm: &'static str,
    /// Its connector, where it is not the one that is compiled in.
    pub connector: Option<Arc<dyn Connector>>,
    /// The CRM itself, or the receiver.
    pub remote: MakeRemote,
    /// Which of its calls the short stage strikes.
    pub struck: Struck,
    /// What lies to the hub, in a test of the laboratory.
    pub tamper: Option<Tamper>,
    /// What changes what the hub says to others, in such a test.
    pub forge: Option<Forge>,
}

/// Which calls of a setup the short stage strikes one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Struck {
    /// All of them.
    All,
    /// Those of delivering: what comes before and after is the same as elsewhere.
    Delivering,
    /// Those that decide what is written.
    Deciding,
}

impl Setup {
    /// A CRM of the registry, as it is.
    pub fn of(crm: &'static str) -> Self {
        Self {
            crm,
            connector: None,
            remote: Arc::new(move |world, seed| Remote::sandbox(crm, world, seed)),
            struck: Struck::Delivering,
            tamper: None,
            forge: None,
        }
    }

    /// A webhook and its receiver. Ingest keeps its events, dispatch and batch look for it: all of that is struck.
    pub fn of_webhook() -> Self {
        Self {
            remote: Arc::new(Remote::receiver),
            struck: Struck::All,
            ..Self::of(WEBHOOKS)
        }
    }

    /// How the CRM makes sure that a record is there once; nothing for webhooks.
    pub(crate) fn kind(&self) -> Option<Idempotency> {
        let compiled = || hub_connectors::connector(self.crm).and_then(Result::ok);
        let connector = self.connector.clone().or_else(compiled);
        connector.map(|connector| connector.manifest().idempotency)
    }

    /// What deliveries go to.
    pub fn destination(&self) -> Destination {
        Destination::of(self.crm)
    }
}

/// What liveprompt and others did, as the history checker needs it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Events that were accepted, each once.
    pub(crate) accepted: BTreeMap<String, Value>,
    /// What was refused, and how.
    pub(crate) refused: Vec<String>,
    /// Bodies that belong into a dead-letter queue.
    pub(crate) poison: BTreeSet<String>,
}

/// Everything.
pub(crate) struct Lab {
    pub(crate) crm: &'static str,
    pub(crate) destination: Destination,
    pub(crate) world: World,
    pub(crate) seam: Seam,
    pub(crate) remote: Remote,
    pub(crate) sources: Vec<EventSource>,
    pub(crate) changes: StreamSource,
    pub(crate) batch: Handler,
    pub(crate) ingest: Router,
    pub(crate) api: Router,
    pub(crate) oauth: Router,
    /// The connection's id, or the webhook's.
    pub(crate) id: String,
    /// Rung when somebody outside the queues has done something.
    pub(crate) bell: Arc<Notify>,
    /// Whether the CRM gives no way to tell if a write was made.
    pub(crate) may_park: bool,
    told: Mutex<Told>,
    settings: Settings,
}

impl Lab {
    /// A fresh one with a destination in use, before anything is counted.
    pub(crate) async fn new(setup: &Setup, seed: u64, weather: Weather) -> Self {
        let crm = setup.crm;
        let bell = Arc::new(Notify::new());
        let seam = Seam::new(bell.clone(), setup.tamper.clone(), setup.forge.clone());
        let may_park = setup.kind() == Some(Idempotency::None);
        let connectors = registry(setup.connector.clone().map(|connector| (crm, connector)));
        let between: Arc<dyn Between> = Arc::new(seam.clone());
        let world = World::behind(seed, connectors, Some(between)).await;
        // The same whatever the seed, so that all runs leave the same ids of what was there before.
        let remote = (setup.remote)(&world, 1);
        let settings = Settings {
            base_urls: BTreeMap::from([(crm.to_owned(), remote.base_url())]),
            egress_allow: vec![remote.address()],
            ..World::settings()
        };
        let hub = |identity: &str| world.hub_with(identity, remote.transport(), settings.clone());
        let events = mortal(
            &seam,
            "dispatch",
            weather,
            lambda(hub_dispatch::handler(
                hub("dispatch"),
                World::event_senders(),
            )),
        );
        let deliver = hub_deliver::handler(hub("deliver"), crm.parse().expect("a CRM's name"));
        let deliver = mortal(&seam, "deliver", weather, lambda(deliver));
        let mut sources = vec![source("hub-events", events)];
        for kind in ["live", "bulk"] {
            sources.push(source(&format!("hub-{crm}-{kind}"), deliver.clone()));
        }
        let batch = mortal(
            &seam,
            "batch",
            Weather::default(),
            jobs(hub_batch::handler(
                hub("batch"),
                World::dead_letter_senders(),
            )),
        );
        world.aws.queues_unruly(weather.unruly);
        let identity = World::identity();
        let mut lab = Self {
            crm,
            destination: setup.destination(),
            seam,
            sources,
            changes: World::stream(batch.clone()),
            batch,
            ingest: hub_ingest::router(hub(INGEST)),
            api: hub_api::router(hub("api"), identity.clone()),
            oauth: hub_oauth::router(hub("oauth"), identity, PUBLIC_URL.to_owned()),
            id: String::new(),
            may_park,
            bell,
            told: Mutex::default(),
            settings,
            remote,
            world,
        };
        // A plan that counts syncs, so that the counting is on the way too.
        lab.world.subscribe(ORG, "starter").await;
        lab.remote.register(&lab.world, crm).await;
        lab.id = lab.connect().await;
        lab
    }

    /// A hub for looking into things.
    pub(crate) fn hub(&self, identity: &str) -> Hub {
        let (transport, settings) = (self.remote.transport(), self.settings.clone());
        self.world.hub_with(identity, transport, settings)
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Notes what somebody did.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was done.
    pub(crate) fn told<T>(&self, read: impl FnOnce(&Told) -> T) -> T {
        read(&self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a message into a queue, as `identity`.
    pub(crate) async fn put(
        &self,
        identity: &str,
        queue: &str,
        body: String,
        attributes: BTreeMap<String, String>,
    ) {
        let message = hub_aws::Outgoing {
            body,
            attributes,
            ..hub_aws::Outgoing::default()
        };
        let sent = self.hub(identity).queues().send(queue, message).await;
        sent.expect("a message sent");
    }

    /// One HTTP request to ingest, as API Gateway passes it on. `None`: nobody heard the answer.
    pub(crate) async fn post_events(&self, body: String) -> Option<hub_world::Reply> {
        let mut request = http::Request::post("/api/events");
        for (name, value) in self.world.sign(body.as_bytes()) {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(body)).expect("a request");
        let work = async {
            let reply = hub_world::ask(&self.ingest, request).await;
            self.seam.answer("ingest", "http").await;
            reply
        };
        match invocation(work, Duration::from_secs(30)).await {
            Ended::With(reply) => Some(reply),
            Ended::Dead => None,
        }
    }
}

fn source(queue: &str, handler: Handler) -> EventSource {
    EventSource {
        queue: queue.to_owned(),
        batch_size: 10,
        max_concurrency: 1,
        handler,
    }
}

/// A function whose workers can die. A death is to Lambda what an error is: the batch comes again. In some
/// weather a batch is brought to a second worker too, whose answer nobody hears.
fn mortal(seam: &Seam, function: &'static str, weather: Weather, handler: Handler) -> Handler {
    let seam = seam.clone();
    let chance = Mutex::new(Chance::new(weather.seed));
    Arc::new(move |event| {
        let early = {
            let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
            let is_early = chance.hits(u64::from(weather.early_per_mille));
            is_early.then(|| Duration::from_millis(chance.below(20_000)))
        };
        let worker = |event: Value| {
            let (seam, work) = (seam.clone(), handler(event));
            let work = async move {
                let answer = work.await;
                seam.answer(function, "lambda").await;
                answer
            };
            async move {
                match invocation(work, FUNCTION_TIMEOUT).await {
                    Ended::With(answer) => answer,
                    Ended::Dead => Err("the worker died".to_owned()),
                }
            }
        };
        let second = early.map(|wait| (wait, worker(event.clone())));
        let first = worker(event);
        Box::pin(async move {
            let second = async move {
                if let Some((wait, second)) = second {
                    tokio::time::sleep(wait).await;
                    drop(second.await);
                }
            };
            futures_util::future::join(first, second).await.0
        })
    })
}
