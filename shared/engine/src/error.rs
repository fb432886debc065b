//! What can go wrong in a use case, by who has to act.

use hub_aws::AwsError;
use hub_domain::{Faults, Verdict};

/// A failed use case.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The caller sent something wrong; the faults say what would be right.
    #[error("the input is invalid")]
    Invalid(#[source] Faults),
    /// The caller is not who they say, or may not.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it is another tenant's.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Somebody changed it meanwhile, or it is in another state than the call needs.
    #[error("conflict: {0}")]
    Conflict(String),
    /// It may work later, unchanged.
    #[error("{context} is not available")]
    Unavailable {
        /// What was tried.
        context: &'static str,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The CRM said no.
    #[error("the CRM refused: {}", .0.name())]
    Crm(Verdict),
    /// Our invariant broke, or a stored thing cannot be read.
    #[error("{context} failed")]
    Bug {
        /// What was tried.
        context: &'static str,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl EngineError {
    /// What an AWS error means while doing `context`.
    pub(crate) fn aws(context: &'static str) -> impl Fn(AwsError) -> Self {
        move |error| match error {
            AwsError::Unavailable { .. } | AwsError::Throttled { .. } => Self::Unavailable { context, source: Some(Box::new(error)) },
            AwsError::Conflict { .. } => Self::Conflict("it was changed at the same time; read it again".to_owned()),
            AwsError::NotFound { .. } => Self::NotFound(context),
            AwsError::Refused { .. } | AwsError::Corrupt { .. } => Self::Bug { context, source: Some(Box::new(error)) },
        }
    }
}

/// The verdict on a delivery that could not go on because of AWS.
pub(crate) fn aws_verdict(error: &AwsError) -> Verdict {
    match error {
        AwsError::Unavailable { .. } | AwsError::Throttled { .. } | AwsError::Conflict { .. } => {
            Verdict::Retry { after: None, reason: error.to_string() }
        }
        AwsError::NotFound { .. } | AwsError::Refused { .. } | AwsError::Corrupt { .. } => Verdict::Bug { reason: error.to_string() },
    }
}
