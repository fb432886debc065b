//! What passes between the hub and the CRM: seen, and changed where a story needs a CRM that lies.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use hub_engine::{
    Settings, Transport, TransportError,
    egress::{self, Allowed},
};
use hub_sandbox::Sandbox;
use serde_json::Value;
use tower::{service_fn, util::BoxCloneSyncService};
use url::Url;

/// A request of the hub, and what came back.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where it went.
    pub url: Url,
    /// Its body.
    pub body: String,
    /// The answer's body; empty where there was none.
    pub answer: String,
}

type Edit = dyn Fn(&Request<Bytes>, Response<Bytes>) -> Response<Bytes> + Send + Sync;

#[derive(Default)]
struct Inner {
    /// Receivers of webhooks, by their host.
    receivers: BTreeMap<String, Sandbox>,
    sent: Vec<Sent>,
    edit: Option<Arc<Edit>>,
}

/// The way out of every function of one machine. Clones share it.
#[derive(Clone)]
pub struct Wire {
    sandbox: Sandbox,
    allowed: Allowed,
    inner: Arc<Mutex<Inner>>,
}

impl Wire {
    pub(crate) fn new(sandbox: &Sandbox, settings: &Settings) -> Self {
        Self {
            sandbox: sandbox.clone(),
            allowed: Allowed::new(settings.egress_allow.clone()),
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is a receiver of webhooks at this host.
    pub fn add_receiver(&self, host: &str, receiver: &Sandbox) {
        let receiver = receiver.clone();
        self.inner().receivers.insert(host.to_owned(), receiver);
    }

    /// All that was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// How many requests went to addresses that contain `part`.
    pub fn count(&self, part: &str) -> usize {
        let inner = self.inner();
        let sent = inner.sent.iter();
        sent.filter(|sent| sent.url.as_str().contains(part)).count()
    }

    /// From now on the CRM's answers come changed.
    pub fn edit(
        &self,
        edit: impl Fn(&Request<Bytes>, Response<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) {
        self.inner().edit = Some(Arc::new(edit));
    }

    /// From now on the fields of its token replies come changed.
    pub fn edit_tokens(&self, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.edit(move |_, answer| {
            let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) else {
                return answer;
            };
            if body.get("access_token").is_some() {
                edit(&mut body);
            }
            answer.map(|_| Bytes::from(body.to_string()))
        });
    }

    /// The CRM speaks for itself again.
    pub fn honest(&self) {
        self.inner().edit = None;
    }

    /// The way out: checked as in production, then to the sandbox, whatever the host. A dropped
    /// connection may have been a request that was applied.
    pub(crate) fn transport(&self) -> Transport {
        let wire = self.clone();
        BoxCloneSyncService::new(service_fn(move |request| {
            let wire = wire.clone();
            async move { wire.pass(request).await }
        }))
    }

    async fn pass(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let url = request.uri().to_string().parse::<Url>();
        let url = url.map_err(|error| TransportError::Forbidden(error.to_string()))?;
        egress::check(&url, &self.allowed)
            .map_err(|error| TransportError::Forbidden(error.to_string()))?;
        let mut sent = Sent {
            url,
            body: String::from_utf8_lossy(request.body()).into_owned(),
            answer: String::new(),
        };
        let host = sent.url.host_str().unwrap_or_default();
        let receiver = self.inner().receivers.get(host).cloned();
        let sandbox = receiver.unwrap_or_else(|| self.sandbox.clone());
        let answer = sandbox.handle(request.clone()).await;
        let edit = self.inner().edit.clone();
        let answer = answer.map(|answer| match edit {
            Some(edit) => edit(&request, answer),
            None => answer,
        });
        if let Ok(answer) = &answer {
            sent.answer = String::from_utf8_lossy(answer.body()).into_owned();
        }
        self.inner().sent.push(sent);
        answer.map_err(|_| TransportError::Lost("the connection broke".to_owned()))
    }
}
