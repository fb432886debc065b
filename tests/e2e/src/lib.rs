//! The whole hub in one process and one thread, over the fake CRM: what the stories are told with.
//!
//! Time is paused: it passes only where the machine waits for something. Each function has a hub
//! and an identity of its own, as it has in AWS.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up is a test that fails"
)]

mod browser;
mod deriving;
mod looking;
mod receiving;
mod vendor;
mod wire;
mod wiring;

pub use hub_world::{address, cookie, fields};
pub use receiving::Hook;
pub use vendor::{address as vendor_address, key_pair, manifest};
pub use wire::{Sent, Wire};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use hub_domain::Timestamp;
use hub_engine::{CRMS, Hub, Settings, WEBHOOKS};
use hub_local::lambda::{jobs, lambda};
use hub_local_aws::{EventSource, Handler, StreamSource};
use hub_sandbox::Sandbox;
use hub_world::{INGEST, Reply, World, ask};
use serde_json::{Value, json};

use crate::wiring::source;

/// The CRM of the stories, where one does not say otherwise.
pub const CRM: &str = "salesforce";
/// The organization of the stories.
pub const ORG: &str = "org_story";

/// Everything.
pub struct Machine {
    /// Which CRM it delivers to.
    pub crm: &'static str,
    /// AWS, time, issuer.
    pub world: World,
    /// The fake CRM.
    pub sandbox: Sandbox,
    /// What passes between the hub and the CRM.
    pub wire: Wire,
    settings: Settings,
    sources: Vec<EventSource>,
    batch: Handler,
    changes: StreamSource,
    ingest: Router,
    api: Router,
    oauth: Router,
}

impl Machine {
    /// A fresh machine with one organization and no connection.
    pub async fn new(seed: u64) -> Self {
        Self::of(CRM, seed).await
    }

    /// The same with another CRM, whose fake is on a port of this machine.
    pub async fn of(crm: &'static str, seed: u64) -> Self {
        let address = format!("127.0.0.1:{}", Sandbox::default_port(crm));
        let base_url = format!("http://{address}");
        let settings = Settings {
            base_urls: BTreeMap::from([(crm.to_owned(), base_url.clone())]),
            egress_allow: vec![address],
            ..World::settings()
        };
        Self::with(crm, &base_url, settings, seed).await
    }

    /// The same with the fake at its vendor's own addresses, under the rules of production.
    pub async fn at(crm: &'static str, seed: u64) -> Self {
        let machine = Self::with(crm, &vendor::address(crm), World::settings(), seed).await;
        if machine.sandbox.settings().get("real_hosts").is_some() {
            machine
                .sandbox
                .set(&json!({ "real_hosts": true }))
                .expect("the sandbox's settings");
        }
        machine
    }

    async fn with(crm: &'static str, base_url: &str, settings: Settings, seed: u64) -> Self {
        let world = World::new(seed).await;
        let clock = world.clock.clone();
        let sandbox =
            Sandbox::new(crm, base_url, Arc::new(move || clock.now()), seed).expect("a sandbox");
        let callback = format!("{}/api/integrations/{crm}/callback", hub_world::PUBLIC_URL);
        sandbox
            .set(&json!({ "redirect_uris": [callback] }))
            .expect("the sandbox's settings");
        let wire = Wire::new(&sandbox, &settings);
        let hub = |identity: &str| world.hub_with(identity, wire.transport(), settings.clone());
        world.register(crm, &sandbox.credentials()).await;
        let identity = World::identity();
        let mut sources = vec![source(
            "hub-events".to_owned(),
            lambda(hub_dispatch::handler(
                hub("dispatch"),
                World::event_senders(),
            )),
        )];
        // A CRM may be connected before anything is delivered to it.
        if CRMS.contains(&crm) {
            let deliver = hub_deliver::handler(hub("deliver"), crm.parse().expect("a CRM"));
            sources.extend(
                ["live", "bulk"]
                    .map(|kind| source(format!("hub-{crm}-{kind}"), lambda(deliver.clone()))),
            );
        }
        let deliver = hub_deliver::handler(hub("deliver"), WEBHOOKS.parse().expect("a name"));
        sources.extend(
            ["live", "bulk"]
                .map(|kind| source(format!("hub-{WEBHOOKS}-{kind}"), lambda(deliver.clone()))),
        );
        let batch = jobs(hub_batch::handler(
            hub("batch"),
            World::dead_letter_senders(),
        ));
        let ingest = hub_ingest::router(hub(INGEST));
        let api = hub_api::router(hub("api"), identity.clone());
        let oauth = hub_oauth::router(hub("oauth"), identity, hub_world::PUBLIC_URL.to_owned());
        world.organization(ORG).await;
        Self {
            crm,
            world,
            sandbox,
            wire,
            settings,
            sources,
            changes: World::stream(batch.clone()),
            batch,
            ingest,
            api,
            oauth,
        }
    }

    /// A fresh machine with one connection in use.
    pub async fn connected(seed: u64) -> (Self, String) {
        let machine = Self::new(seed).await;
        let connection = machine.connect(ORG, json!({})).await;
        (machine, connection)
    }

    /// A hub for looking into things, and for being a worker that dies.
    pub fn hub(&self, identity: &str) -> Hub {
        self.world
            .hub_with(identity, self.wire.transport(), self.settings.clone())
    }

    /// The hub of a function whose clock is wrong by so many minutes.
    pub fn hub_off_by(&self, identity: &str, minutes: i64) -> Hub {
        let right = self.world.clock.clone();
        let wrong = move || {
            let now = right.now().as_millisecond() + minutes * 60_000;
            Timestamp::from_millisecond(now).expect("a time")
        };
        let (way_out, settings) = (self.wire.transport(), self.settings.clone());
        self.world
            .hub_at(identity, way_out, settings, hub_aws::Clock::new(wrong))
    }

    /// Creates a connection with whatever else it is given.
    pub async fn create_by(&self, organization: &str, mut new: Value) -> Reply {
        new["crm"] = json!(self.crm);
        new["name"] = json!("Story");
        let path = "/api/integrations/crm";
        self.api(organization, Method::POST, path, Some(&new)).await
    }

    /// A call that an admin makes of one connection: `""`, or `/approve` and the like.
    pub async fn connection(&self, method: Method, id: &str, what: &str) -> Reply {
        let path = format!("/api/integrations/crm/{id}{what}");
        self.api(ORG, method, &path, None).await
    }

    /// liveprompt sends events over HTTP.
    pub async fn send(&self, events: &Value) -> Reply {
        let body = events.to_string();
        let mut request = Request::post("/api/events");
        for (name, value) in self.world.sign(body.as_bytes()) {
            request = request.header(name, value);
        }
        ask(
            &self.ingest,
            request.body(Bytes::from(body)).expect("a request"),
        )
        .await
    }

    /// liveprompt sends events over HTTP, and they must be accepted.
    pub async fn accept(&self, events: &Value) {
        let reply = self.send(events).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
    }

    /// liveprompt puts a signed event into the queue.
    pub async fn enqueue(&self, events: &Value) {
        let body = events.to_string();
        let attributes = self
            .world
            .sign(body.as_bytes())
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.put("liveprompt", "events", body, attributes).await;
    }

    /// Somebody puts a message into a queue.
    pub async fn put(
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
        self.hub(identity)
            .queues()
            .send(queue, message)
            .await
            .expect("a message sent");
    }

    /// The API, as an admin.
    pub async fn api(
        &self,
        organization: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let bearer = self.admin(organization);
        self.api_as(&bearer, method, path, body).await
    }

    /// The API, as anybody.
    pub async fn api_as(
        &self,
        bearer: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        ask(&self.api, request(method, path, bearer, body)).await
    }

    /// A function of the API, as whoever the bearer says.
    pub async fn call(
        &self,
        function: &str,
        bearer: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let router = match function {
            "ingest" => &self.ingest,
            "oauth" => &self.oauth,
            _ => &self.api,
        };
        ask(router, request(method, path, bearer, body)).await
    }

    /// The `Authorization` of the organization's admin.
    pub fn admin(&self, organization: &str) -> String {
        self.world
            .bearer(organization, "admin", "ada@seller.example")
    }

    /// Works for this long.
    pub async fn work_for(&self, time: Duration) {
        let until = self.world.clock.now().checked_add(time).expect("a time");
        loop {
            self.work_now().await;
            match self.next_due().filter(|due| *due <= until) {
                Some(due) => self.sleep_until(due).await,
                None => break,
            }
        }
        self.sleep_until(until).await;
    }

    /// Works until every queue is empty, up to a day.
    pub async fn work(&self) {
        let until = self
            .world
            .clock
            .now()
            .checked_add(Duration::from_hours(24))
            .expect("a time");
        loop {
            self.work_now().await;
            match self.next_due() {
                Some(due) if due <= until => self.sleep_until(due).await,
                Some(due) => panic!("something waits until {due}: {:?}", self.world.aws.queues()),
                None => return,
            }
        }
    }

    /// Lets dispatch alone work, once.
    pub async fn dispatch(&self) {
        if let Some(events) = self.sources.first() {
            self.world.aws.poll_once(events).await;
        }
    }

    /// Works until nothing is visible.
    async fn work_now(&self) {
        loop {
            let mut received = 0;
            for source in &self.sources {
                received += self.world.aws.poll_once(source).await;
            }
            if received == 0 {
                return;
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.sources
            .iter()
            .filter_map(|source| self.world.aws.next_due(&source.queue))
            .min()
    }

    async fn sleep_until(&self, due: Timestamp) {
        let wait =
            Duration::try_from(due.duration_since(self.world.clock.now())).unwrap_or_default();
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
    }
}

fn request(method: Method, path: &str, bearer: &str, body: Option<&Value>) -> Request<Bytes> {
    let body = body
        .map(|body| Bytes::from(body.to_string()))
        .unwrap_or_default();
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .expect("a request")
}
