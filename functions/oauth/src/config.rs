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
    /// Where API and console are reached: CRMs send browsers back to it.
    pub public_url: String,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(mut env: Env) -> Result<Self, EnvError> {
        let settings = env.common();
        let issuer = env.issuer();
        let public_url = env.required("HUB_PUBLIC_URL");
        env.finish(Self {
            settings,
            issuer,
            public_url,
        })
    }
}
