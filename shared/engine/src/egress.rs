//! Where a request may go.
//!
//! Hosts come from token replies and customers, so they are input: https on port 443 to a public
//! address (`blocks` says which are), checked by spelling before a request is made and again in
//! the resolver, whose answer is the one that is connected to. What an operator allows by exact
//! host and port (the sandbox) is exempt, by a client of its own: a resolver is told no port.

mod blocks;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use blocks::special;

/// Last labels of names that mean something inside a network and nothing outside: RFC 6761, RFC
/// 6762, ICANN's for private use, what `/etc/hosts` and Lambda append, RFC 8375.
const INSIDE: [&str; 5] = ["localhost", "local", "internal", "localdomain", "home.arpa"];

/// Exact `host:port` pairs that are exempt. Absent in production.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Arc<BTreeSet<String>>);

impl Allowed {
    /// From a list of `host:port`.
    pub fn new(pairs: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(
            pairs
                .into_iter()
                .map(|pair| pair.to_ascii_lowercase())
                .collect(),
        ))
    }

    /// Whether nothing is exempt.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is exempt.
    pub fn permits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        matches!(url.scheme(), "http" | "https")
            && url
                .port_or_known_default()
                .is_some_and(|port| self.0.contains(&format!("{host}:{port}")))
    }
}

/// Why a request may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not https on port 443.
    #[error("only https on port 443 is allowed")]
    Scheme,
    /// An address that is not public, by its spelling or by what its name resolves to.
    #[error("the address is not public: {0}")]
    Address(&'static str),
    /// There is no host, or it carries credentials.
    #[error("the address has no plain host")]
    Host,
}

/// How far a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses.
    Public,
    /// Whatever address its exempt host has.
    Exempt,
}

/// Checks an address before anything is sent. Names are checked again when they are resolved.
///
/// # Errors
/// Why it is refused.
pub fn check(url: &Url, allowed: &Allowed) -> Result<Reach, Refused> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Host);
    }
    if allowed.permits(url) {
        return Ok(Reach::Exempt);
    }
    if url.scheme() != "https" || url.port_or_known_default() != Some(443) {
        return Err(Refused::Scheme);
    }
    let special = match url.host() {
        Some(Host::Ipv4(address)) => special(address.into()),
        Some(Host::Ipv6(address)) => special(address.into()),
        Some(Host::Domain(name)) => is_inside(name).then_some("a name inside a network"),
        None => return Err(Refused::Host),
    };
    special.map_or(Ok(Reach::Public), |what| Err(Refused::Address(what)))
}

/// Whether a name, in lower case, can only mean a host of the network it is asked in.
fn is_inside(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let is_below = |suffix: &str| {
        name.strip_suffix(suffix)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !name.contains('.') || INSIDE.into_iter().any(is_below)
}

/// Asks for the addresses of a name. Their port is 0: the request's own.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The lookup of the operating system.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    })
}

/// Resolves names for one client. Under `Reach::Public` it hands out public addresses only, and the
/// connection is made to what it handed out, so that a name cannot be rebound in between.
#[derive(Clone)]
pub(crate) struct Resolver {
    reach: Reach,
    lookup: Lookup,
}

impl Resolver {
    pub(crate) fn new(reach: Reach, lookup: Lookup) -> Self {
        Self { reach, lookup }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        let answer = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let mut found = answer.await?;
            if reach == Reach::Public {
                let refused = found.iter().find_map(|address| special(address.ip()));
                found.retain(|address| special(address.ip()).is_none());
                if let (true, Some(what)) = (found.is_empty(), refused) {
                    return Err(Refused::Address(what).into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
