//! Where everything listens, on 127.0.0.1.

use std::net::Ipv4Addr;

use anyhow::Context;
use tokio::net::TcpListener;

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

impl Ports {
    /// Listens on a documented port, moved as asked.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn listen(self, documented: u16) -> anyhow::Result<(TcpListener, u16)> {
        let port = match self {
            Self::Moved(by) => documented
                .checked_add(by)
                .context("the ports cannot be moved that far")?,
            Self::Random => 0,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} on 127.0.0.1 is taken; `--ports random` or `--ports +100` uses others"))?;
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
