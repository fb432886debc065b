//! The other end: a sandbox of the registry, a receiver of webhooks, or a minimal CRM of this laboratory.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hub_engine::{Transport, TransportError};
use hub_sandbox::Sandbox;
use hub_world::{PUBLIC_URL, World};
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::minimal::{KEY, Minimal};

/// Where a customer's own receiver is.
const RECEIVER: &str = "hooks.customer.example";

/// A CRM, or a receiver of webhooks. Clones share it.
#[derive(Clone)]
pub enum Remote {
    /// One of the registry's fakes.
    Sandbox(Sandbox, String),
    /// A customer's own receiver of webhooks.
    Receiver(Sandbox),
    /// One of this laboratory's.
    Minimal(Arc<Minimal>),
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

impl Remote {
    /// The fake of a CRM of the registry.
    pub(crate) fn sandbox(crm: &str, world: &World, seed: u64) -> Self {
        let base_url = format!("http://127.0.0.1:{}", Sandbox::default_port(crm));
        let clock = world.clock.clone();
        let sandbox = Sandbox::new(crm, &base_url, Arc::new(move || clock.now()), seed)
            .expect("a sandbox of each CRM of the registry");
        let callback = format!("{PUBLIC_URL}/api/integrations/{crm}/callback");
        sandbox
            .set(&json!({ "redirect_uris": [callback] }))
            .expect("the sandbox's settings");
        Self::Sandbox(sandbox, base_url)
    }

    /// A receiver of webhooks.
    pub(crate) fn receiver(world: &World, seed: u64) -> Self {
        let clock = world.clock.clone();
        let base_url = format!("https://{RECEIVER}");
        let receiver = Sandbox::new("receiver", &base_url, Arc::new(move || clock.now()), seed);
        let remote = Self::Receiver(receiver.expect("a receiver"));
        remote.set(&json!({ "secrets": [Self::own_secret()] }));
        remote
    }

    /// A secret that the receiver believes beside the webhook's, so that a hub that is wrong can sign.
    pub fn own_secret() -> &'static str {
        "whsec_bGFib3JhdG9yeSBvZiBmYXVsdHMsIG93biBzZWNyZXQ="
    }

    /// Where it is.
    pub(crate) fn base_url(&self) -> String {
        match self {
            Self::Sandbox(_, base_url) => base_url.clone(),
            Self::Receiver(_) => format!("https://{RECEIVER}"),
            Self::Minimal(_) => format!("http://{}", self.address()),
        }
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sandbox(_, base_url) => base_url.trim_start_matches("http://").to_owned(),
            Self::Receiver(_) => format!("{RECEIVER}:443"),
            Self::Minimal(_) => "127.0.0.1:4199".to_owned(),
        }
    }

    /// The way to it.
    pub(crate) fn transport(&self) -> Transport {
        let remote = self.clone();
        BoxCloneSyncService::new(service_fn(move |request| {
            let remote = remote.clone();
            async move { remote.handle(request).await }
        }))
    }

    pub(crate) async fn handle(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        match self {
            Self::Sandbox(sandbox, _) | Self::Receiver(sandbox) => sandbox
                .handle(request)
                .await
                .map_err(|_| TransportError::Lost("the connection broke".to_owned())),
            Self::Minimal(minimal) => Ok(minimal.handle(&request)),
        }
    }

    /// Everything it holds, by object.
    pub(crate) fn objects(&self) -> Value {
        match self {
            Self::Sandbox(sandbox, _) => sandbox.state()["objects"].clone(),
            Self::Receiver(receiver) => messages(&receiver.state()["messages"]),
            Self::Minimal(minimal) => minimal.objects(),
        }
    }

    /// The key that access is by, where it is not by tokens that end.
    pub(crate) fn key(&self, crm: &str) -> Option<String> {
        match self {
            Self::Minimal(_) => Some(KEY.to_owned()),
            Self::Receiver(_) => None,
            Self::Sandbox(sandbox, _) => {
                let manifest = hub_connectors::manifest(crm)
                    .expect("a CRM")
                    .expect("a manifest");
                let key = || sandbox.credentials()["api_key"].as_str().map(str::to_owned);
                manifest.oauth.is_none().then(|| key().expect("a key"))
            }
        }
    }

    /// Lets something go wrong at the CRM itself, if it can.
    fn fault(&self, fault: Value) {
        if let Self::Sandbox(sandbox, _) | Self::Receiver(sandbox) = self {
            sandbox.add_fault(fault).expect("a fault of the sandbox");
        }
    }

    /// Changes settings of a receiver.
    fn set(&self, settings: &Value) {
        if let Self::Receiver(receiver) = self {
            receiver.set(settings).expect("the receiver's settings");
        }
    }

    /// Ends the access token; a receiver does not believe the next message.
    pub(crate) fn end_token(&self) {
        self.fault(match self {
            Self::Receiver(_) => {
                json!({ "fault": "status", "status": 401, "body": "who are you?", "times": 1 })
            }
            Self::Sandbox(..) | Self::Minimal(_) => {
                json!({ "fault": "expire_access_token", "times": 1 })
            }
        });
    }

    /// Ends the grant: the access token, and at its refresh the refresh token too. A receiver is gone until it
    /// is back.
    pub(crate) fn revoke(&self) {
        if let Self::Receiver(_) = self {
            return self.set(&json!({ "gone": true }));
        }
        self.fault(json!({ "fault": "revoke_refresh_token", "times": 1 }));
        self.end_token();
    }

    /// The receiver is there again.
    pub(crate) fn is_back(&self) {
        self.set(&json!({ "gone": false }));
    }

    /// The receiver believes another secret too.
    pub(crate) fn knows(&self, secret: &Value) {
        if let Self::Receiver(receiver) = self {
            let mut known = receiver.settings()["secrets"].clone();
            if let Some(known) = known.as_array_mut() {
                known.push(secret.clone());
            }
            self.set(&json!({ "secrets": known }));
        }
    }

    /// The next call is answered with 5xx, and nothing is done.
    pub(crate) fn is_busy(&self) {
        match self {
            Self::Sandbox(..) | Self::Receiver(_) => {
                self.fault(json!({ "fault": "server_error", "times": 1 }));
            }
            Self::Minimal(minimal) => minimal.is_busy(),
        }
    }

    /// Makes the platform's application known.
    pub(crate) async fn register(&self, world: &World, crm: &str) {
        if let Self::Sandbox(sandbox, _) = self {
            world.register(crm, &sandbox.credentials()).await;
        }
    }
}

/// The messages that a receiver holds, as records: without how often and when each came, which depends on what
/// was repeated.
fn messages(held: &Value) -> Value {
    let of = |(id, message): (&String, &Value)| {
        json!({
            "id": id, "body": message["body"], "differs": message["differs"], "path": message["path"],
            "headers": message["headers"],
        })
    };
    let messages = held.as_object().into_iter().flatten().map(of);
    json!({ "message": messages.collect::<Vec<Value>>() })
}
