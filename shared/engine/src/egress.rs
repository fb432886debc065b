//! Where a request may go.
//!
//! Hosts come from token replies and customers, so they are input: https on port 443 to a public
//! address, checked where the connection is made. What an operator allows by exact host and port
//! (the sandbox) is exempt.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

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
        url.port_or_known_default()
            .is_some_and(|port| self.0.contains(&format!("{host}:{port}")))
    }

    fn permits_name(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|pair| pair.rsplit_once(':').is_some_and(|(host, _)| host == name))
    }
}

/// Why a request may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not https on port 443.
    #[error("only https on port 443 is allowed")]
    Scheme,
    /// An address that is not public, by its spelling.
    #[error("the address is not public")]
    Address,
    /// There is no host, or it carries credentials.
    #[error("the address has no plain host")]
    Host,
}

/// Checks an address before anything is sent. Names are checked again when they are resolved.
///
/// # Errors
/// Why it is refused.
pub fn check(url: &Url, allowed: &Allowed) -> Result<(), Refused> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Host);
    }
    if allowed.permits(url) {
        return Ok(());
    }
    if url.scheme() != "https" || url.port_or_known_default() != Some(443) {
        return Err(Refused::Scheme);
    }
    match url.host() {
        Some(Host::Ipv4(address)) if !is_public_v4(address) => Err(Refused::Address),
        Some(Host::Ipv6(address)) if !is_public_v6(address) => Err(Refused::Address),
        Some(Host::Domain(name))
            if !name.contains('.')
                || name.ends_with(".localhost")
                || name.ends_with(".internal") =>
        {
            Err(Refused::Address)
        }
        Some(_) => Ok(()),
        None => Err(Refused::Host),
    }
}

/// Whether an address is a public one.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and the IPv6 one beside it.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 168, _)
            | (192, 175, 48)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, _, _, _, f, ..] = address.segments();
    let [.., e, _, _, _] = address.segments();
    // Only global unicast, less what embeds or stands for something else: IETF protocol
    // assignments with Teredo, documentation, 6to4, and ISATAP's interface ids.
    (0x2000..=0x3fff).contains(&a)
        && !(a == 0x2001 && b < 0x0200)
        && !(a == 0x2001 && b == 0x0db8)
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
        && !(a == 0x2620 && b == 0x004f)
        && !(f == 0x5efe && matches!(e, 0 | 0x0200))
}

/// Resolves names and hands out public addresses only, so that a name cannot be rebound between
/// check and connection.
#[derive(Debug, Clone)]
pub(crate) struct Resolver(pub(crate) Allowed);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let exempt = self.0.permits_name(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found
                .filter(|address| exempt || is_public(address.ip()))
                .collect();
            if public.is_empty() {
                return Err(Box::new(Refused::Address) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass_and_their_neighbours_do() {
        let forbidden = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2600::5efe:10.0.0.1",
            "2600::200:5efe:10.0.0.1",
            "5f00::1",
        ];
        for text in forbidden {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        let open = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2600::1",
            "2a00:1450::1",
            "3fff:1000::1",
        ];
        for text in open {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn spellings_of_loopback_are_all_refused_and_the_allow_list_is_exact() {
        let allowed = Allowed::new(["127.0.0.1:4101".to_owned()]);
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://a.localhost/",
            "https://127.0.0.1:4102/",
            "http://crm.example/",
            "https://crm.example:8443/",
            "https://user@crm.example/",
            "http://127.0.0.1:80/",
            "https://metadata.google.internal/",
            "ftp://crm.example/",
        ] {
            assert!(check(&text.parse().unwrap(), &allowed).is_err(), "{text}");
        }
        for text in [
            "http://127.0.0.1:4101/x",
            "https://crm.example/",
            "https://CRM.example:443/y",
            "https://8.8.8.8/",
        ] {
            assert_eq!(check(&text.parse().unwrap(), &allowed), Ok(()), "{text}");
        }
    }
}
