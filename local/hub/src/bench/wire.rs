//! The way from the hub to the fake CRMs: every request counted by what it is for, and the time that the
//! fake CRMs take kept apart from the hub's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use hub_engine::{Transport, TransportError, transport::Purpose};
use hub_sandbox::Sandbox;
use tower::{service_fn, util::BoxCloneSyncService};

use crate::addresses::Addresses;

/// Requests that reached the fake CRMs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CrmCalls {
    pub(crate) lookups: u64,
    pub(crate) writes: u64,
    /// Tokens and the like.
    pub(crate) others: u64,
}

impl CrmCalls {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            lookups: self.lookups - before.lookups,
            writes: self.writes - before.writes,
            others: self.others - before.others,
        }
    }
}

#[derive(Default)]
struct Inner {
    calls: CrmCalls,
    busy: Duration,
}

/// The wire. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire {
    sandboxes: BTreeMap<&'static str, Sandbox>,
    by_authority: Arc<BTreeMap<String, Sandbox>>,
    inner: Arc<Mutex<Inner>>,
}

impl Wire {
    pub(crate) fn new(sandboxes: &BTreeMap<&'static str, Sandbox>, addresses: &Addresses) -> Self {
        let by_authority = addresses.crms.iter().filter_map(|(crm, url)| {
            let authority = url.strip_prefix("http://")?.to_owned();
            Some((authority, sandboxes.get(crm)?.clone()))
        });
        Self {
            by_authority: Arc::new(by_authority.collect()),
            sandboxes: sandboxes.clone(),
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests so far.
    pub(crate) fn calls(&self) -> CrmCalls {
        self.inner().calls
    }

    /// The time that the fake CRMs took so far.
    pub(crate) fn busy(&self) -> Duration {
        self.inner().busy
    }

    /// A fake CRM.
    pub(crate) fn sandbox(&self, crm: &str) -> anyhow::Result<&Sandbox> {
        self.sandboxes.get(crm).context("no such CRM")
    }

    /// The way out. A connection that breaks may have carried a request that was applied.
    pub(crate) fn transport(&self) -> Transport {
        let wire = self.clone();
        BoxCloneSyncService::new(service_fn(move |request| {
            let wire = wire.clone();
            async move { wire.pass(request).await }
        }))
    }

    async fn pass(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let authority = request.uri().authority().map(ToString::to_string);
        let sandbox = authority.and_then(|authority| self.by_authority.get(&authority));
        let Some(sandbox) = sandbox else {
            let words = "nothing but the fake CRMs is here".to_owned();
            return Err(TransportError::Forbidden(words));
        };
        let purpose = request.extensions().get::<Purpose>().copied();
        let begun = Instant::now();
        let answer = sandbox.handle(request).await;
        let mut inner = self.inner();
        inner.busy += begun.elapsed();
        match purpose {
            Some(Purpose::Read) => inner.calls.lookups += 1,
            Some(Purpose::Write) => inner.calls.writes += 1,
            None => inner.calls.others += 1,
        }
        answer.map_err(|_| TransportError::Lost("the connection broke".to_owned()))
    }
}
