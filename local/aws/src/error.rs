//! What can go wrong with the machine itself. What a client did wrong is an answer, as on AWS.

/// The local AWS could not start or serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The embedded database did not open or did not answer.
    #[error("the embedded DynamoDB failed")]
    Database(#[source] dynoxide::DynoxideError),
    /// The HTTP port failed.
    #[error("the HTTP port failed")]
    Port(#[source] std::io::Error),
}
