//! Everything but the functions: the embedded AWS with table, queues and secrets, the fake CRMs, the
//! issuer. Whoever processes, be it [`crate::stack`] or a function's own binary, finds it all at its
//! ports.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, bail};
use bytes::Bytes;
use hub_aws::vault::{Keys, OauthClient, Platform, WebhookSecret};
use hub_engine::{
    Clients, Clock, Entropy, Hub, Parts, Registry, Transport, TransportError, egress::Allowed,
    transport,
};
use hub_local_aws::LocalAws;
use hub_samples::Seeder;
use hub_sandbox::Sandbox;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tower::{service_fn, util::BoxCloneSyncService};

use crate::{
    addresses::{Addresses, Function, INGEST},
    issuer::Issuer,
    ports::{self, Place},
    sandbox,
    tasks::Tasks,
    terminal,
};

/// How long a message is hidden once received, in seconds: six times the function's timeout.
const VISIBILITY_S: u32 = 720;

/// What surrounds the functions, running.
pub struct Surroundings {
    /// Where everything is.
    pub addresses: Addresses,
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
    /// The way to all of them.
    pub transport: Transport,
    clock: Clock,
    entropy: Entropy,
    tasks: Tasks,
}

impl Surroundings {
    /// Starts everything. `hub_url` is where the functions' API will be reached: the CRMs send
    /// browsers back to it.
    ///
    /// # Errors
    /// A port is taken, or a part does not start.
    pub async fn start(place: Place, hub_url: String) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let local_clock: hub_local_aws::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let entropy = Entropy::system();
        let mut tasks = Tasks::new();

        terminal::step("embedded AWS: DynamoDB, SQS, Secrets Manager");
        let aws = LocalAws::with_seed(local_clock.clone(), entropy.u64())?;
        let (listener, port) = place.listen(ports::AWS).await?;
        let aws_url = place.url(port);
        aws.set_endpoint(&aws_url);
        let served = aws.clone();
        tasks.serve(|stop| async move { served.serve(listener, stop).await.map_err(Into::into) });

        let (issuer_listener, port) = place.listen(ports::ISSUER).await?;
        let mut addresses = Addresses {
            hub: hub_url,
            issuer: place.url(port),
            aws: aws_url,
            crms: BTreeMap::new(),
        };
        let mut sandboxes = BTreeMap::new();
        for crm in Sandbox::crms() {
            let served = sandbox::serve(&mut tasks, place, crm, local_clock.clone(), entropy.u64());
            let (sandbox, url) = served.await?;
            terminal::step(&format!("fake {crm} on {url}"));
            // The receiver of webhooks has no login.
            if sandbox.settings().get("redirect_uris").is_some() {
                let callback = format!("{}/api/integrations/{crm}/callback", addresses.hub);
                sandbox
                    .set(&json!({ "redirect_uris": [callback] }))
                    .map_err(|error| {
                        anyhow::anyhow!("the sandbox refused its settings: {}", error.detail)
                    })?;
            }
            sandboxes.insert(*crm, sandbox);
            addresses.crms.insert(crm, url);
        }

        terminal::step(&format!("OIDC issuer on {}", addresses.issuer));
        let issuer = Issuer::new(addresses.issuer.clone(), clock.clone())?;
        tasks.http(issuer_listener, issuer.router());

        terminal::step("table, queues, secrets");
        let settings = addresses.settings();
        let here = settings.egress_allow.clone();
        let mut transport = transport::https(Allowed::new(settings.egress_allow))?;
        if place.closed {
            transport = closed(transport, here);
        }
        let webhook_secret =
            SecretString::from(format!("whsec_{}", base64_of(&entropy.bytes::<32>())));
        let hub = function(&aws, &addresses, &transport, &clock, &entropy, "operator");
        set_up(&hub, &sandboxes, &webhook_secret).await?;
        Ok(Self {
            addresses,
            aws,
            sandboxes,
            issuer,
            hub,
            webhook_secret,
            transport,
            clock,
            entropy,
            tasks,
        })
    }

    /// The hub of one function, known to AWS by its name.
    pub fn function(&self, name: &str) -> Hub {
        function(
            &self.aws,
            &self.addresses,
            &self.transport,
            &self.clock,
            &self.entropy,
            name,
        )
    }

    /// Makes what the samples of `events/` refer to.
    pub fn seeder(&self) -> Seeder {
        Seeder {
            hub: self.function(INGEST),
            public_url: self.addresses.hub.clone(),
            crm_urls: self.addresses.crms.clone(),
            issuer_url: self.addresses.issuer.clone(),
            ingest_sender: INGEST.to_owned(),
        }
    }

    /// Tells the person at the terminal where everything is.
    pub(crate) fn show(&self) {
        let Addresses {
            issuer, aws, crms, ..
        } = &self.addresses;
        terminal::line(&format!(
            "  admin's token    curl '{issuer}/token?org=org_demo&role=admin'"
        ));
        for (crm, url) in crms {
            terminal::line(&format!(
                "  fake {crm:<12}{url}  (what it holds: {url}/__sandbox/state)"
            ));
        }
        terminal::line(&format!("  AWS              {aws}"));
        terminal::line(&format!(
            "  events are signed  {}",
            self.webhook_secret.expose_secret()
        ));
    }

    /// Stops everything and waits for it.
    pub async fn stop(self) {
        self.tasks.stop().await;
    }
}

/// The hub of one function, known to AWS by its name.
pub(crate) fn function(
    aws: &LocalAws,
    addresses: &Addresses,
    transport: &Transport,
    clock: &Clock,
    entropy: &Entropy,
    name: &str,
) -> Hub {
    let clients = Clients::with(hub_aws::Parts {
        http_client: aws.http_client(),
        endpoint: addresses.aws.clone(),
        access_key: name.to_owned(),
        clock: clock.clone(),
    });
    Hub::new(Parts {
        clients,
        transport: transport.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        connectors: Registry::default(),
        settings: addresses.settings(),
    })
}

/// A way out that ends at this machine.
fn closed(transport: Transport, here: Vec<String>) -> Transport {
    let here = Arc::new(here);
    BoxCloneSyncService::new(service_fn(move |request: http::Request<Bytes>| {
        let (transport, here) = (transport.clone(), Arc::clone(&here));
        async move {
            let to = request.uri().authority().map(http::uri::Authority::as_str);
            if to.is_none_or(|to| !here.iter().any(|known| known == to)) {
                let words = "nothing goes out: the hub runs closed".to_owned();
                return Err(TransportError::Forbidden(words));
            }
            transport::send(&transport, request).await
        }
    }))
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// The table, the queues and the platform's secret: what the template and an operator make in AWS.
pub(crate) async fn set_up(
    hub: &Hub,
    sandboxes: &BTreeMap<&'static str, Sandbox>,
    webhook: &SecretString,
) -> anyhow::Result<()> {
    hub.store().create_table().await?;
    for crm in hub.registry().destinations() {
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
            if text("redirect_uri").is_none() {
                continue;
            }
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

/// Serves the surroundings alone until Ctrl-C or SIGTERM. With `environment` the functions' environment goes
/// into that file, by logical id.
///
/// # Errors
/// A port is taken, a part does not start, or the file cannot be written.
pub async fn until_interrupted(place: Place, environment: Option<&Path>) -> anyhow::Result<()> {
    terminal::heading("Starting what surrounds the functions");
    let hub_url = place.url(place.number(ports::HUB)?);
    let surroundings = Surroundings::start(place, hub_url).await?;
    if let Some(path) = environment {
        let by_function: BTreeMap<String, _> = Function::all()
            .into_iter()
            .map(|function| {
                let told = surroundings.addresses.environment(&function);
                (function.id, told)
            })
            .collect();
        let text = serde_json::to_string_pretty(&by_function)?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))?;
        terminal::step(&format!("the functions' environment in {}", path.display()));
    }
    terminal::heading("Running, without the functions");
    surroundings.show();
    terminal::line("  Ctrl-C ends it; nothing is kept.");
    terminal::interrupted()?.await;
    surroundings.stop().await;
    Ok(())
}
