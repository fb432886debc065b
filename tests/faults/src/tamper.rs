//! What lies to the hub, in the tests that show that the laboratory notices. Never a switch in the engine.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};

/// What becomes of a call to AWS.
#[derive(Debug)]
pub enum Tampered {
    /// It goes on, changed or not.
    Goes(Box<HttpRequest>),
    /// It is answered, and never arrives.
    Answered(Box<HttpResponse>),
}

/// Changes calls to AWS, told by the text of their name.
pub type Tamper = Arc<dyn Fn(&str, HttpRequest) -> Tampered + Send + Sync>;
