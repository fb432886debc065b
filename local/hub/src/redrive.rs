//! `cargo run -- redrive`: what an operator asks batch for, of the hub that runs in another terminal.

use std::time::Duration;

use anyhow::Context;
use hub_engine::redrive::redrive;
use tokio::net::TcpStream;

use crate::{
    addresses::{Addresses, BATCH},
    batch::dead_letter_senders,
    ports::Place,
    sample::function,
    terminal,
};

/// How long one call may take.
const TIME: Duration = Duration::from_mins(10);

/// Moves dead letters back. Whether all that was found could be.
///
/// # Errors
/// Nothing runs at the ports, there is no such queue, or it does not answer.
pub async fn run(place: Place, queue: &str, most: usize) -> anyhow::Result<bool> {
    let addresses = Addresses::of(place)?;
    let address = addresses.aws.trim_start_matches("http://");
    TcpStream::connect(address).await.with_context(|| {
        format!("nothing listens on {address}; start `cargo run` first, in another terminal")
    })?;
    let hub = function(&addresses, BATCH)?;
    let done = redrive(&hub, &dead_letter_senders(), queue, most, TIME).await?;
    terminal::line(&format!("{} moved, {} left", done.moved, done.left));
    Ok(done.left == 0)
}
