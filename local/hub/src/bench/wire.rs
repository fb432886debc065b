//! The way from the hub to the fake CRMs: every request counted by what it is for, and the time that the
//! fake CRMs take kept apart from the hub's.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, header};
use hub_engine::{Transport, TransportError, transport::Purpose};
use hub_sandbox::Sandbox;
use serde_json::Value;
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
    /// Whom a token leads to.
    by_token: HashMap<String, Sandbox>,
    /// The accounts that were opened last, by CRM: whoever has no token yet comes here.
    open: BTreeMap<&'static str, Sandbox>,
}

/// The wire. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire {
    crms: Arc<BTreeMap<String, &'static str>>,
    inner: Arc<Mutex<Inner>>,
}

impl Wire {
    /// To the fake CRMs of these addresses. An account of each is opened by [`Self::open`].
    pub(crate) fn new(addresses: &Addresses) -> Self {
        let crms = addresses.crms.iter().filter_map(|(crm, url)| {
            let authority = url.strip_prefix("http://")?.to_owned();
            Some((authority, *crm))
        });
        Self {
            crms: Arc::new(crms.collect()),
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an account: who is authorized from now on is so at this one.
    pub(crate) fn open(&self, crm: &'static str, account: &Sandbox) {
        self.inner().open.insert(crm, account.clone());
    }

    /// The account that was opened last.
    pub(crate) fn account(&self, crm: &str) -> anyhow::Result<Sandbox> {
        let open = self.inner().open.get(crm).cloned();
        open.context("no account of this CRM is open")
    }

    /// The requests so far.
    pub(crate) fn calls(&self) -> CrmCalls {
        self.inner().calls
    }

    /// The time that the fake CRMs took so far.
    pub(crate) fn busy(&self) -> Duration {
        self.inner().busy
    }

    /// The way out. A connection that breaks may have carried a request that was applied.
    pub(crate) fn transport(&self) -> Transport {
        let wire = self.clone();
        BoxCloneSyncService::new(service_fn(move |request| {
            let wire = wire.clone();
            async move { wire.pass(request).await }
        }))
    }

    /// Many customers' accounts are at one address, as at the vendor's: the token tells them apart.
    fn account_of(&self, request: &Request<Bytes>) -> Option<Sandbox> {
        let inner = self.inner();
        let header = request.headers().get(header::AUTHORIZATION);
        let shown = header.and_then(|value| value.to_str().ok()?.split(' ').next_back());
        let posted = url::form_urlencoded::parse(request.body())
            .find(|(name, _)| name == "refresh_token")
            .map(|(_, token)| token.into_owned());
        let by_token = [shown.map(str::to_owned), posted]
            .into_iter()
            .flatten()
            .find_map(|token| inner.by_token.get(&token).cloned());
        by_token.or_else(|| {
            let authority = request.uri().authority()?.as_str();
            inner.open.get(self.crms.get(authority)?).cloned()
        })
    }

    async fn pass(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let Some(account) = self.account_of(&request) else {
            let words = "nothing but the fake CRMs is here".to_owned();
            return Err(TransportError::Forbidden(words));
        };
        // A message to a webhook is all that is sent there.
        let is_message = request.headers().contains_key("webhook-id");
        let purpose = request.extensions().get::<Purpose>().copied();
        let purpose = purpose.or(is_message.then_some(Purpose::Write));
        let begun = Instant::now();
        let answer = account.handle(request).await;
        let mut inner = self.inner();
        inner.busy += begun.elapsed();
        match purpose {
            Some(Purpose::Read) => inner.calls.lookups += 1,
            Some(Purpose::Write) => inner.calls.writes += 1,
            None => {
                inner.calls.others += 1;
                let tokens = answer.as_ref().map(|answer| tokens(answer.body()));
                let tokens = tokens.unwrap_or_default().into_iter();
                inner
                    .by_token
                    .extend(tokens.map(|token| (token, account.clone())));
            }
        }
        answer.map_err(|_| TransportError::Lost("the connection broke".to_owned()))
    }
}

/// The tokens that an answer of a token endpoint gives.
fn tokens(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let names = ["access_token", "refresh_token"].into_iter();
    let found = names.filter_map(|name| body.get(name)?.as_str().map(str::to_owned));
    found.collect()
}
