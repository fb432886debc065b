//! What is between the SDK and AWS: it may hold requests back, lose them, lose answers, or
//! answer itself.

use std::{
    collections::VecDeque,
    future,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

/// What happens to one call of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It goes through.
    Passes,
    /// It arrives when it is notified.
    Waits(Arc<Notify>),
    /// It never arrives, and the caller learns so.
    LostRequest,
    /// It is done, and the caller does not learn so.
    LostAnswer,
    /// Nothing comes back, ever.
    Silence,
    /// It does not arrive; this is the answer.
    Answered(u16, &'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    operation: String,
    fates: VecDeque<Fate>,
    calls: Vec<String>,
}

impl Wire {
    pub(crate) fn new(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            state: Arc::default(),
        }
    }

    /// The fates of the next calls of an operation, in order.
    pub(crate) fn next(&self, operation: &str, fates: impl IntoIterator<Item = Fate>) {
        let mut state = self.state.lock().unwrap();
        operation.clone_into(&mut state.operation);
        state.fates = fates.into_iter().collect();
    }

    /// How often an operation was called so far.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .calls
            .iter()
            .filter(|called| *called == operation)
            .count()
    }

    fn fate(&self, request: &HttpRequest) -> Fate {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut state = self.state.lock().unwrap();
        let fate = if state.operation == operation {
            state.fates.pop_front()
        } else {
            None
        };
        state.calls.push(operation);
        fate.unwrap_or(Fate::Passes)
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connected {
            wire: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connected {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connected {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (fate, inner) = (self.wire.fate(&request), self.inner.clone());
        HttpConnectorFuture::new(async move {
            let lost = || Err(ConnectorError::io("the connection was reset".into()));
            match fate {
                Fate::Passes => {
                    // Tasks side by side take turns.
                    tokio::task::yield_now().await;
                    inner.call(request).await
                }
                Fate::Waits(turn) => {
                    turn.notified().await;
                    inner.call(request).await
                }
                Fate::LostRequest => lost(),
                Fate::LostAnswer => {
                    inner.call(request).await?;
                    lost()
                }
                Fate::Silence => future::pending().await,
                Fate::Answered(status, body) => Ok(HttpResponse::new(
                    StatusCode::try_from(status).unwrap(),
                    SdkBody::from(body),
                )),
            }
        })
    }
}
