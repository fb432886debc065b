//! How the functions and the fake CRM are put together.

use hub_aws::vault::OauthClient;
use hub_engine::Hub;
use hub_local_aws::{EventSource, Handler};
use hub_sandbox::Sandbox;

/// Registers the platform's application at the fake CRM.
pub(crate) async fn register(crm: &str, hub: &Hub, sandbox: &Sandbox) {
    let credentials = sandbox.credentials();
    let text = |name: &str| credentials[name].as_str().expect("a text").to_owned();
    let app = OauthClient {
        client_id: text("client_id"),
        client_secret: text("client_secret").into(),
        ..OauthClient::default()
    };
    let mut platform = (*hub.vault().platform().await.expect("the platform's secret")).clone();
    platform.apps.insert(crm.to_owned(), app);
    hub.vault()
        .put_platform(&platform)
        .await
        .expect("the platform's secret");
}

pub(crate) fn source(queue: String, handler: Handler) -> EventSource {
    EventSource {
        queue,
        batch_size: 10,
        max_concurrency: 1,
        handler,
    }
}
