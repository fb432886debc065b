//! What the function is told by its environment.

use hub_engine::{Settings, redrive::Senders};
use hub_lambda::{Env, EnvError};

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// What every function is told.
    pub settings: Settings,
    /// Whose dead letters say who sent them first: the ids of the roles of dispatch and batch.
    pub senders: Senders,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(mut env: Env) -> Result<Self, EnvError> {
        let settings = env.common();
        let senders = Senders {
            dispatch: env.required("HUB_DISPATCH_SENDER"),
            batch: env.required("HUB_BATCH_SENDER"),
        };
        env.finish(Self { settings, senders })
    }
}
