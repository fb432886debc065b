//! What a sample refers to: made in the store and at the CRM, by the engine's own use cases.
//!
//! Everything here may be done again: events are the same by id and body, a connection in use is
//! used again.

mod hook;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hub_connectors::Manifest;
use hub_domain::{
    Connection, ConnectionState, CrmId, DeliveryId, EventId, OrganizationId, QueueMessage,
    SessionId,
};
use hub_engine::{
    CRMS, Hub,
    connect::{self, Callback},
    connections::{self, NewConnection},
    deliver,
    identity::{Caller, Role},
    ingest, transport, webhook,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    SampleError,
    browser::way_back,
    sample::{Sample, Signature, Values, payload, payloads},
};

/// The organization's beginning.
const ORGANIZATION: &str = "organization.changed.json";
/// What the delivery of `{{delivery-id}}` delivers.
const DELIVERED: &str = "session.completed.call.json";
/// As long as the function has.
const TIME: Duration = Duration::from_mins(2);
/// The placeholder of a webhook.
const HOOK_ID: &str = "hook-id";

/// Makes what samples refer to.
pub struct Seeder {
    /// A hub that may do everything and reaches CRMs and issuer. The queues should know it as
    /// ingest: dispatch believes no other's references.
    pub hub: Hub,
    /// Where CRMs send browsers back to.
    pub public_url: String,
    /// Where the fake CRMs are, each with its `/__sandbox/credentials`.
    pub crm_urls: BTreeMap<&'static str, String>,
    /// An issuer that gives a token to anybody, at `/token`.
    pub issuer_url: String,
    /// The identity of ingest.
    pub ingest_sender: String,
}

/// An authorization that a person has just allowed.
struct Allowed {
    code: String,
    state: String,
    cookie: String,
}

impl Seeder {
    /// The sample as Lambda hands it over, signed now, with what it refers to in store and CRM.
    ///
    /// # Errors
    /// A placeholder is unknown, or something could not be made.
    pub async fn event(&self, sample: &Sample) -> Result<Value, SampleError> {
        let values = self.values(sample).await?;
        let platform = self.hub.vault().platform().await;
        let platform = platform.map_err(|error| {
            SampleError::Unfit(format!("the platform's secret cannot be read: {error}"))
        })?;
        sample.fill(&values, |body| {
            let id = format!("msg_{:016x}", self.hub.entropy().u64());
            let now = self.hub.clock().now().as_second();
            let signature = webhook::sign(body, &id, now, &platform.webhook.current)?;
            Some(Signature {
                id,
                timestamp: now.to_string(),
                signature,
            })
        })
    }

    /// A connection of the sample organization that is in use: the one there is, or a new one.
    ///
    /// # Errors
    /// It could not be made.
    pub async fn connection(&self, crm: &str) -> Result<String, SampleError> {
        self.accept(&[payload(ORGANIZATION)?]).await?;
        let caller = self.admin()?;
        let known = connections::list(&self.hub, &caller).await;
        let known = known.map_err(engine("reading the connections"))?;
        let in_use = |connection: &&Connection| {
            connection.crm.as_str() == crm
                && connection.takes_events()
                && connection.state == ConnectionState::Active
        };
        if let Some(connection) = known.iter().find(in_use) {
            return Ok(connection.id.to_string());
        }
        let manifest = self.hub.registry().manifest(&crm_id(crm)?);
        let manifest = manifest
            .and_then(Result::ok)
            .ok_or_else(|| SampleError::Unfit(format!("{crm} has no manifest")))?;
        let credentials = self.credentials(crm).await?;
        let new = new_connection(&manifest, crm, &format!("Sample {crm}"), &credentials);
        let by_key = new.get("api_key").is_some();
        let new = NewConnection::read(&self.hub, &new)
            .map_err(|faults| SampleError::Unfit(format!("no connection of {crm}: {faults}")))?;
        let made = connections::create(&self.hub, &caller, new).await;
        let id = made.map_err(engine("creating a connection"))?.id;
        if !by_key {
            let allowed = self.allowed(crm, id.as_str()).await?;
            let callback = Callback {
                code: Some(allowed.code),
                state: Some(allowed.state),
                ..Callback::default()
            };
            connect::finish(&self.hub, &crm_id(crm)?, &callback, Some(&allowed.cookie))
                .await
                .map_err(engine("authorizing a connection"))?;
        }
        connections::approve(&self.hub, &caller, &id)
            .await
            .map_err(engine("approving a connection"))?;
        Ok(id.to_string())
    }

    /// Who the samples' admin is.
    ///
    /// # Errors
    /// The sample organization has no id.
    pub fn admin(&self) -> Result<Caller, SampleError> {
        Ok(Caller {
            organization: id_of(&payload(ORGANIZATION)?, "/organizationId")?,
            role: Role::Admin,
            subject: "admin@seller.example".to_owned(),
            email: None,
        })
    }

    /// Makes what a sample refers to, and says what its placeholders stand for.
    async fn values(&self, sample: &Sample) -> Result<Values, SampleError> {
        let names = sample.placeholders();
        let needs_nobody = names.is_empty() || names.contains(&format!("payloads/{ORGANIZATION}"));
        if !needs_nobody {
            self.accept(&[payload(ORGANIZATION)?]).await?;
        }
        if names.contains(HOOK_ID) {
            // Of an event that webhooks get, more is kept than of others: so it is there before the event comes.
            self.webhook().await?;
        }
        self.accept_what_records_name(sample).await?;
        let crm = sample.crm().or(CRMS.first().copied()).unwrap_or_default();
        let mut values = Values::new();
        for name in names {
            let value = match name.as_str() {
                "sent-at-ms" => self.hub.clock().now().as_millisecond().to_string(),
                "ingest-sender" => self.ingest_sender.clone(),
                "bearer" => self.bearer().await?,
                "connection-id" => self.connection(crm).await?,
                "delivery-id" => self.delivery(crm).await?,
                HOOK_ID => self.webhook().await?,
                "code" | "state" | "cookie" => {
                    if !values.contains_key("code") {
                        let connection = self.connection(crm).await?;
                        let allowed = self.allowed(crm, &connection).await?;
                        values.insert("code".to_owned(), allowed.code);
                        values.insert("state".to_owned(), allowed.state);
                        values.insert("cookie".to_owned(), allowed.cookie);
                    }
                    continue;
                }
                // The sample fills these itself, or says that nobody knows them.
                _ => continue,
            };
            values.insert(name, value);
        }
        Ok(values)
    }

    /// Stores the sessions that the records of a batch name, and connects every CRM where the batch
    /// itself names no connection and no webhook: otherwise dispatch would have nobody to write to.
    async fn accept_what_records_name(&self, sample: &Sample) -> Result<(), SampleError> {
        if sample.records().is_empty() {
            return Ok(());
        }
        let known = payloads()?;
        let mut named = Vec::new();
        for record in sample.records() {
            let body = record.get("body").and_then(Value::as_str);
            let body: Option<Value> = body.and_then(|body| serde_json::from_str(body).ok());
            let event = body.as_ref().and_then(|body| body.get("event"));
            let Some(event) = event else { continue };
            let found = known
                .values()
                .find(|payload| payload.get("id") == Some(event));
            named.push(found.cloned().ok_or_else(|| {
                SampleError::Unfit(format!(
                    "{}: no file of events/payloads is {event}",
                    sample.file()
                ))
            })?);
        }
        self.accept(&named).await?;
        let placeholders = sample.placeholders();
        if !placeholders.contains("connection-id") && !placeholders.contains(HOOK_ID) {
            for crm in CRMS {
                self.connection(crm).await?;
            }
        }
        Ok(())
    }

    async fn accept(&self, events: &[Value]) -> Result<(), SampleError> {
        for result in ingest::accept(&self.hub, events).await {
            result.outcome.map_err(|failure| {
                let id = result.id.map(|id| id.to_string()).unwrap_or_default();
                SampleError::Unfit(format!("the event {id} was not accepted: {failure:?}"))
            })?;
        }
        Ok(())
    }

    /// A delivery of a connection in use: the one there is, or one made now.
    async fn delivery(&self, crm: &str) -> Result<String, SampleError> {
        let event = payload(DELIVERED)?;
        self.accept(std::slice::from_ref(&event)).await?;
        let organization: OrganizationId = id_of(&event, "/organizationId")?;
        let session: SessionId = id_of(&event, "/payload/sessionId")?;
        let event: EventId = id_of(&event, "/id")?;
        let connection = self.connection(crm).await?;
        let connection = connection
            .parse()
            .map_err(|_| SampleError::Unfit("a connection's id is none".to_owned()))?;
        let id = DeliveryId::of(&connection, &session);
        let there = async || {
            let found = self.hub.store().delivery(&organization, &id).await;
            found.map_err(|error| SampleError::Unfit(format!("no look at the ledger: {error}")))
        };
        if there().await?.is_none() {
            let body = json!({
                "v": 1, "organization": organization, "connection": connection,
                "session": session, "event": event, "revision": 1,
            });
            let message = QueueMessage {
                id: "sample".to_owned(),
                receipt: "sample".to_owned(),
                body: body.to_string(),
                receives: 1,
                source: format!("{crm}-live"),
                ..QueueMessage::default()
            };
            deliver::deliver(&self.hub, &crm_id(crm)?, vec![message], TIME).await;
        }
        match there().await? {
            Some(_) => Ok(id.to_string()),
            None => Err(SampleError::Unfit(format!(
                "nothing was delivered to {crm}"
            ))),
        }
    }

    /// The admin's `Authorization`.
    async fn bearer(&self) -> Result<String, SampleError> {
        let caller = self.admin()?;
        let mut url = url(&format!("{}/token", self.issuer_url))?;
        url.query_pairs_mut()
            .append_pair("org", caller.organization.as_str())
            .append_pair("role", "admin")
            .append_pair("sub", &caller.subject);
        let answer = self.get(&url, "the issuer").await?;
        let answer: Option<Value> = serde_json::from_slice(answer.body()).ok();
        let token = answer
            .as_ref()
            .and_then(|answer| answer.get("access_token"));
        let token = token.and_then(Value::as_str);
        token
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| SampleError::Unfit("the issuer gave no token".to_owned()))
    }

    /// What the fake CRM says of its applications and keys.
    async fn credentials(&self, crm: &str) -> Result<Value, SampleError> {
        let base = self.crm_urls.get(crm);
        let base = base.ok_or_else(|| SampleError::Unfit(format!("no fake of {crm} runs")))?;
        let address = url(&format!("{base}/__sandbox/credentials"))?;
        let answer = self.get(&address, crm).await?;
        serde_json::from_slice(answer.body())
            .map_err(|_| SampleError::Unfit(format!("{crm} has no credentials")))
    }

    /// Begins an authorization, and says yes at the CRM's consent page.
    async fn allowed(&self, crm: &str, connection: &str) -> Result<Allowed, SampleError> {
        let id = connection
            .parse()
            .map_err(|_| SampleError::Unfit("a connection's id is none".to_owned()))?;
        let (admin, crm_id) = (self.admin()?, crm_id(crm)?);
        let begun = connect::begin(&self.hub, &admin, &crm_id, &id, &self.public_url)
            .await
            .map_err(engine("beginning an authorization"))?;
        let mut consent = begun.authorize_url;
        consent
            .query_pairs_mut()
            .append_pair("__sandbox_consent", "allow");
        let answer = self.get(&consent, crm).await?;
        let mut back = way_back(&answer);
        match (back.remove("code"), back.remove("state")) {
            (Some(code), Some(state)) => Ok(Allowed {
                code,
                state,
                cookie: begun.cookie,
            }),
            _ => Err(SampleError::Unfit(format!(
                "{crm} did not send the browser back with a code; it answered {}",
                answer.status()
            ))),
        }
    }

    async fn get(&self, url: &Url, whom: &str) -> Result<Response<Bytes>, SampleError> {
        self.send(Request::get(url.as_str()), Bytes::new(), whom)
            .await
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Bytes,
        whom: &str,
    ) -> Result<Response<Bytes>, SampleError> {
        let request = request
            .body(body)
            .map_err(|error| SampleError::Unfit(format!("{whom} has no address: {error}")))?;
        let answer = transport::send(self.hub.transport(), request).await;
        answer.map_err(|source| SampleError::NoAnswer {
            whom: whom.to_owned(),
            source,
        })
    }
}

/// What creates a connection at a fake CRM: what it [cannot be made without](required), and the fake's key, where
/// the CRM has keys alone.
#[must_use]
pub fn new_connection(manifest: &Manifest, crm: &str, name: &str, credentials: &Value) -> Value {
    let settings = required(manifest);
    match manifest.oauth {
        Some(_) => json!({ "crm": crm, "name": name, "settings": settings }),
        None => json!({ "crm": crm, "name": name, "settings": settings,
            "method": "api_key", "api_key": credentials.get("api_key") }),
    }
}

/// The settings that a connection cannot be made without: the manifest's examples, which the fakes know.
#[must_use]
pub fn required(manifest: &Manifest) -> serde_json::Map<String, Value> {
    let required = manifest.settings.iter();
    required
        .filter(|(_, setting)| setting.required)
        .map(|(name, setting)| (name.clone(), json!(setting.default)))
        .collect()
}

fn engine(doing: &'static str) -> impl Fn(hub_engine::EngineError) -> SampleError {
    move |source| SampleError::Engine { doing, source }
}

fn url(text: &str) -> Result<Url, SampleError> {
    Url::parse(text).map_err(|error| SampleError::Unfit(format!("{text} is no address: {error}")))
}

fn crm_id(crm: &str) -> Result<CrmId, SampleError> {
    crm.parse()
        .map_err(|_| SampleError::Unfit(format!("{crm} is no CRM")))
}

/// An id within a payload.
fn id_of<T: std::str::FromStr>(payload: &Value, pointer: &str) -> Result<T, SampleError> {
    let text = payload.pointer(pointer).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| SampleError::Unfit(format!("a payload has no id at {pointer}")))
}
