//! Calls to AWS that fail: before they take effect, or after, when only the answer is lost. And workers
//! that die: at any point between two calls, to AWS or out.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use hub_engine::Transport;
use tokio::sync::Notify;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// It never arrives.
    Before,
    /// It takes effect, and its answer is lost.
    After,
}

/// Which calls fail, and where workers die. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Outage(Arc<Mutex<Option<Rule>>>, Arc<Points>);

/// The points at which a worker can die: before and after each call.
#[derive(Debug, Default)]
struct Points {
    /// How many are left until the one at which it does, that one included; 0 for none.
    left: AtomicUsize,
    reached: Notify,
}

impl Points {
    /// One more; at the chosen one time stands still.
    async fn pass(&self) {
        let fewer = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Relaxed, Relaxed, fewer) == Ok(1) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Debug)]
struct Rule {
    call: String,
    fails: Fails,
    /// How many more; `None` for all.
    left: Option<usize>,
}

impl Outage {
    /// From now on each call fails whose target holds `call`: `DynamoDB_20120810`, `AmazonSQS` or
    /// `secretsmanager` for a whole service, `.PutItem` for one operation.
    pub fn begin(&self, call: &str, fails: Fails) {
        *self.rule() = Some(Rule {
            call: call.to_owned(),
            fails,
            left: None,
        });
    }

    /// Only the next `times` of these calls fail.
    pub fn times(&self, call: &str, fails: Fails, times: usize) {
        *self.rule() = Some(Rule {
            call: call.to_owned(),
            fails,
            left: Some(times),
        });
    }

    /// Everything works again.
    pub fn end(&self) {
        *self.rule() = None;
    }

    /// Does the work up to the `point`th point before or after a call to AWS or out, where the worker
    /// dies. `None`: it did.
    pub async fn until<T>(&self, point: usize, work: impl Future<Output = T>) -> Option<T> {
        self.1.left.store(point, Relaxed);
        let done = tokio::select! {
            biased;
            () = self.1.reached.notified() => None,
            done = work => Some(done),
        };
        self.1.left.store(0, Relaxed);
        done
    }

    /// The way out, with these points on it.
    pub(crate) fn on_the_way(&self, transport: Transport) -> Transport {
        let points = self.1.clone();
        BoxCloneSyncService::new(service_fn(move |request| {
            let (points, transport) = (points.clone(), transport.clone());
            async move {
                points.pass().await;
                let answer = transport.oneshot(request).await;
                points.pass().await;
                answer
            }
        }))
    }

    /// The client, with this outage between it and AWS.
    pub(crate) fn around(&self, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client {
            outage: self.clone(),
            client,
        })
    }

    fn rule(&self) -> MutexGuard<'_, Option<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meets(&self, target: &str) -> Option<Fails> {
        let mut rule = self.rule();
        let rule = rule.as_mut().filter(|rule| target.contains(&rule.call))?;
        match &mut rule.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(rule.fails)
    }
}

#[derive(Debug, Clone)]
struct Client {
    outage: Outage,
    client: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            outage: self.outage.clone(),
            connector: self.client.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connector {
    outage: Outage,
    connector: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let fails = self.outage.meets(target);
        let lost = || ConnectorError::io("an outage of the test".into());
        let (points, connector) = (self.outage.1.clone(), self.connector.clone());
        HttpConnectorFuture::new(async move {
            points.pass().await;
            let answer = match fails {
                None => connector.call(request).await,
                Some(Fails::Before) => Err(lost()),
                Some(Fails::After) => connector.call(request).await.and(Err(lost())),
            };
            points.pass().await;
            answer
        })
    }
}
