//! What the function is told by its environment.

use hub_domain::CrmId;
use hub_engine::{Settings, destinations};
use hub_lambda::{Env, EnvError};

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// What every function is told.
    pub settings: Settings,
    /// Which CRM's queues it serves, or those of webhooks.
    pub crm: CrmId,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(mut env: Env) -> Result<Self, EnvError> {
        let settings = env.common();
        let known: Vec<_> = destinations().collect();
        let named = env
            .optional("CRM")
            .filter(|name| known.contains(&name.as_str()));
        let Some(crm) = named.and_then(|name| name.parse().ok()) else {
            let expected = format!("one of {}", known.join(", "));
            return Err(env.refuse("CRM", "names no CRM that this hub knows", &expected));
        };
        env.finish(Self { settings, crm })
    }
}
