//! The one way out to CRMs: a `tower` service of `http::Request<Bytes>` to `http::Response<Bytes>`.
//!
//! In production it is reqwest behind the egress rules; in tests it is the sandbox, in process.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rustls::RootCertStore;
use tower::{Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use url::Url;

use crate::egress::{self, Allowed, Resolver};

/// Time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a whole call. CRMs answer in seconds or not at all; a Lambda that waits longer pays.
/// A delivery makes at most five in a row: token, look-up, write, and two again after a refresh.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// An extension of a request: no more of the answer is read than this many bytes. For receivers that
/// a customer names, whose answer is only looked at.
#[derive(Debug, Clone, Copy)]
pub struct ReadAtMost(pub usize);

/// The way out.
pub type Transport =
    BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, TransportError>;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// It was never sent: the address is forbidden.
    #[error("the address is forbidden: {0}")]
    Forbidden(String),
    /// It was never sent: no connection could be made.
    #[error("no connection: {0}")]
    NotSent(String),
    /// It was sent, and no answer came: it may have been applied.
    #[error("no answer: {0}")]
    Lost(String),
}

/// Sends one request.
///
/// # Errors
/// Why there is no answer.
pub async fn send(
    transport: &Transport,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    transport.clone().ready().await?.call(request).await
}

/// The transport of production: reqwest over rustls with compiled-in roots, no proxy, no redirects,
/// public addresses only. One per process.
///
/// # Errors
/// The TLS library cannot be set up.
pub fn https(allowed: Allowed) -> Result<Transport, reqwest::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
    let mut builder = reqwest::Client::builder();
    if let Ok(tls) = tls {
        builder = builder.tls_backend_preconfigured(tls);
    }
    let client = builder
        .dns_resolver(Resolver(allowed.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .user_agent(concat!("liveprompt-crm-hub/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(BoxCloneSyncService::new(service_fn(move |request| {
        call(client.clone(), allowed.clone(), request)
    })))
}

async fn call(
    client: reqwest::Client,
    allowed: Allowed,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    let url = Url::parse(&request.uri().to_string())
        .map_err(|error| TransportError::Forbidden(error.to_string()))?;
    egress::check(&url, &allowed).map_err(|error| TransportError::Forbidden(error.to_string()))?;
    let most = request.extensions().get::<ReadAtMost>().copied();
    let request = reqwest::Request::try_from(request)
        .map_err(|error| TransportError::Forbidden(error.to_string()))?;
    let mut reply = client
        .execute(request)
        .await
        .map_err(|error| classify(&error))?;
    let mut answer = http::Response::builder().status(reply.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(reply.headers());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = reply
        .chunk()
        .await
        .map_err(|error| TransportError::Lost(chain(&error)))?
    {
        if let Some(ReadAtMost(most)) = most
            && body.len() + chunk.len() >= most
        {
            let left = chunk.len().min(most - body.len());
            body.extend_from_slice(chunk.get(..left).unwrap_or_default());
            break;
        }
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(TransportError::Lost(format!(
                "the answer is larger than {MAX_ANSWER} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    answer
        .body(body.freeze())
        .map_err(|error| TransportError::Lost(error.to_string()))
}

fn classify(error: &reqwest::Error) -> TransportError {
    let text = chain(error);
    if error.is_connect() {
        let forbidden =
            std::iter::successors(std::error::Error::source(error), |cause| cause.source())
                .any(<dyn std::error::Error>::is::<egress::Refused>);
        return if forbidden {
            TransportError::Forbidden(text)
        } else {
            TransportError::NotSent(text)
        };
    }
    TransportError::Lost(text)
}

/// The chain of causes without the address, which may hold a token.
fn chain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else {
        "failed"
    };
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .fold(kind.to_owned(), |text, cause| format!("{text}: {cause}"))
}
