//! Where a test runs: on a fresh embedded AWS in process, or on a second emulator over HTTP under
//! names of its own.

use std::{env, io::Write, sync::Arc, time::Duration};

use hub_aws::{Clients, Clock, Entropy, Parts, Queues, Store, Vault, clients::https_client, seams};
use hub_local_aws::LocalAws;

use crate::wire::Wire;

/// Who calls, in tests. The embedded SQS says that messages are this sender's.
pub(crate) const CALLER: &str = "AKIAHUBTESTS";
const VARIABLE: &str = "HUB_SECOND_OPINION";

pub(crate) struct Harness {
    pub(crate) clients: Clients,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// Begins the names of everything this test creates.
    pub(crate) unique: String,
    /// Between the clients and AWS.
    pub(crate) wire: Wire,
    /// Only in process.
    pub(crate) local: Option<LocalAws>,
}

impl Harness {
    /// A fresh AWS in this process. Time is tokio's: paused, and an idle moment advances it.
    pub(crate) fn in_process() -> Self {
        let clock = Clock::paused("2026-11-20T15:46:00Z".parse().unwrap());
        let now = clock.clone();
        let local = LocalAws::new(Arc::new(move || now.now())).unwrap();
        let wire = Wire::new(local.http_client());
        Self::new(
            wire,
            "http://in-process.invalid".into(),
            clock,
            Entropy::seeded(1),
            Some(local),
        )
    }

    /// The second emulator, or `None` with a line that says so.
    pub(crate) fn second_opinion(suite: &str) -> Option<Self> {
        let Ok(endpoint) = env::var(VARIABLE) else {
            assert_ne!(
                env::var("CI").as_deref(),
                Ok("true"),
                "{suite} needs a second emulator: {VARIABLE}"
            );
            // The macros would be captured with a test that passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED {suite}: {VARIABLE} not set");
            return None;
        };
        Some(Self::new(
            Wire::new(https_client()),
            endpoint,
            Clock::system(),
            Entropy::system(),
            None,
        ))
    }

    fn new(
        wire: Wire,
        endpoint: String,
        clock: Clock,
        entropy: Entropy,
        local: Option<LocalAws>,
    ) -> Self {
        let http_client = aws_smithy_runtime_api::client::http::SharedHttpClient::new(wire.clone());
        let parts = Parts {
            http_client,
            endpoint,
            access_key: CALLER.into(),
            clock: clock.clone(),
        };
        let unique = format!("t{}-", seams::ulid(&clock, &entropy).to_lowercase());
        Self {
            clients: Clients::with(parts),
            clock,
            entropy,
            unique,
            wire,
            local,
        }
    }

    /// Creates queues of these names and returns the door to them.
    pub(crate) async fn queues(&self, names: &[&str]) -> Queues {
        let mut prefix = String::new();
        for name in names {
            let created = self
                .clients
                .sqs
                .create_queue()
                .queue_name(format!("{}{name}", self.unique))
                .send()
                .await;
            let url = created.unwrap().queue_url.unwrap();
            url.strip_suffix(name).unwrap().clone_into(&mut prefix);
        }
        Queues::new(self.clients.sqs.clone(), prefix)
    }

    /// A store on a table of its own.
    pub(crate) async fn store(&self) -> Store {
        let table = format!("{}table", self.unique);
        let store = Store::new(self.clients.dynamodb.clone(), table);
        store.create_table().await.unwrap();
        store
    }

    /// A vault with an empty cache.
    pub(crate) fn vault(&self) -> Vault {
        let prefix = format!("{}vault", self.unique);
        Vault::new(
            self.clients.secrets.clone(),
            prefix,
            self.clock.clone(),
            self.entropy.clone(),
        )
    }

    /// Waits: in process at once.
    pub(crate) async fn wait_s(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// The tests of a suite, each `async fn(Harness)`: one test each in process, and all of them in one
/// on the second emulator.
macro_rules! suite {
    ($second_opinion:ident: $($test:ident),+ $(,)?) => {
        mod in_process {
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    super::$test(crate::harness::Harness::in_process()).await;
                }
            )+
        }

        #[tokio::test]
        async fn $second_opinion() {
            $(
                let name = stringify!($second_opinion);
                let Some(harness) = crate::harness::Harness::second_opinion(name) else {
                    return;
                };
                println!("{}", stringify!($test));
                $test(harness).await;
            )+
        }
    };
}
pub(crate) use suite;
