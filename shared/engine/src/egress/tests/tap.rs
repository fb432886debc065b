//! A transport that is real up to the socket, and notes what it would connect to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower::{Layer, Service};

use super::{Allowed, Lookup, Reach, Resolver};
use crate::transport::{self, Transport};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is asked and what was seen.
#[derive(Default)]
pub(super) struct Seen {
    /// The host is an address, so the connector needs no resolver and is stopped at its door.
    pub(super) is_literal: bool,
    /// What DNS says.
    pub(super) answers: Vec<IpAddr>,
    /// How often the connector was called.
    pub(super) attempts: usize,
    /// How often DNS was asked.
    pub(super) lookups: usize,
    /// To what a name's connection would have been opened.
    pub(super) handed_out: Vec<IpAddr>,
}

#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Seen>>);

impl Tap {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }

    /// Production's transport with this at the end of it.
    pub(super) fn transport(&self, allowed: Allowed) -> Transport {
        let tap = self.clone();
        let lookup: Lookup = Arc::new(move |_| {
            let mut seen = tap.seen();
            seen.lookups += 1;
            let found = seen.answers.iter().map(|ip| SocketAddr::new(*ip, 0));
            let found = Ok(found.collect());
            Box::pin(async { found })
        });
        let resolver = |reach: Reach| Tapped {
            inner: Resolver::new(reach, lookup.clone()),
            tap: self.clone(),
        };
        transport::over(allowed, resolver, |client| {
            client.connector_layer(self.clone())
        })
        .unwrap()
    }
}

#[derive(Clone)]
pub(super) struct Tapped<T> {
    inner: T,
    tap: Tap,
}

impl Resolve for Tapped<Resolver> {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.inner.resolve(name);
        let tap = self.tap.clone();
        Box::pin(async move {
            let found: Vec<_> = found.await?.map(|address| address.ip()).collect();
            tap.seen().handed_out.extend(found);
            Err::<Addrs, BoxError>("stopped before the socket".into())
        })
    }
}

impl<S> Layer<S> for Tap {
    type Service = Tapped<S>;

    fn layer(&self, inner: S) -> Tapped<S> {
        let tap = self.clone();
        Tapped { inner, tap }
    }
}

impl<S, R> Service<R> for Tapped<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let mut seen = self.tap.seen();
        seen.attempts += 1;
        if seen.is_literal {
            return Box::pin(async { Err("stopped before the socket".into()) });
        }
        drop(seen);
        Box::pin(self.inner.call(request))
    }
}
