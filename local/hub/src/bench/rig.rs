//! A hub on one thread: the functions' own routers and handlers over the embedded AWS and the fake CRMs,
//! without a socket. Time stands still until somebody moves it, so every count comes out the same again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use axum::Router;
use bytes::Bytes;
use http::{Request, StatusCode};
use hub_connectors::{CRMS, WEBHOOKS, destinations};
use hub_domain::{Connection, ConnectionId, CrmId, ledger::LedgerEntry};
use hub_engine::{
    Clock, Entropy, Hub, Transport,
    connect::{self, Callback},
    connections::{self, NewConnection},
    deliveries::{self, DeliveryFilter},
    dispatch::Senders,
    identity::{Caller, Role},
    webhook,
    webhooks::{self, NewWebhook, WithSecret},
};
use hub_local_aws::{ENDPOINT, EventSource, LocalAws, StreamSource};
use hub_samples::{new_connection, way_back};
use hub_sandbox::Sandbox;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use super::{spent::Spent, wire::Wire};
use crate::{
    addresses::{self, Addresses, DISPATCH, INGEST, PREFIX, TABLE},
    batch::dead_letter_senders,
    found::RECEIVER,
    lambda::{jobs, lambda},
    surroundings,
};

/// When a rig begins.
const START: &str = "2026-11-20T12:00:00Z";
/// What liveprompt signs with here; the rig has no other user.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How long functions go on with what they know of an organization's webhooks, and a second.
const KNOWN_AFTER_MS: i64 = 31_000;
/// Changes in one event of the stream, as in the template.
const CHANGES: usize = 100;
/// Messages in a batch, as in the template.
pub(crate) const BATCH: usize = 10;
/// Where callbacks lead: to nobody, since the rig takes them itself.
const HUB_URL: &str = "http://127.0.0.1:3000";

/// The time of a rig: tokio's, which is paused and passes only where everything waits for it.
#[derive(Debug, Clone)]
pub(crate) struct Time(Clock);

impl Time {
    /// In milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.0.now().as_millisecond()
    }

    pub(crate) async fn pass(&self, ms: i64) {
        tokio::time::sleep(Duration::from_millis(ms.max(0).unsigned_abs())).await;
    }

    /// Goes to a moment, unless it has passed already.
    pub(crate) async fn go_to(&self, ms: i64) {
        self.pass(ms - self.now_ms()).await;
    }
}

/// The whole of it.
pub(crate) struct Rig {
    pub(crate) aws: LocalAws,
    pub(crate) time: Time,
    pub(crate) wire: Wire,
    /// For looking into things, with an identity that no function has.
    pub(crate) hub: Hub,
    /// Whose references dispatch believes.
    pub(crate) as_ingest: Hub,
    pub(crate) dispatch: EventSource,
    pub(crate) deliver: BTreeMap<&'static str, EventSource>,
    changes: StreamSource,
    ingest: Router,
    secret: SecretString,
    requests: AtomicUsize,
    clock: hub_local_aws::Clock,
    /// Of the account that was opened last.
    seeds: AtomicU64,
}

impl Rig {
    /// A fresh one, with all CRMs of the registry and no organization.
    pub(crate) async fn new(seed: u64) -> anyhow::Result<Self> {
        let clock = Clock::paused(START.parse()?);
        let time = Time(clock.clone());
        let theirs = clock.clone();
        let local_clock: hub_local_aws::Clock = Arc::new(move || theirs.now());
        let entropy = Entropy::seeded(seed);
        let aws = LocalAws::with_seed(local_clock.clone(), seed)?;
        let mut addresses = Addresses {
            hub: HUB_URL.to_owned(),
            issuer: "http://127.0.0.1:4100".to_owned(),
            aws: ENDPOINT.to_owned(),
            crms: BTreeMap::new(),
        };
        let mut sandboxes = BTreeMap::new();
        for crm in CRMS {
            let url = url(crm);
            sandboxes.insert(*crm, account(crm, &url, &local_clock, seed)?);
            addresses.crms.insert(crm, url);
        }
        addresses.crms.insert(WEBHOOKS, url(RECEIVER));
        let wire = Wire::new(&addresses);
        let transport: Transport = wire.transport();
        let hub = |name: &str| {
            surroundings::function(&aws, &addresses, &transport, &clock, &entropy, name)
        };
        let secret = SecretString::from(WEBHOOK_SECRET);
        let operator = hub("operator");
        surroundings::set_up(&operator, &sandboxes, &secret).await?;
        let mut deliver = BTreeMap::new();
        for crm in destinations() {
            let id: CrmId = crm.parse()?;
            let handler = lambda(hub_deliver::handler(hub("deliver"), id));
            deliver.insert(crm, source(&format!("{crm}-live"), handler));
        }
        let senders = Senders {
            ingest: INGEST.to_owned(),
            batch: addresses::BATCH.to_owned(),
        };
        let dispatch = lambda(hub_dispatch::handler(hub(DISPATCH), senders));
        let derive = hub_batch::handler(hub(addresses::BATCH), dead_letter_senders());
        let batch = jobs(derive);
        Ok(Self {
            dispatch: source("events", dispatch),
            deliver,
            changes: StreamSource::new(TABLE, CHANGES, batch),
            ingest: hub_ingest::router(hub(INGEST)),
            clock: local_clock,
            seeds: AtomicU64::new(seed),
            as_ingest: hub(INGEST),
            hub: operator,
            aws,
            time,
            wire,
            secret,
            requests: AtomicUsize::new(0),
        })
    }

    /// One whose table has no stream, so that nothing can be derived: what each write would pay for the stream
    /// grows with all the writes before it, at the embedded AWS alone.
    pub(crate) async fn without_stream(seed: u64) -> anyhow::Result<Self> {
        let rig = Self::new(seed).await?;
        rig.aws.end_stream(TABLE)?;
        Ok(rig)
    }

    /// Begins an organization, as liveprompt does.
    pub(crate) async fn organization(&self, id: &str) -> anyhow::Result<()> {
        let event = json!({
            "id": format!("evt_{id}"), "type": "organization.changed", "organizationId": id,
            "timestamp": "2026-11-20T11:00:00Z",
            "payload": { "name": id, "plan": "enterprise", "status": "active" },
        });
        self.ingest(&[event]).await
    }

    /// Whether the hub has what gets a connection another access token.
    pub(crate) async fn refreshes(
        &self,
        organization: &str,
        id: &ConnectionId,
    ) -> anyhow::Result<bool> {
        let credentials = self.hub.vault().credentials(organization).await?;
        if credentials.refresh_tokens.contains_key(id.as_str()) {
            return Ok(true);
        }
        let item = self.hub.store().token(&organization.parse()?, id).await?;
        let Some(item) = item else { return Ok(false) };
        Ok(item.open(&credentials.token_key.ring()?)?.refresh.is_some())
    }

    /// liveprompt sends events in one request, and all of them must be accepted.
    pub(crate) async fn ingest(&self, events: &[Value]) -> anyhow::Result<()> {
        let body = match events {
            [one] => one.to_string(),
            several => Value::from(several).to_string(),
        };
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (id, at) = (format!("msg_{number}"), self.time.now_ms() / 1_000);
        let signature = webhook::sign(body.as_bytes(), &id, at, &self.secret)
            .context("the webhook secret cannot sign")?;
        let request = Request::post("/api/events")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(axum::body::Body::from(body))?;
        let answer = self.ingest.clone().oneshot(request).await?;
        ensure!(
            answer.status() == StatusCode::ACCEPTED,
            "the events were not accepted: {}",
            answer.status()
        );
        Ok(())
    }

    /// Connects a fresh account of a CRM as an admin does: creates, goes through the CRM's consent page,
    /// approves. The application is the account's own, as a customer may bring one.
    pub(crate) async fn connect(
        &self,
        organization: &str,
        crm: &'static str,
    ) -> anyhow::Result<ConnectionId> {
        let caller = admin(organization)?;
        let crm_id: CrmId = crm.parse()?;
        let seed = self.seeds.fetch_add(1, Ordering::Relaxed) + 1;
        let account = account(crm, &url(crm), &self.clock, seed)?;
        self.wire.open(crm, &account);
        let shown = account.credentials();
        let manifest = hub_connectors::manifest(crm).context("no such CRM")??;
        let mut new = new_connection(&manifest, crm, &format!("Bench {crm}"), &shown);
        let by_key = new.get("api_key").is_some();
        if let Some(new) = new.as_object_mut().filter(|_| !by_key) {
            let client =
                json!({ "id": shown.get("client_id"), "secret": shown.get("client_secret") });
            new.insert("client".to_owned(), client);
        }
        let new =
            NewConnection::read(&self.hub, &new).map_err(|faults| anyhow::anyhow!("{faults}"))?;
        let Connection { id, .. } = connections::create(&self.hub, &caller, new).await?;
        if !by_key {
            let begun = connect::begin(&self.hub, &caller, &crm_id, &id, HUB_URL).await?;
            let callback = consent(&account, begun.authorize_url).await?;
            connect::finish(&self.hub, &crm_id, &callback, Some(&begun.cookie)).await?;
        }
        connections::approve(&self.hub, &caller, &id).await?;
        Ok(id)
    }

    /// Makes a webhook that takes sessions, at a receiver of its own.
    pub(crate) async fn hook(&self, organization: &str) -> anyhow::Result<()> {
        let caller = admin(organization)?;
        let address = url(RECEIVER);
        let receiver = account(RECEIVER, &address, &self.clock, 1)?;
        self.wire.open(WEBHOOKS, &receiver);
        let new = json!({
            "name": "Bench", "url": format!("{address}/events"), "events": ["session.completed"],
        });
        let new = NewWebhook::read(&self.hub, &new);
        let new = new.map_err(|faults| anyhow::anyhow!("{faults}"))?;
        let WithSecret { secret, .. } = webhooks::create(&self.hub, &caller, new).await?;
        receiver
            .set(&json!({ "secrets": [secret.expose_secret()] }))
            .map_err(|error| anyhow::anyhow!("{RECEIVER}: {error}"))?;
        // Functions that knew the organization before know of it by then.
        self.time.pass(KNOWN_AFTER_MS).await;
        Ok(())
    }

    /// dispatch works until the queue of events is empty.
    pub(crate) async fn dispatch(&self) {
        while self.aws.poll_once(&self.dispatch).await > 0 {}
    }

    /// One batch of a CRM. Returns how many messages it had.
    pub(crate) async fn deliver_once(&self, crm: &str) -> anyhow::Result<usize> {
        let source = self.deliver.get(crm).context("no such CRM")?;
        Ok(self.aws.poll_once(source).await)
    }

    /// deliver works until the queue of a CRM is empty; time passes where all of it waits.
    pub(crate) async fn deliver(&self, crm: &str) -> anyhow::Result<()> {
        let source = self.deliver.get(crm).context("no such CRM")?;
        loop {
            while self.aws.poll_once(source).await > 0 {}
            match self.aws.next_due(&source.queue) {
                Some(due) => self.time.go_to(due.as_millisecond()).await,
                None => return Ok(()),
            }
        }
    }

    /// batch works until it has seen all changes.
    pub(crate) async fn derive(&self) -> anyhow::Result<()> {
        while self.aws.stream_once(&self.changes).await?.changes > 0 {}
        Ok(())
    }

    /// Does something and says what it spent.
    pub(crate) async fn spent<T>(&self, work: impl Future<Output = T>) -> (T, Spent) {
        self.aws.reset_counts();
        let before = self.wire.calls();
        let done = work.await;
        let spent = Spent::of(&self.aws.counts(), self.wire.calls().since(before));
        (done, spent)
    }

    /// All deliveries of an organization.
    pub(crate) async fn deliveries(&self, organization: &str) -> anyhow::Result<Vec<LedgerEntry>> {
        let caller = admin(organization)?;
        let filter = DeliveryFilter::default();
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page = deliveries::list(
                &self.hub,
                &caller,
                &filter,
                cursor.as_deref(),
                deliveries::PAGE,
            )
            .await?;
            found.extend(page.deliveries);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}

/// An admin of an organization.
pub(crate) fn admin(organization: &str) -> anyhow::Result<Caller> {
    Ok(Caller {
        organization: organization.parse()?,
        role: Role::Admin,
        subject: "bench".to_owned(),
        email: None,
    })
}

fn source(queue: &str, handler: hub_local_aws::Handler) -> EventSource {
    EventSource {
        queue: format!("{PREFIX}-{queue}"),
        batch_size: BATCH,
        max_concurrency: 1,
        handler,
    }
}

/// Where a fake CRM is said to be; nothing listens there.
fn url(crm: &str) -> String {
    format!("http://127.0.0.1:{}", Sandbox::default_port(crm))
}

/// A customer's account at a fake CRM.
fn account(
    crm: &str,
    url: &str,
    clock: &hub_local_aws::Clock,
    seed: u64,
) -> anyhow::Result<Sandbox> {
    let sandbox = Sandbox::new(crm, url, clock.clone(), seed)
        .with_context(|| format!("no sandbox for {crm}"))?;
    // The receiver has no login.
    if crm == RECEIVER {
        return Ok(sandbox);
    }
    let callback = format!("{HUB_URL}/api/integrations/{crm}/callback");
    sandbox
        .set(&json!({ "redirect_uris": [callback] }))
        .map_err(|error| anyhow::anyhow!("{crm}: {error}"))?;
    Ok(sandbox)
}

/// The person at the CRM's consent page says yes; what the browser comes back with, be it in an address
/// or in a form.
async fn consent(account: &Sandbox, mut page: Url) -> anyhow::Result<Callback> {
    page.query_pairs_mut()
        .append_pair("__sandbox_consent", "allow");
    let request = Request::get(page.as_str()).body(Bytes::new())?;
    let answer = account.handle(request).await?;
    let pairs = way_back(&answer);
    ensure!(
        !pairs.is_empty(),
        "the CRM did not send the browser back: {}",
        answer.status()
    );
    Ok(serde_json::from_value(json!(pairs))?)
}
