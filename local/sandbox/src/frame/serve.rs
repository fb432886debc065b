//! The sandbox on a TCP port: HTTP/1.1 with keep-alive. A dropped request closes the connection
//! without an answer.

use std::future::Future;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Dropped, Sandbox};

/// No CRM takes more in one request.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

impl Sandbox {
    /// Serves on the listener until `shutdown` is done; then open connections are closed.
    ///
    /// # Errors
    /// What accepting a connection gave.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                accepted = listener.accept() => {
                    connections.spawn(connection(self.clone(), accepted?.0));
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }
}

async fn connection(sandbox: Sandbox, stream: TcpStream) {
    // Small answers should not wait for more.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| one(sandbox.clone(), request));
    // An error here is a caller that went away, or a connection we were told to drop.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn one(
    sandbox: Sandbox,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(answer);
    };
    sandbox
        .handle(Request::from_parts(parts, body.to_bytes()))
        .await
        .map(|answer| answer.map(Full::new))
}
