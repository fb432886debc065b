//! [`LocalAws`]: one account in one region, with the doors into it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use serde_json::Value;

use crate::call::{Answer, Call, Service};
use crate::clock::Clock;
use crate::connector::InProcess;
use crate::counts::Counts;
use crate::dynamodb::DynamoDb;
use crate::error::Error;
use crate::port;
use crate::secrets::Secrets;
use crate::sqs::{QueueDepth, QueuedMessage, Sqs, Unruly};

/// The account everything belongs to.
pub const ACCOUNT: &str = "000000000000";
/// The region everything is in, whatever region a client signs for.
pub const REGION: &str = "us-east-1";
/// Where queue URLs point until [`LocalAws::set_endpoint`] says otherwise.
pub const ENDPOINT: &str = "http://127.0.0.1:4566";

/// DynamoDB, SQS and Secrets Manager in memory. Clones share everything.
#[derive(Clone)]
pub struct LocalAws {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) sqs: Sqs,
    dynamodb: DynamoDb,
    secrets: Secrets,
    counts: Mutex<Counts>,
    busy_ns: AtomicU64,
}

/// Everything that is stored, for tests that look for what must not be there. Secrets are left out.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    /// Messages by queue, those in flight and delayed included.
    pub queues: BTreeMap<String, Vec<QueuedMessage>>,
    /// Items by table, as DynamoDB's JSON.
    pub tables: BTreeMap<String, Vec<Value>>,
}

impl LocalAws {
    /// A fresh, empty AWS, with seed 0.
    pub fn new(clock: Clock) -> Result<Self, Error> {
        Self::with_seed(clock, 0)
    }

    /// A fresh, empty AWS. The seed decides message ids, receipt handles, duplicates and reorderings.
    pub fn with_seed(clock: Clock, seed: u64) -> Result<Self, Error> {
        let inner = Inner {
            dynamodb: DynamoDb::new(&clock)?,
            sqs: Sqs::new(clock.clone(), seed),
            secrets: Secrets::new(clock),
            counts: Mutex::default(),
            busy_ns: AtomicU64::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The HTTP client for SDK clients in this process.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess(self.clone()))
    }

    /// Serves all three services on one port until `shutdown`.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        port::serve(self.clone(), listener, shutdown).await
    }

    /// The start of queue URLs from now on. Any URL whose last segment is a queue's name is accepted.
    pub fn set_endpoint(&self, base: &str) {
        self.inner.sqs.set_endpoint(base);
    }

    /// Makes SQS duplicate and reorder, as the real one may.
    pub fn queues_unruly(&self, unruly: Unruly) {
        self.inner.sqs.set_unruly(unruly);
    }

    /// Lowers the 120,000 messages that may be in flight, so that a test can reach the limit.
    pub fn set_in_flight_cap(&self, cap: usize) {
        self.inner.sqs.set_in_flight_cap(cap);
    }

    /// What was called since the last reset.
    pub fn counts(&self) -> Counts {
        self.lock_counts().clone()
    }

    /// Starts counting afresh.
    pub fn reset_counts(&self) {
        *self.lock_counts() = Counts::default();
    }

    /// How long this machine was at work for AWS so far: answering calls, receiving for functions. Whoever
    /// measures functions takes it off. A long poll counts with its wait.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.inner.busy_ns.load(Ordering::Relaxed))
    }

    /// Counts the time since then as work of AWS.
    pub(crate) fn worked_since(&self, begun: Instant) {
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.inner.busy_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// How many messages each queue holds, by name.
    pub fn queues(&self) -> BTreeMap<String, QueueDepth> {
        self.inner.sqs.depths()
    }

    /// How many messages one queue holds. `None` when there is no such queue.
    pub fn queue(&self, name: &str) -> Option<QueueDepth> {
        self.inner.sqs.depths().remove(name)
    }

    /// When a message becomes visible in the queue: now, if one is. `None` when it holds none.
    pub fn next_due(&self, queue: &str) -> Option<Timestamp> {
        self.inner.sqs.next_due(queue)
    }

    /// Every message and every item.
    pub fn dump(&self) -> Result<Dump, Error> {
        Ok(Dump {
            queues: self.inner.sqs.dump(),
            tables: self.inner.dynamodb.dump()?,
        })
    }

    /// Deletes the items whose time to live has passed; AWS does so within a few days. Returns how many.
    pub fn sweep_ttl(&self) -> Result<usize, Error> {
        self.inner.dynamodb.sweep_ttl()
    }

    /// Writes an item as [`Dump`] shows one, past every client: for tests of what an intruder could do.
    pub fn overwrite(&self, table: &str, item: &Value) -> Result<(), Error> {
        self.inner.dynamodb.overwrite(table, item)
    }

    /// Ends a table's stream, for long runs that look at something else: its records are kept for ever, and each
    /// write of the table counts through all of them.
    pub fn end_stream(&self, table: &str) -> Result<(), Error> {
        self.inner.dynamodb.end_stream(table)
    }

    /// The records of a table's stream behind a sequence number, as Lambda gets them.
    pub(crate) fn stream_records(
        &self,
        table: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Value>, Error> {
        self.inner.dynamodb.stream_records(table, after, most)
    }

    /// How many versions a secret has, those without a label included. 0 when there is no such secret.
    pub fn secret_versions(&self, name: &str) -> usize {
        self.inner.secrets.versions(name)
    }

    pub(crate) async fn call(&self, call: Call) -> Answer {
        let begun = Instant::now();
        self.lock_counts().asked(&call);
        let answer = match call.service {
            Service::DynamoDb => {
                let (answer, units) = self.inner.dynamodb.call(&call);
                let mut counts = self.lock_counts();
                counts.write_units += units.write;
                counts.read_units += units.read;
                answer
            }
            Service::Sqs => self.inner.sqs.call(&call).await,
            Service::Secrets => self.inner.secrets.call(&call).await,
        };
        self.lock_counts().bytes_out += answer.body.len() as u64;
        self.worked_since(begun);
        answer
    }

    pub(crate) fn lock_counts(&self) -> MutexGuard<'_, Counts> {
        self.inner
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAws").finish_non_exhaustive()
    }
}
