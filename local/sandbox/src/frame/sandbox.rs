//! One running fake CRM: it logs, applies the faults that strike, and lets the CRM answer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Crm, Fault, FaultError, Setup};
use super::{control, faults};

/// Where the sandbox reads the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The connection broke: what a caller sees as a transport error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed without an answer")]
pub struct Dropped;

/// How a connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It is closed.
    #[error("the connection was closed without an answer")]
    Closed,
    /// It is reset: the caller hears that its bytes went nowhere.
    #[error("the connection was reset")]
    Reset,
}

/// The time between two bytes of an answer, beside the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drip(pub(super) Duration);

/// How long a hanging caller is left without an answer, unless the fault says so.
const HANG_S: u64 = 600;

/// One request as it arrived, control endpoints excepted.
#[derive(Debug, Clone, Serialize)]
pub struct LoggedRequest {
    /// Its method.
    pub method: String,
    /// Path and query as sent.
    pub path_and_query: String,
    /// What was answered; none while it is being worked on, and none when the connection was
    /// dropped.
    pub status: Option<u16>,
    /// When it arrived.
    pub at: Timestamp,
}

/// One fake CRM. Clones share the same state.
#[derive(Clone)]
pub struct Sandbox {
    core: Arc<Mutex<Core>>,
    clock: Clock,
}

struct Core {
    setup: Setup,
    build: fn(&Setup) -> Box<dyn Crm>,
    crm: Box<dyn Crm>,
    faults: Vec<Fault>,
    log: VecDeque<LoggedRequest>,
    calls: u64,
}

/// A long development run should not eat the machine: older entries of the log are forgotten.
const LOG_LENGTH: usize = 100_000;

impl Sandbox {
    /// A fake CRM by its name in the registry; `None` when there is none of that name. The base URL
    /// goes into the answers (`instance_url` and the like), so it has to be the one callers use.
    pub fn new(crm: &str, base_url: &str, clock: Clock, seed: u64) -> Option<Self> {
        let (_, _, build) = crate::REGISTRY.iter().find(|(name, _, _)| *name == crm)?;
        let setup = Setup {
            base_url: base_url.trim_end_matches('/').to_owned(),
            seed,
            started: clock(),
        };
        let core = Core {
            crm: build(&setup),
            setup,
            build: *build,
            faults: Vec::new(),
            log: VecDeque::new(),
            calls: 0,
        };
        Some(Self {
            core: Arc::new(Mutex::new(core)),
            clock,
        })
    }

    /// The names of all fake CRMs there are.
    pub fn crms() -> &'static [&'static str] {
        crate::NAMES
    }

    /// The port a CRM has on a developer's machine; 0 for an unknown one.
    pub fn default_port(crm: &str) -> u16 {
        crate::REGISTRY
            .iter()
            .find(|(name, _, _)| *name == crm)
            .map_or(0, |(_, port, _)| *port)
    }

    /// Answers one request as the CRM would, or breaks the connection.
    ///
    /// # Errors
    /// `Dropped` when a fault says so: before anything happened, or after it was applied.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let answer = self.outcome(request).await.map_err(|_| Dropped)?;
        // Whole, because it is a value, and as late as its last byte would be.
        if let Some(Drip(each)) = answer.extensions().get().copied() {
            let bytes = u32::try_from(answer.body().len()).unwrap_or(u32::MAX);
            tokio::time::sleep(each.saturating_mul(bytes)).await;
        }
        Ok(answer)
    }

    /// The same for whoever can let an answer drip and reset a connection.
    pub(super) async fn outcome(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        if request.uri().path().starts_with(control::PREFIX) {
            return Ok(control::answer(self, &request));
        }
        let now = (self.clock)();
        let (number, faults) = self.lock().admit(&request, now);
        let delay: u64 = faults
            .iter()
            .filter(|f| f.name == "delay")
            .filter_map(|f| f.integer("ms"))
            .sum();
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let answer = self
            .lock()
            .finish(&request, number, &faults, (self.clock)());
        if let Some(fault) = faults.iter().find(|fault| fault.name == "hang") {
            let seconds = fault.integer("seconds").unwrap_or(HANG_S);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
        answer
    }

    /// Everything the CRM holds.
    pub fn state(&self) -> Value {
        let now = (self.clock)();
        self.lock().crm.state(now)
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().log.iter().cloned().collect()
    }

    /// A fresh, valid set of credentials.
    pub fn credentials(&self) -> Value {
        let now = (self.clock)();
        self.lock().crm.credentials(now)
    }

    /// Arms a fault, in the shape of `POST /__sandbox/faults`.
    ///
    /// # Errors
    /// The field that is unknown or wrong.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write the fault in place, as `json!`"
    )]
    pub fn add_fault(&self, fault: Value) -> Result<(), FaultError> {
        let now = (self.clock)();
        let mut core = self.lock();
        let fault = Fault::parse(&fault, core.crm.own_faults(), now)?;
        core.faults.push(fault);
        Ok(())
    }

    /// The faults that can be asked for, each with its parameters: those of every CRM, then its own.
    pub fn faults(&self) -> Value {
        faults::known(self.lock().crm.own_faults())
    }

    /// The switches of this org and how they stand.
    pub fn settings(&self) -> Value {
        self.lock().crm.settings()
    }

    /// Sets switches, in the shape of `POST /__sandbox/settings`.
    ///
    /// # Errors
    /// The setting that is unknown or wrong; then none is changed.
    pub fn set(&self, settings: &Value) -> Result<(), FaultError> {
        let settings = settings
            .as_object()
            .ok_or_else(|| FaultError::new("", "a JSON object is needed"))?;
        self.lock().crm.set(settings)
    }

    /// Back to the seed records: no faults, no log, default settings, no sessions. Ids and tokens
    /// are given out from the start again, so the values of the first run come back.
    pub fn reset(&self) {
        let mut core = self.lock();
        core.crm = (core.build)(&core.setup);
        core.faults.clear();
        core.log.clear();
        core.calls = 0;
    }

    /// How many requests arrived, OAuth and dropped ones included, control endpoints excepted.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Core {
    /// Logs the request and picks the faults that strike it. Of those that end it, only the first
    /// is used up.
    fn admit(&mut self, request: &Request<Bytes>, now: Timestamp) -> (u64, Vec<Fault>) {
        if self.log.len() >= LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(LoggedRequest {
            method: request.method().to_string(),
            path_and_query: request
                .uri()
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            status: None,
            at: now,
        });
        self.calls += 1;
        self.crm.seen(request, now);
        let mut struck: Vec<Fault> = Vec::new();
        for fault in &mut self.faults {
            let ended = struck.iter().any(|f| !f.slows());
            if (fault.slows() || !ended) && fault.strikes(request, now) {
                struck.push(fault.clone());
            }
        }
        self.faults.retain(|fault| !fault.is_spent(now));
        (self.calls, struck)
    }

    fn finish(
        &mut self,
        request: &Request<Bytes>,
        number: u64,
        faults: &[Fault],
        now: Timestamp,
    ) -> Result<Response<Bytes>, Broken> {
        let mut drop_after = false;
        let mut drip = None;
        let mut answer = None;
        for fault in faults {
            match fault.name.as_str() {
                "delay" => {}
                "slow_drip" => drip = fault.integer("ms"),
                "drop_before" | "outage" => return Err(Broken::Closed),
                "reset" => return Err(Broken::Reset),
                "drop_after" | "hang" => drop_after = true,
                "status" => answer = Some(status_answer(fault)),
                _ => answer = self.crm.fault(fault, request, now),
            }
        }
        let mut answer = answer.unwrap_or_else(|| self.crm.answer(request, now));
        if drop_after {
            return Err(Broken::Closed);
        }
        if let Some(ms) = drip {
            answer
                .extensions_mut()
                .insert(Drip(Duration::from_millis(ms)));
        }
        let behind = usize::try_from(self.calls.saturating_sub(number)).unwrap_or(usize::MAX);
        let place = self.log.len().checked_sub(behind.saturating_add(1));
        if let Some(entry) = place.and_then(|place| self.log.get_mut(place)) {
            entry.status = Some(answer.status().as_u16());
        }
        Ok(answer)
    }
}

/// The answer of a `status` fault: JSON bodies as JSON, text as it stands.
fn status_answer(fault: &Fault) -> Response<Bytes> {
    let status = fault.integer("status").and_then(|s| u16::try_from(s).ok());
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status
        .and_then(|s| StatusCode::from_u16(s).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, body) = match fault.params.get("body") {
        None | Some(Value::Null) => (None, Bytes::new()),
        Some(Value::String(text)) => (Some("text/plain;charset=UTF-8"), Bytes::from(text.clone())),
        Some(json) => (
            Some("application/json;charset=UTF-8"),
            Bytes::from(json.to_string()),
        ),
    };
    *answer.body_mut() = body;
    if let Some(kind) = kind {
        answer.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static(kind),
        );
    }
    for (name, value) in fault
        .params
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = http::HeaderName::try_from(name.as_str());
        let value = value.as_str().map(http::HeaderValue::try_from);
        if let (Ok(name), Some(Ok(value))) = (name, value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

impl tower::Service<Request<Bytes>> for Sandbox {
    type Response = Response<Bytes>;
    type Error = Dropped;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Dropped>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let sandbox = self.clone();
        Box::pin(async move { sandbox.handle(request).await })
    }
}
