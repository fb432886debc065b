//! What can go wrong in a use case, by who has to act.

use hub_aws::AwsError;
use hub_domain::{Faults, Verdict, subscription::LimitReached};
use serde_json::{Map, Value};

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
    /// It is not at the version that the caller has seen.
    #[error("it is at version {version}, which is not the one the change was made for")]
    Changed {
        /// The version it is at.
        version: u64,
    },
    /// The plan does not allow more.
    #[error("{0}")]
    PlanLimit(LimitReached),
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
            AwsError::Unavailable { .. } | AwsError::Throttled { .. } => Self::Unavailable {
                context,
                source: Some(Box::new(error)),
            },
            AwsError::Conflict { .. } => {
                Self::Conflict("it was changed at the same time; read it again".to_owned())
            }
            AwsError::NotFound { .. } => Self::NotFound(context),
            AwsError::Refused { .. } | AwsError::Corrupt { .. } => Self::Bug {
                context,
                source: Some(Box::new(error)),
            },
        }
    }
}

/// What a caller is told of a failure: never its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The HTTP status, by who has to act.
    pub status: u16,
    /// What happened and what to do about it.
    pub detail: String,
    /// What is wrong with the input, place by place.
    pub faults: Faults,
    /// What a program can act on.
    pub members: Map<String, Value>,
}

impl Public {
    pub(crate) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            faults: Faults::default(),
            members: Map::new(),
        }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }
}

impl EngineError {
    /// What a caller is told.
    pub fn public(&self) -> Public {
        match self {
            Self::Invalid(faults) => Public {
                faults: faults.clone(),
                ..Public::new(422, "The faults say what would be right.")
            },
            Self::Forbidden(words) => Public::new(403, format!("Not allowed: {words}.")),
            Self::NotFound(what) => Public::new(404, format!("Not found: {what}.")),
            Self::Conflict(words) => Public::new(409, format!("Not possible now: {words}.")),
            Self::Changed { version } => Public::new(
                412,
                format!(
                    "It is at version {version}, which is not the one in If-Match. Read it again and decide anew."
                ),
            )
            .with("version", *version),
            Self::PlanLimit(reached) => {
                Public::new(402, format!("Not possible: {reached}."))
                    .with("plan", reached.plan.name())
                    .with("counted", reached.counted.name())
                    .with("limit", reached.limit)
                    .with("used", reached.used)
            }
            Self::Unavailable { context, .. } => Public::new(
                503,
                format!("Not available now: {context}. The same request may succeed later."),
            ),
            Self::Crm(verdict) => refused_by_crm(verdict),
            Self::Bug { .. } => Public::new(500, "Something failed on our side."),
        }
    }
}

/// The reasons of these verdicts are made for people: deliveries show them too.
fn refused_by_crm(verdict: &Verdict) -> Public {
    match verdict {
        Verdict::Reauthorize { cause, reason } => Public::new(
            502,
            format!("The CRM refused: {reason}. What to do: {}.", cause.advice()),
        ),
        Verdict::Misconfigured { reason } => {
            Public::new(502, format!("Something is not set up: {reason}."))
        }
        Verdict::Retry { .. } | Verdict::Throttle { .. } => {
            Public::new(503, "The CRM does not answer now. Try again in a minute.")
        }
        Verdict::Reject(_) | Verdict::Refresh => Public::new(502, "The CRM refused."),
        Verdict::Done { .. } | Verdict::Skip(_) | Verdict::Bug { .. } => {
            Public::new(500, "Something failed on our side.")
        }
    }
}

/// The verdict on a delivery that could not go on because of AWS.
pub(crate) fn aws_verdict(error: &AwsError) -> Verdict {
    match error {
        AwsError::Unavailable { .. } | AwsError::Throttled { .. } | AwsError::Conflict { .. } => {
            Verdict::Retry {
                after: None,
                reason: error.to_string(),
            }
        }
        AwsError::NotFound { .. } | AwsError::Refused { .. } | AwsError::Corrupt { .. } => {
            Verdict::Bug {
                reason: error.to_string(),
            }
        }
    }
}
