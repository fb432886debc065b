//! What the function is told by its environment.

use hub_engine::{Settings, identity::Issuer};
use hub_lambda::{Env, EnvError};

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// What every function is told.
    pub settings: Settings,
    /// Whose tokens are believed.
    pub issuer: Issuer,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(mut env: Env) -> Result<Self, EnvError> {
        let settings = env.common();
        let issuer = env.issuer();
        env.finish(Self { settings, issuer })
    }
}
