//! Everything at once: the surroundings, and the functions' routers and handlers, each function with
//! an identity of its own.

use axum::Router;
use hub_connectors::destinations;
use hub_domain::CrmId;
use hub_engine::{dispatch::Senders, identity::Identity};
use hub_local_aws::{EventSource, Handler};
use tower::ServiceExt;

use crate::{
    addresses::{BATCH, DISPATCH, INGEST, PREFIX},
    batch,
    lambda::lambda,
    ports::{self, Place},
    surroundings::Surroundings,
    tasks::Tasks,
    terminal,
};

/// The running whole.
pub struct Stack {
    /// What the functions find at their ports.
    pub surroundings: Surroundings,
    functions: Tasks,
}

impl Stack {
    /// Starts everything.
    ///
    /// # Errors
    /// A port is taken, or a part does not start.
    pub async fn start(place: Place) -> anyhow::Result<Self> {
        let (listener, port) = place.listen(ports::HUB).await?;
        let surroundings = Surroundings::start(place, place.url(port)).await?;
        let hub_url = surroundings.addresses.hub.clone();
        terminal::step(&format!(
            "hub on {hub_url}: ingest, api, oauth, dispatch, deliver, batch"
        ));
        let mut functions = Tasks::new();
        let function = |name: &str| surroundings.function(name);
        let identity = Identity::new(surroundings.addresses.identity());
        let router = front(
            hub_ingest::router(function(INGEST)),
            hub_oauth::router(function("oauth"), identity.clone(), hub_url),
            hub_api::router(function("api"), identity),
        );
        functions.http(listener, router);
        let senders = Senders {
            ingest: INGEST.to_owned(),
            batch: BATCH.to_owned(),
        };
        let dispatch = hub_dispatch::handler(function(DISPATCH), senders);
        functions.poll(&surroundings.aws, source("events", lambda(dispatch)));
        for crm in destinations() {
            let id: CrmId = crm.parse()?;
            let deliver = hub_deliver::handler(function("deliver"), id);
            for lane in ["live", "bulk"] {
                let source = source(&format!("{crm}-{lane}"), lambda(deliver.clone()));
                functions.poll(&surroundings.aws, source);
            }
        }
        batch::spawn(&mut functions, &surroundings.aws, function(BATCH));
        Ok(Self {
            surroundings,
            functions,
        })
    }

    /// Stops everything and waits for it.
    pub async fn stop(self) {
        self.functions.stop().await;
        self.surroundings.stop().await;
    }
}

fn source(queue: &str, handler: Handler) -> EventSource {
    EventSource {
        queue: format!("{PREFIX}-{queue}"),
        batch_size: 10,
        max_concurrency: 10,
        handler,
    }
}

/// API Gateway's part: which function a path belongs to, as `template.yaml` says it. By hand,
/// because a router within a router would hand its own path parameters on.
fn front(ingest: Router, oauth: Router, api: Router) -> Router {
    Router::new().fallback(async move |request: axum::extract::Request| {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let function = match segments.as_slice() {
            ["api", "events"] => ingest.clone(),
            ["api", "integrations", _, "connect" | "start" | "callback"] => oauth.clone(),
            _ => api.clone(),
        };
        function.oneshot(request).await
    })
}

/// Serves everything until Ctrl-C or SIGTERM.
///
/// # Errors
/// A port is taken, or a part does not start.
pub async fn until_interrupted(place: Place) -> anyhow::Result<()> {
    terminal::heading("Starting the hub on this machine");
    let stack = Stack::start(place).await?;
    terminal::heading("Running");
    terminal::line(&format!(
        "  API              {}",
        stack.surroundings.addresses.hub
    ));
    stack.surroundings.show();
    terminal::line("  Ctrl-C ends it; nothing is kept.");
    terminal::interrupted()?.await;
    stack.stop().await;
    Ok(())
}
