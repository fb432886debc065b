//! What lies to the hub or speaks for it, in the tests that show that the laboratory notices. Never a switch in the engine.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;

/// What becomes of a call to AWS.
#[derive(Debug)]
pub enum Tampered {
    /// It goes on, changed or not.
    Goes(Box<HttpRequest>),
    /// It is answered, and never arrives.
    Answered(Box<HttpResponse>),
}

/// Changes what goes to a CRM or receiver.
pub type Forge = Arc<dyn Fn(http::Request<Bytes>) -> http::Request<Bytes> + Send + Sync>;

/// Changes calls to AWS, told by the text of their name.
pub type Tamper = Arc<dyn Fn(&str, HttpRequest) -> Tampered + Send + Sync>;
