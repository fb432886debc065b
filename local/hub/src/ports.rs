//! Where everything listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use tokio::net::TcpListener;

/// An address of this machine and the ports on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The address: 127.0.0.1, unless somebody else has to reach it, like a container.
    pub host: IpAddr,
    /// The ports.
    pub ports: Ports,
    /// Whether nothing may go out but to what runs here: then no CRM's own server and no webhook's is
    /// called, whatever somebody enters.
    pub closed: bool,
}

/// Which ports are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// The documented ones, each moved by this much.
    Moved(u16),
    /// Whatever is free.
    Random,
}

impl std::str::FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "random" {
            return Ok(Self::Random);
        }
        let moved = text.strip_prefix('+').and_then(|by| by.parse().ok());
        moved
            .map(Self::Moved)
            .ok_or_else(|| "'random', or '+N' to move every port by N".to_owned())
    }
}

impl Place {
    /// These ports of 127.0.0.1.
    pub const fn local(ports: Ports) -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports,
            closed: false,
        }
    }

    /// A documented port, moved as asked.
    ///
    /// # Errors
    /// It is moved too far, or nobody can know it.
    pub fn number(self, documented: u16) -> anyhow::Result<u16> {
        match self.ports {
            Ports::Moved(by) => documented
                .checked_add(by)
                .context("the ports cannot be moved that far"),
            Ports::Random => {
                bail!("this needs ports that are known: no `--ports`, or `--ports +N`")
            }
        }
    }

    /// The address of a port.
    pub(crate) fn url(self, port: u16) -> String {
        format!("http://{}", SocketAddr::new(self.host, port))
    }

    /// Listens on a documented port, moved as asked.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn listen(self, documented: u16) -> anyhow::Result<(TcpListener, u16)> {
        let port = match self.ports {
            Ports::Moved(_) => self.number(documented)?,
            Ports::Random => 0,
        };
        let host = self.host;
        let listener = TcpListener::bind((host, port))
            .await
            .with_context(|| format!("port {port} on {host} cannot be had; `--ports random` or `--ports +100` uses others"))?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    }
}

/// The hub: API and console.
pub const HUB: u16 = 3000;
/// The OIDC issuer.
pub const ISSUER: u16 = 4100;
/// The embedded AWS.
pub const AWS: u16 = 4566;
