//! `cargo run -- sandbox`: the fake CRMs alone, for somebody else's tests. No hub, no AWS, no issuer.

use std::sync::Arc;

use anyhow::Context;
use hub_engine::Clock;
use hub_sandbox::Sandbox;
use serde_json::{Map, json};

use crate::{ports::Place, tasks::Tasks, terminal};

/// What to serve, and how to tell where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Their names in the registry; none means all.
    pub crms: Vec<String>,
    /// Decides ids and tokens: the same seed gives the same ones.
    pub seed: u64,
    /// One JSON object on stdout in place of the lines for a person.
    pub json: bool,
}

/// Serves one fake CRM at its port until the tasks end; itself and its address.
pub(crate) async fn serve(
    tasks: &mut Tasks,
    place: Place,
    crm: &str,
    clock: hub_sandbox::Clock,
    seed: u64,
) -> anyhow::Result<(Sandbox, String)> {
    let (listener, port) = place.listen(Sandbox::default_port(crm)).await?;
    let url = place.url(port);
    let sandbox = Sandbox::new(crm, &url, clock, seed)
        .with_context(|| format!("no fake CRM is called {crm}"))?;
    let served = sandbox.clone();
    tasks.serve(|stop| async move { served.serve(listener, stop).await.map_err(Into::into) });
    Ok((sandbox, url))
}

/// Serves the fake CRMs until Ctrl-C or SIGTERM.
///
/// # Errors
/// A port is taken, or there is no CRM of that name.
pub async fn until_interrupted(place: Place, options: Options) -> anyhow::Result<()> {
    let clock: hub_sandbox::Clock = {
        let clock = Clock::system();
        Arc::new(move || clock.now())
    };
    let wanted: Vec<&str> = Sandbox::crms()
        .iter()
        .copied()
        .filter(|crm| options.crms.is_empty() || options.crms.iter().any(|name| name == crm))
        .collect();
    // Heard from now on: whoever reads the addresses may end it at once.
    let interrupted = terminal::interrupted()?;
    let mut tasks = Tasks::new();
    let mut told = Map::new();
    if !options.json {
        terminal::heading("Fake CRMs");
    }
    for crm in wanted {
        let served = serve(&mut tasks, place, crm, clock.clone(), options.seed).await;
        let (_, url) = match served {
            Ok(served) => served,
            Err(error) => {
                tasks.stop().await;
                return Err(error);
            }
        };
        let credentials = format!("{url}/__sandbox/credentials");
        if !options.json {
            terminal::line(&format!("  {crm:<12} {url}  (credentials: {credentials})"));
        }
        told.insert(
            crm.to_owned(),
            json!({ "base_url": url, "credentials": credentials }),
        );
    }
    if options.json {
        terminal::line(&json!(told).to_string());
    } else {
        terminal::line(
            "  Beside credentials: state, requests, settings, faults, reset (docs/SANDBOX.md).",
        );
        terminal::line("  Ctrl-C ends it; nothing is kept.");
    }
    interrupted.await;
    tasks.stop().await;
    Ok(())
}
