//! `cargo run -- event`: one sample of `events/`, filled in for what runs in another terminal.

use anyhow::Context;
use hub_aws::clients::https_client;
use hub_engine::{Clients, Clock, Entropy, Hub, Parts, Registry, egress::Allowed, transport};
use hub_samples::{Sample, Seeder};
use tokio::net::TcpStream;

use crate::{
    addresses::{Addresses, INGEST},
    ports::Place,
    terminal,
};

/// Makes what a sample refers to and prints it, signed now, as Lambda would hand it over.
///
/// # Errors
/// There is no such sample, nothing runs at the ports, or what it refers to cannot be made.
pub async fn print(place: Place, file: &str) -> anyhow::Result<()> {
    let sample = Sample::read(file)?;
    let addresses = Addresses::of(place)?;
    let needed = [&addresses.aws, &addresses.issuer];
    for url in needed.into_iter().chain(addresses.crms.values()) {
        let address = url.trim_start_matches("http://");
        TcpStream::connect(address).await.with_context(|| {
            format!("nothing listens on {address}; start `cargo run -- surroundings` first, in another terminal")
        })?;
    }
    let seeder = Seeder {
        hub: function(&addresses, INGEST)?,
        public_url: addresses.hub,
        crm_urls: addresses.crms,
        issuer_url: addresses.issuer,
        ingest_sender: INGEST.to_owned(),
    };
    let event = seeder.event(&sample).await?;
    terminal::line(&serde_json::to_string_pretty(&event)?);
    Ok(())
}

/// The hub of a function, with AWS in another process.
pub(crate) fn function(addresses: &Addresses, identity: &str) -> anyhow::Result<Hub> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let settings = addresses.settings();
    let clients = Clients::with(hub_aws::Parts {
        http_client: https_client(),
        endpoint: addresses.aws.clone(),
        access_key: identity.to_owned(),
        clock: clock.clone(),
    });
    let transport = transport::https(Allowed::new(settings.egress_allow.iter().cloned()))?;
    Ok(Hub::new(Parts {
        clients,
        transport,
        clock,
        entropy,
        connectors: Registry::default(),
        settings,
    }))
}
