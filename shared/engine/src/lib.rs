#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod audit;
mod cache;
pub mod connect;
pub mod connections;
mod credentials;
pub mod daily;
pub mod deliver;
pub mod deliveries;
mod destination;
pub mod dispatch;
pub mod egress;
mod error;
mod expected;
mod grant;
pub mod health;
pub mod held;
mod hub;
pub mod identity;
pub mod ingest;
mod kept;
pub mod lifecycle;
mod limits;
mod mask;
mod notices;
mod oauth;
mod plans;
pub mod redrive;
mod reference;
mod reminders;
mod settings;
pub mod stream;
pub mod tick;
pub mod tokens;
pub mod transport;
pub mod webhook;
pub mod webhooks;

pub use error::{EngineError, Public};
pub use expected::Expected;
pub use hub::{Hub, Parts};
pub use hub_aws::{Clients, Clock, Entropy, Queues, Store, Vault};
pub use hub_connectors::{CRMS, Connector, Registry, WEBHOOKS, connectable, destinations};
pub use hub_domain::settings::Settings;
pub use transport::{Insecure, Transport, TransportError};
pub use webhook::Verified;
