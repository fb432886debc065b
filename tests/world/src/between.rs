//! What a test puts between the hubs of a world and everything outside them.

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hub_engine::Transport;

/// Both ways out of a hub. Every client of a world passes here, since one function makes them.
pub trait Between: std::fmt::Debug + Send + Sync {
    /// The way to AWS of the function that has this identity.
    fn aws(&self, identity: &str, client: SharedHttpClient) -> SharedHttpClient;

    /// Its way to CRMs.
    fn out(&self, identity: &str, transport: Transport) -> Transport;
}
