//! The function's process: wiring only.

use hub_dispatch::{Config, handler};
use hub_engine::Hub;
use hub_lambda::{Env, Error, queue, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(Env::process())?;
    let hub = Hub::from_settings(config.settings).await?;
    queue::run(handler(hub, config.senders)).await
}
