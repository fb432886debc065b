//! Everything at once: embedded AWS, fake CRMs, issuer, and the functions' routers and handlers,
//! each function with an identity of its own.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use anyhow::{Context, bail};
use axum::Router;
use futures_util::{FutureExt, future::BoxFuture};
use hub_aws::vault::{Keys, OauthClient, Platform, WebhookSecret};
use hub_connectors::CRMS;
use hub_domain::CrmId;
use hub_engine::{
    Clients, Clock, Entropy, Hub, Parts, Settings, Transport,
    egress::Allowed,
    identity::{self, Identity},
    transport,
};
use hub_local_aws::{EventSource, Handler, LocalAws};
use hub_sandbox::Sandbox;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};
use tower::ServiceExt;

use crate::{
    batch,
    issuer::{AUDIENCE, Issuer},
    lambda::lambda,
    ports::{self, Ports},
    terminal,
};

/// What all names begin with.
const PREFIX: &str = "hub";
/// The table.
pub(crate) const TABLE: &str = "hub";
/// How long a message is hidden once received, in seconds: six times the function's timeout.
const VISIBILITY_S: u32 = 720;

/// The running whole.
pub struct Stack {
    /// The embedded AWS.
    pub aws: LocalAws,
    /// The fake CRMs, by name.
    pub sandboxes: BTreeMap<&'static str, Sandbox>,
    /// The issuer.
    pub issuer: Issuer,
    /// A hub for looking into things, with an identity that no function has.
    pub hub: Hub,
    /// What liveprompt signs its events with.
    pub webhook_secret: SecretString,
    /// Where the hub is.
    pub hub_url: String,
    /// Where the embedded AWS is.
    pub aws_url: String,
    /// Where the issuer is.
    pub issuer_url: String,
    /// Where each fake CRM is.
    pub crm_urls: BTreeMap<&'static str, String>,
    /// The way to all of them.
    pub transport: Transport,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Stack {
    /// Starts everything.
    ///
    /// # Errors
    /// A port is taken, or a part does not start.
    pub async fn start(ports: Ports) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let local_clock: hub_local_aws::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let entropy = Entropy::system();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();

        terminal::step("embedded AWS: DynamoDB, SQS, Secrets Manager");
        let aws = LocalAws::with_seed(local_clock.clone(), entropy.u64())?;
        let (listener, port) = ports.listen(ports::AWS).await?;
        let aws_url = format!("http://127.0.0.1:{port}");
        aws.set_endpoint(&aws_url);
        tasks.push(serve(
            aws.clone(),
            |aws, stop| async move { aws.serve(listener, stop).await.map_err(anyhow::Error::from) },
            &stopped,
        ));

        let (hub_listener, port) = ports.listen(ports::HUB).await?;
        let hub_url = format!("http://127.0.0.1:{port}");
        let (issuer_listener, port) = ports.listen(ports::ISSUER).await?;
        let issuer_url = format!("http://127.0.0.1:{port}");

        let mut sandboxes = BTreeMap::new();
        let mut crm_urls = BTreeMap::new();
        for crm in Sandbox::crms() {
            let (listener, port) = ports.listen(Sandbox::default_port(crm)).await?;
            let url = format!("http://127.0.0.1:{port}");
            terminal::step(&format!("fake {crm} on {url}"));
            let sandbox = Sandbox::new(crm, &url, local_clock.clone(), entropy.u64())
                .with_context(|| format!("no sandbox for {crm}"))?;
            let callback = format!("{hub_url}/api/integrations/{crm}/callback");
            sandbox
                .set(&json!({ "redirect_uris": [callback] }))
                .map_err(|error| {
                    anyhow::anyhow!("the sandbox refused its settings: {}", error.detail)
                })?;
            tasks.push(serve(
                sandbox.clone(),
                |sandbox, stop| async move {
                    sandbox
                        .serve(listener, stop)
                        .await
                        .map_err(anyhow::Error::from)
                },
                &stopped,
            ));
            sandboxes.insert(*crm, sandbox);
            crm_urls.insert(*crm, url);
        }

        terminal::step(&format!("OIDC issuer on {issuer_url}"));
        let issuer = Issuer::new(issuer_url.clone(), clock.clone())?;
        let everything = crm_urls.values().chain([&hub_url, &issuer_url]);
        let egress_allow: Vec<String> = everything
            .filter_map(|url| url.strip_prefix("http://").map(str::to_owned))
            .collect();
        let transport = transport::https(Allowed::new(egress_allow.iter().cloned()))?;
        let settings = Settings {
            table: TABLE.to_owned(),
            queue_url_prefix: format!("{aws_url}/{}/{PREFIX}-", hub_local_aws::ACCOUNT),
            secret_prefix: PREFIX.to_owned(),
            base_urls: crm_urls
                .iter()
                .map(|(crm, url)| ((*crm).to_owned(), url.clone()))
                .collect(),
            egress_allow,
        };
        let function = |name: &str| {
            let clients = Clients::with(hub_aws::Parts {
                http_client: aws.http_client(),
                endpoint: aws_url.clone(),
                access_key: name.to_owned(),
                clock: clock.clone(),
            });
            Hub::new(Parts {
                clients,
                transport: transport.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                settings: settings.clone(),
            })
        };

        terminal::step("table, queues, secrets");
        let hub = function("operator");
        let webhook_secret =
            SecretString::from(format!("whsec_{}", base64_of(&entropy.bytes::<32>())));
        set_up(&hub, &sandboxes, &webhook_secret).await?;

        terminal::step(&format!(
            "hub on {hub_url}: ingest, api, oauth, dispatch, deliver, batch"
        ));
        let identity = Identity::new(identity::Issuer {
            issuer: issuer_url.clone(),
            audience: AUDIENCE.to_owned(),
            jwks_url: format!("{issuer_url}/.well-known/jwks.json"),
            organization_claim: "org".to_owned(),
            role_claim: "role".to_owned(),
        });
        let router = front(
            hub_ingest::router(function("ingest")),
            hub_oauth::router(function("oauth"), identity.clone(), hub_url.clone()),
            hub_api::router(function("api"), identity),
        );
        tasks.push(http(hub_listener, router, &stopped));
        tasks.push(http(issuer_listener, issuer.router(), &stopped));
        tasks.push(poll(
            &aws,
            "events",
            lambda(hub_dispatch::handler(
                function("dispatch"),
                "ingest".to_owned(),
            )),
            &stopped,
        ));
        for crm in CRMS {
            let id: CrmId = crm.parse()?;
            let deliver = hub_deliver::handler(function("deliver"), id);
            for lane in ["live", "bulk"] {
                tasks.push(poll(
                    &aws,
                    &format!("{crm}-{lane}"),
                    lambda(deliver.clone()),
                    &stopped,
                ));
            }
        }
        tasks.extend(batch::spawn(&aws, function("batch"), &stopped));
        Ok(Self {
            aws,
            sandboxes,
            issuer,
            hub,
            webhook_secret,
            hub_url,
            aws_url,
            issuer_url,
            crm_urls,
            transport,
            stop,
            tasks,
        })
    }

    /// Stops everything and waits for it.
    pub async fn stop(self) {
        // Nobody listening means that everything has stopped already.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a part of the hub did not stop cleanly");
            }
        }
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// The table, the queues and the platform's secret: what the template and an operator make in AWS.
async fn set_up(
    hub: &Hub,
    sandboxes: &BTreeMap<&'static str, Sandbox>,
    webhook: &SecretString,
) -> anyhow::Result<()> {
    hub.store().create_table().await?;
    for crm in CRMS {
        for lane in ["live", "bulk"] {
            hub.queues()
                .create(
                    &format!("{crm}-{lane}"),
                    &format!("{crm}-dlq"),
                    VISIBILITY_S,
                )
                .await?;
        }
    }
    hub.queues()
        .create("events", "events-dlq", VISIBILITY_S)
        .await?;
    let mut platform = Platform {
        webhook: WebhookSecret {
            current: webhook.clone(),
            ..WebhookSecret::default()
        },
        audit: Keys::fresh(hub.entropy()),
        ..Platform::default()
    };
    for (crm, sandbox) in sandboxes {
        let credentials = sandbox.credentials();
        let text = |name: &str| {
            credentials
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let (Some(client_id), Some(secret)) = (text("client_id"), text("client_secret")) else {
            bail!("the sandbox of {crm} gave no client")
        };
        let app = OauthClient {
            client_id,
            client_secret: SecretString::from(secret),
            ..OauthClient::default()
        };
        platform.apps.insert((*crm).to_owned(), app);
    }
    hub.vault().put_platform(&platform).await?;
    Ok(())
}

/// API Gateway's part: which function a path belongs to, as `template.yaml` says it. By hand,
/// because a router within a router would hand its own path parameters on.
fn front(ingest: Router, oauth: Router, api: Router) -> Router {
    Router::new().fallback(async move |request: axum::extract::Request| {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let function = match segments.as_slice() {
            ["api", "events"] => ingest.clone(),
            ["api", "integrations", _, "connect" | "callback"] => oauth.clone(),
            _ => api.clone(),
        };
        function.oneshot(request).await
    })
}

pub(crate) async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means the sender is gone, which is the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn serve<S, F, R>(server: S, run: F, stopped: &watch::Receiver<bool>) -> tokio::task::JoinHandle<()>
where
    F: FnOnce(S, BoxFuture<'static, ()>) -> R,
    R: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let running = run(server, until_stopped(stopped.clone()).boxed());
    tokio::spawn(async move {
        if let Err(error) = running.await {
            tracing::error!(error = %error, "a port was closed");
        }
    })
}

fn http(
    listener: TcpListener,
    router: Router,
    stopped: &watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    serve(
        (),
        |(), stop| async move {
            Ok(axum::serve(listener, router)
                .with_graceful_shutdown(stop)
                .await?)
        },
        stopped,
    )
}

fn poll(
    aws: &LocalAws,
    queue: &str,
    handler: Handler,
    stopped: &watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let (aws, stopped) = (aws.clone(), stopped.clone());
    let source = EventSource {
        queue: format!("{PREFIX}-{queue}"),
        batch_size: 10,
        max_concurrency: 10,
        handler,
    };
    tokio::spawn(async move { aws.run_source(&source, until_stopped(stopped)).await })
}

/// Serves everything until Ctrl-C.
///
/// # Errors
/// A port is taken, or a part does not start.
pub async fn until_interrupted(ports: Ports) -> anyhow::Result<()> {
    terminal::heading("Starting the hub on this machine");
    let stack = Stack::start(ports).await?;
    terminal::heading("Running");
    terminal::line(&format!("  API              {}", stack.hub_url));
    terminal::line(&format!(
        "  admin's token    curl '{}/token?org=org_demo&role=admin'",
        stack.issuer_url
    ));
    for (crm, url) in &stack.crm_urls {
        terminal::line(&format!(
            "  fake {crm:<12}{url}  (what it holds: {url}/__sandbox/state)"
        ));
    }
    terminal::line(&format!("  AWS              {}", stack.aws_url));
    terminal::line(&format!(
        "  events are signed  {}",
        stack.webhook_secret.expose_secret()
    ));
    terminal::line("  Ctrl-C ends it; nothing is kept.");
    tokio::signal::ctrl_c().await?;
    stack.stop().await;
    Ok(())
}
