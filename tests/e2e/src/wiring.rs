//! How the functions, the fake CRM and AWS are put together.

use std::collections::BTreeMap;

use hub_aws::vault::OauthClient;
use hub_engine::{Hub, Settings, Transport, TransportError};
use hub_local_aws::{EventSource, Handler};
use hub_sandbox::Sandbox;
use hub_world::World;
use tower::{service_fn, util::BoxCloneSyncService};

pub(crate) fn function(crm: &str, world: &World, sandbox: &Sandbox, identity: &str) -> Hub {
    let address = format!("127.0.0.1:{}", Sandbox::default_port(crm));
    let settings = Settings {
        base_urls: BTreeMap::from([(crm.to_owned(), format!("http://{address}"))]),
        egress_allow: vec![address],
        ..World::settings()
    };
    world.hub_with(identity, to(sandbox), settings)
}

/// The way out to the fake CRM. A dropped connection may have been a request that was applied.
fn to(sandbox: &Sandbox) -> Transport {
    let sandbox = sandbox.clone();
    BoxCloneSyncService::new(service_fn(move |request| {
        let sandbox = sandbox.clone();
        async move {
            sandbox
                .handle(request)
                .await
                .map_err(|_| TransportError::Lost("the connection broke".to_owned()))
        }
    }))
}

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
