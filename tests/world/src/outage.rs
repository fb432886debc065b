//! Calls to AWS that fail: before they take effect, or after, when only the answer is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// It never arrives.
    Before,
    /// It takes effect, and its answer is lost.
    After,
}

/// Which calls fail. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Outage(Arc<Mutex<Option<Rule>>>);

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
        match fails {
            None => self.connector.call(request),
            Some(Fails::Before) => HttpConnectorFuture::ready(Err(lost())),
            Some(Fails::After) => {
                let answer = self.connector.call(request);
                HttpConnectorFuture::new(async move { answer.await.and(Err(lost())) })
            }
        }
    }
}
