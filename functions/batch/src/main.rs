//! The function's process: wiring only.

use hub_batch::{Config, handler};
use hub_engine::Hub;
use hub_lambda::{Env, Error, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(Env::process())?;
    let hub = Hub::from_settings(config.settings).await?;
    job::run(handler(hub, config.senders)).await
}
