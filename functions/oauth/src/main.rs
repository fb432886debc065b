//! The function's process: wiring only.

use hub_engine::{Hub, identity::Identity};
use hub_lambda::{Env, Error, http, telemetry};
use hub_oauth::{Config, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(Env::process())?;
    let hub = Hub::from_settings(config.settings).await?;
    let identity = Identity::new(config.issuer);
    http::run(router(hub, identity, config.public_url)).await
}
