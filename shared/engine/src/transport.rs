//! The one way out to CRMs: a `tower` service of `http::Request<Bytes>` to `http::Response<Bytes>`.
//!
//! In production it is reqwest behind the egress rules; in tests it is the sandbox, in process.

mod insecure;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{ClientBuilder, dns::Resolve};
use rustls::RootCertStore;
use tower::{Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use url::Url;

pub use insecure::Insecure;

use crate::egress::{self, Allowed, Reach, Resolver};

/// Time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a whole call. CRMs answer in seconds or not at all; a Lambda that waits longer pays.
/// A delivery asks before each whether there is time for it.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// An extension of a request: no more of the answer is read than this many bytes. For receivers that
/// a customer names, whose answer is only looked at.
#[derive(Debug, Clone, Copy)]
pub struct ReadAtMost(pub usize);

/// An extension of a request: what it is for. It is not sent; whoever stands in for the CRM counts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To find something out.
    Read,
    /// To write records.
    Write,
}

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
    /// It was never sent: the other side did not prove who it is.
    #[error("no secure connection: {0}")]
    Insecure(Insecure),
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
    over(
        allowed,
        |reach| Resolver::new(reach, egress::system()),
        |client| client,
    )
}

/// The same over other resolvers, and with each client adjusted: tests watch what it connects to.
pub(crate) fn over<R: Resolve + 'static>(
    allowed: Allowed,
    resolver: impl Fn(Reach) -> R,
    adjust: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Transport, reqwest::Error> {
    let client = |reach| {
        let builder = builder()
            .https_only(reach == Reach::Public)
            .dns_resolver(resolver(reach))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .user_agent(concat!("liveprompt-crm-hub/", env!("CARGO_PKG_VERSION")));
        adjust(builder).build()
    };
    let public = client(Reach::Public)?;
    // Production has one client. Where something is exempt, the guarded one still knows nothing of it.
    let exempt = if allowed.is_empty() {
        public.clone()
    } else {
        client(Reach::Exempt)?
    };
    Ok(BoxCloneSyncService::new(service_fn(move |request| {
        call(public.clone(), exempt.clone(), allowed.clone(), request)
    })))
}

/// A client's builder with our TLS and nothing else.
pub(crate) fn builder() -> ClientBuilder {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let builder = reqwest::Client::builder();
    match tls(roots) {
        Ok(tls) => builder.tls_backend_preconfigured(tls),
        Err(_) => builder,
    }
}

/// Our TLS: 1.2 and 1.3, and whom it believes.
pub(crate) fn tls(roots: RootCertStore) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
}

async fn call(
    public: reqwest::Client,
    exempt: reqwest::Client,
    allowed: Allowed,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    let most = request.extensions().get::<ReadAtMost>().copied();
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string())
        .map_err(|error| TransportError::Forbidden(error.to_string()))?;
    let client = match egress::check(&url, &allowed) {
        Ok(Reach::Public) => public,
        Ok(Reach::Exempt) => exempt,
        Err(error) => return Err(TransportError::Forbidden(error.to_string())),
    };
    // What is sent is what was checked: the text is not read a second time.
    let mut request = reqwest::Request::new(head.method, url);
    *request.headers_mut() = head.headers;
    *request.body_mut() = Some(body.into());
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
        return match Insecure::of(error) {
            _ if forbidden => TransportError::Forbidden(text),
            Some(insecure) => TransportError::Insecure(insecure),
            None => TransportError::NotSent(text),
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
