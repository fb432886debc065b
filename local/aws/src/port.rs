//! The HTTP port: the same calls, for clients in other processes.

use std::future::Future;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::call::{Answer, Call};
use crate::error::Error;
use crate::local_aws::LocalAws;

/// DynamoDB takes bodies up to 16 MB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Port {
    aws: LocalAws,
    closing: watch::Receiver<bool>,
}

/// Serves until `shutdown`. A long poll that is open then is answered with 503 instead of being waited for.
pub(crate) async fn serve(
    aws: LocalAws,
    listener: tokio::net::TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let (close, closing) = watch::channel(false);
    let router = Router::new()
        .route("/", get(|| async { "healthy\n" }).post(answer))
        .fallback(answer)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Port { aws, closing });
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            shutdown.await;
            close.send_replace(true);
        })
        .await
        .map_err(Error::Port)
}

async fn answer(State(port): State<Port>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(call) = Call::parse(header("x-amz-target"), header("authorization"), body) else {
        return response(Answer::unknown_operation());
    };
    let mut closing = port.closing.clone();
    tokio::select! {
        biased;
        answer = port.aws.call(call) => response(answer),
        _ = closing.wait_for(|closing| *closing) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, answer.content_type)],
        answer.body,
    )
        .into_response();
    if let Some(value) = answer.query_error.and_then(|error| error.parse().ok()) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}
