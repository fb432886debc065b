//! The sandbox on a TCP port: HTTP/1.1 with keep-alive. A dropped request closes the connection
//! without an answer, or resets it; an answer may drip.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::Sandbox;
use super::sandbox::{Broken, Drip};

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
    let service = service_fn(move |request| Box::pin(one(sandbox.clone(), request)));
    let mut serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| serving.poll_without_shutdown(context)).await;
    let mut stream = serving.into_parts().io.into_inner();
    match ended {
        Ok(()) => {
            // The caller may have been faster.
            let _ = stream.shutdown().await;
        }
        // A caller that went away, or a connection we were told to drop: dropping closes it, with
        // a reset if there is nothing to linger for.
        Err(error) if is_reset(&error) => {
            let _ = stream.set_zero_linger();
        }
        Err(_) => {}
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    let broken = error.source().and_then(|source| source.downcast_ref());
    matches!(broken, Some(Broken::Reset))
}

async fn one(sandbox: Sandbox, request: Request<Incoming>) -> Result<Response<Outgoing>, Broken> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        let mut answer = Response::new(Outgoing::new(Bytes::new(), None));
        *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(answer);
    };
    let request = Request::from_parts(parts, body.to_bytes());
    let answer = sandbox.outcome(request).await?;
    let drip = answer.extensions().get().copied();
    Ok(answer.map(|body| Outgoing::new(body, drip)))
}

/// The body of an answer: at once, or byte by byte.
struct Outgoing {
    left: Bytes,
    drip: Option<Drip>,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    fn new(left: Bytes, drip: Option<Drip>) -> Self {
        Self {
            left,
            drip,
            wait: None,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let Some(Drip(each)) = self.drip else {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.left)))));
        };
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(each)));
        ready!(wait.as_mut().poll(context));
        self.wait = None;
        let one = self.left.split_to(1);
        Poll::Ready(Some(Ok(Frame::data(one))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }
}
