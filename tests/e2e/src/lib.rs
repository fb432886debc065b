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

mod looking;
mod wiring;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use hub_domain::Timestamp;
use hub_engine::Hub;
use hub_local::lambda::lambda;
use hub_local_aws::EventSource;
use hub_sandbox::Sandbox;
use hub_world::{INGEST, Reply, World, ask};
use serde_json::{Value, json};

use crate::wiring::{function, register, source};

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
    sources: Vec<EventSource>,
    ingest: Router,
    api: Router,
    oauth: Router,
}

impl Machine {
    /// A fresh machine with one organization and no connection.
    pub async fn new(seed: u64) -> Self {
        Self::of(CRM, seed).await
    }

    /// The same with another CRM of the registry.
    pub async fn of(crm: &'static str, seed: u64) -> Self {
        let world = World::new(seed).await;
        let base_url = format!("http://127.0.0.1:{}", Sandbox::default_port(crm));
        let clock = world.clock.clone();
        let sandbox =
            Sandbox::new(crm, &base_url, Arc::new(move || clock.now()), seed).expect("a sandbox");
        let callback = format!("{}/api/integrations/{crm}/callback", hub_world::PUBLIC_URL);
        sandbox
            .set(&json!({ "redirect_uris": [callback] }))
            .expect("the sandbox's settings");
        let hub = |identity: &str| function(crm, &world, &sandbox, identity);
        register(crm, &hub("operator"), &sandbox).await;
        let identity = World::identity();
        let deliver = hub_deliver::handler(hub("deliver"), crm.parse().expect("a CRM"));
        let sources = vec![
            source(
                "hub-events".to_owned(),
                lambda(hub_dispatch::handler(hub("dispatch"), INGEST.to_owned())),
            ),
            source(format!("hub-{crm}-live"), lambda(deliver.clone())),
            source(format!("hub-{crm}-bulk"), lambda(deliver)),
        ];
        let ingest = hub_ingest::router(hub(INGEST));
        let api = hub_api::router(hub("api"), identity.clone());
        let oauth = hub_oauth::router(hub("oauth"), identity, hub_world::PUBLIC_URL.to_owned());
        world.organization(ORG).await;
        Self {
            crm,
            world,
            sandbox,
            sources,
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
        function(self.crm, &self.world, &self.sandbox, identity)
    }

    /// Creates, authorizes and approves a connection, as an admin does.
    pub async fn connect(&self, organization: &str, settings: Value) -> String {
        let id = self.create(organization, settings).await;
        self.authorize(organization, &id).await;
        let approved = self
            .api(
                organization,
                Method::POST,
                &format!("/api/integrations/crm/{id}/approve"),
                None,
            )
            .await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
        id
    }

    /// Creates a connection.
    pub async fn create(&self, organization: &str, settings: Value) -> String {
        let new = json!({ "crm": self.crm, "name": "Story", "settings": settings });
        let created = self
            .api(
                organization,
                Method::POST,
                "/api/integrations/crm",
                Some(&new),
            )
            .await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        created.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Goes through the CRM's consent page and back.
    pub async fn authorize(&self, organization: &str, connection: &str) {
        let begun = self.begin(organization, connection).await;
        let cookie = begun
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let authorize = begun.json()["authorize_url"]
            .as_str()
            .expect("an address")
            .to_owned();
        let back = self.consent(&authorize).await;
        let done = self.call_back(&back, &cookie).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }

    /// `POST …/connect`.
    pub async fn begin(&self, organization: &str, connection: &str) -> Reply {
        let body = json!({ "connection_id": connection });
        let begun = self
            .send_to(
                &self.oauth,
                organization,
                Method::POST,
                &format!("/api/integrations/{}/connect", self.crm),
                Some(&body),
            )
            .await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        begun
    }

    /// The person says yes; where the CRM sends the browser.
    pub async fn consent(&self, authorize: &str) -> String {
        let request = Request::get(format!("{authorize}&__sandbox_consent=allow"))
            .body(Bytes::new())
            .expect("a request");
        let answer = self.sandbox.handle(request).await.expect("an answer");
        let back = answer.headers().get(header::LOCATION).expect("a redirect");
        back.to_str().expect("an address").to_owned()
    }

    /// The browser comes back.
    pub async fn call_back(&self, address: &str, cookie: &str) -> Reply {
        let path = address
            .strip_prefix(hub_world::PUBLIC_URL)
            .unwrap_or(address);
        let request = Request::get(path)
            .header(header::COOKIE, cookie)
            .body(Bytes::new())
            .expect("a request");
        ask(&self.oauth, request).await
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
        self.send_to(&self.api, organization, method, path, body)
            .await
    }

    async fn send_to(
        &self,
        router: &Router,
        organization: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let bearer = self
            .world
            .bearer(organization, "admin", "ada@seller.example");
        Self::send_as(router, &bearer, method, path, body).await
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
        Self::send_as(router, bearer, method, path, body).await
    }

    async fn send_as(
        router: &Router,
        bearer: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, bearer.parse().expect("a header"));
        headers.insert(
            header::CONTENT_TYPE,
            "application/json".parse().expect("a header"),
        );
        let body = body
            .map(|body| Bytes::from(body.to_string()))
            .unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(body)
            .expect("a request");
        *request.headers_mut() = headers;
        ask(router, request).await
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
