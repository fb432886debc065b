//! The CRM at the other end: a sandbox of the registry, or a minimal one of this laboratory.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hub_engine::{Transport, TransportError};
use hub_sandbox::Sandbox;
use hub_world::{PUBLIC_URL, World};
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::minimal::{KEY, Minimal};

/// A CRM. Clones share it.
#[derive(Clone)]
pub enum Remote {
    /// One of the registry's fakes.
    Sandbox(Sandbox, String),
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

    /// Where it is.
    pub(crate) fn base_url(&self) -> String {
        match self {
            Self::Sandbox(_, base_url) => base_url.clone(),
            Self::Minimal(_) => format!("http://{}", self.address()),
        }
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sandbox(_, base_url) => base_url.trim_start_matches("http://").to_owned(),
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
            Self::Sandbox(sandbox, _) => sandbox
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
            Self::Minimal(minimal) => minimal.objects(),
        }
    }

    /// The key that access is by, where it is not by tokens that end.
    pub(crate) fn key(&self, crm: &str) -> Option<String> {
        match self {
            Self::Minimal(_) => Some(KEY.to_owned()),
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
        if let Self::Sandbox(sandbox, _) = self {
            sandbox.add_fault(fault).expect("a fault of the sandbox");
        }
    }

    /// Ends the access token.
    pub(crate) fn end_token(&self) {
        self.fault(json!({ "fault": "expire_access_token", "times": 1 }));
    }

    /// Ends the grant: the access token, and at its refresh the refresh token too.
    pub(crate) fn revoke(&self) {
        self.fault(json!({ "fault": "revoke_refresh_token", "times": 1 }));
        self.end_token();
    }

    /// The next call of its API is answered with 503, and nothing is done.
    pub(crate) fn is_busy(&self) {
        match self {
            Self::Sandbox(..) => self.fault(json!({ "fault": "server_error", "times": 1 })),
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
