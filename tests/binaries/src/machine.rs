//! Every function as a process, and what surrounds them.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::FutureExt;
use hub_engine::CRMS;
use hub_local::{
    addresses::Function,
    ports::{Place, Ports},
    surroundings::Surroundings,
};
use hub_local_aws::{EventSource, Handler};
use hub_samples::{Sample, Seeder};
use serde_json::Value;
use tokio::time::timeout;

use crate::{Answer, PATIENCE, Process};

/// Where people would reach the API; the CRMs send browsers back to it.
const PUBLIC_URL: &str = "https://hub.example";
/// The folder with the release binaries.
const VARIABLE: &str = "HUB_BINARIES";

/// The folder with the functions' binaries, or `None` with a line that says so.
#[allow(
    clippy::disallowed_methods,
    reason = "the tests' own configuration, read where they need it"
)]
pub fn binaries(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{test} needs the functions' release binaries: {VARIABLE}"
        );
        // The macros would be captured with a test that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {VARIABLE} not set");
        return None;
    };
    Some(folder.into())
}

/// Everything.
pub struct Machine {
    /// AWS, CRMs and issuer, at their ports.
    pub surroundings: Surroundings,
    /// Makes what samples refer to.
    pub seeder: Seeder,
    /// The functions, by logical id.
    pub functions: BTreeMap<String, Arc<Process>>,
}

impl Machine {
    /// Starts everything.
    pub async fn start(binaries: &Path) -> Self {
        let surroundings =
            Surroundings::start(Place::local(Ports::Random), PUBLIC_URL.to_owned()).await;
        let surroundings = surroundings.expect("surroundings");
        let mut functions = BTreeMap::new();
        for function in Function::all() {
            let told = surroundings.addresses.environment(&function);
            let binary = binaries.join(function.binary);
            let process = Process::start(&binary, &function.id, &told).await;
            functions.insert(function.id, Arc::new(process));
        }
        Self {
            seeder: surroundings.seeder(),
            surroundings,
            functions,
        }
    }

    /// A sample as Lambda hands it over, with what it refers to.
    pub async fn event(&self, file: &str) -> (Sample, Value) {
        let sample = Sample::read(file).unwrap_or_else(|error| panic!("{error}"));
        let event = self.seeder.event(&sample).await;
        let event = event.unwrap_or_else(|error| panic!("{file}: {error:?}"));
        (sample, event)
    }

    /// Hands an event to a function, which must not fail itself.
    pub async fn invoke(&self, function: &str, event: Value) -> Value {
        let process = self.functions.get(function);
        let process = process.unwrap_or_else(|| panic!("no function {function}"));
        match process.invoke(event).await {
            Answer::Response(answer) => answer,
            Answer::Error(error) => panic!("{function} failed: {error}; {:#?}", process.log()),
        }
    }

    /// Lets the queues' functions work, as Lambda's pollers do, until nothing waits.
    pub async fn work(&self) {
        let mut sources = vec![self.source("DispatchFunction", "hub-events")];
        for crm in CRMS {
            let function = format!("Deliver{crm}Function");
            sources.extend(
                ["live", "bulk"].map(|lane| self.source(&function, &format!("hub-{crm}-{lane}"))),
            );
        }
        let worked = timeout(PATIENCE, async {
            loop {
                let mut waiting = 0;
                for source in &sources {
                    while self.surroundings.aws.poll_once(source).await > 0 {}
                    let depth = self.surroundings.aws.queue(&source.queue);
                    waiting += depth.expect("a queue").total();
                }
                if waiting == 0 {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        let ended = worked.await;
        assert!(
            ended.is_ok(),
            "work is left: {:?}",
            self.surroundings.aws.queues()
        );
    }

    fn source(&self, function: &str, queue: &str) -> EventSource {
        let process = self.functions[function].clone();
        let handler: Handler = Arc::new(move |event| {
            let process = process.clone();
            async move {
                match process.invoke(event).await {
                    Answer::Response(answer) => Ok(answer),
                    Answer::Error(error) => Err(error.to_string()),
                }
            }
            .boxed()
        });
        EventSource {
            queue: queue.to_owned(),
            batch_size: 10,
            max_concurrency: 1,
            handler,
        }
    }

    /// Ends everything.
    pub async fn stop(self) {
        drop(self.functions);
        let stopped = timeout(PATIENCE, self.surroundings.stop()).await;
        stopped.expect("surroundings that stop");
    }
}
