//! What the function is told by its environment.

use hub_engine::Settings;
use hub_lambda::{Env, EnvError};

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// What every function is told.
    pub settings: Settings,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(mut env: Env) -> Result<Self, EnvError> {
        let settings = env.common();
        env.finish(Self { settings })
    }
}
