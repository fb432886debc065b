//! Lambda's Runtime API, for one process.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hub_engine::Clock;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// How long an invocation may take: as the longest function of the template.
const TIMEOUT: Duration = Duration::from_mins(2);

/// What became of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The function's answer.
    Response(Value),
    /// The function itself failed.
    Error(Value),
}

struct Invocation {
    id: String,
    event: Value,
}

struct Shared {
    function: String,
    inbox: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    asked: AtomicU64,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct RuntimeApi {
    /// `host:port`
    pub(crate) address: String,
    outbox: mpsc::UnboundedSender<Invocation>,
    shared: Arc<Shared>,
    number: AtomicU64,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Listens on a free port.
    pub(crate) async fn start(function: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (outbox, inbox) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            function: function.to_owned(),
            inbox: tokio::sync::Mutex::new(inbox),
            waiting: Mutex::default(),
            asked: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(async |shared, id, body| answered(shared, id, Answer::Response, body)),
            )
            .route(
                "/2018-06-01/runtime/invocation/{id}/error",
                post(async |shared, id, body| answered(shared, id, Answer::Error, body)),
            )
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self {
            address,
            outbox,
            shared,
            number: AtomicU64::new(1),
            server,
        }
    }

    /// Hands an event to the function and waits for its answer.
    pub(crate) async fn invoke(&self, event: Value) -> Answer {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let (answer, answered) = oneshot::channel();
        self.shared.waiting().insert(id.clone(), answer);
        self.outbox
            .send(Invocation { id, event })
            .expect("somebody who hands out events");
        answered.await.expect("an answer")
    }

    /// How often the function asked for an event.
    pub(crate) fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let Some(Invocation { id, event }) = shared.inbox.lock().await.recv().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let deadline = Clock::system().now() + TIMEOUT;
    let arn = format!(
        "arn:aws:lambda:us-east-1:000000000000:function:{}",
        shared.function
    );
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millisecond().to_string(),
        ),
        ("lambda-runtime-invoked-function-arn", arn),
        (
            "lambda-runtime-trace-id",
            "Root=1-6560a1b2-3c4d5e6f708192a3b4c5d6e7;Sampled=0".to_owned(),
        ),
    ];
    let headers: HeaderMap = headers
        .into_iter()
        .map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::try_from(value).expect("a header"))
        })
        .collect();
    (headers, Json(event)).into_response()
}

fn answered(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    of: fn(Value) -> Answer,
    body: String,
) -> StatusCode {
    // What is no JSON is shown as it came.
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let waiting = shared.waiting().remove(&id);
    match waiting {
        Some(answer) => {
            // Nobody waits any more: the test has given up.
            let _ = answer.send(of(body));
            StatusCode::ACCEPTED
        }
        None => StatusCode::BAD_REQUEST,
    }
}
