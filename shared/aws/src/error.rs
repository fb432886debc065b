//! What a failed call to AWS means. A variant exists where a caller does something different.
//!
//! Answers' bodies are dropped on the way in: an answer of Secrets Manager that could not be read
//! may hold a secret.

use std::{error::Error, sync::Arc};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A cause that several entries of one failed batch call share.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A failed call to AWS, or stored bytes that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    /// No answer, or the service failed: the same call may work later. A write may have been
    /// applied.
    #[error("{operation} got no usable answer")]
    Unavailable {
        /// The call, as in `sqs:SendMessageBatch`.
        operation: &'static str,
        /// What happened, if more is known than the service's word.
        source: Option<Cause>,
    },
    /// We are too fast, or a limit on work in flight is reached. Nothing was applied.
    #[error("{operation} was throttled")]
    Throttled {
        /// The call.
        operation: &'static str,
    },
    /// A condition of the call does not hold: somebody else was there first.
    #[error("{operation} met a conflict")]
    Conflict {
        /// The call.
        operation: &'static str,
    },
    /// The named thing does not exist.
    #[error("{operation} found nothing")]
    NotFound {
        /// The call.
        operation: &'static str,
    },
    /// The request is wrong or not allowed: a bug or a misconfiguration, so a repeat is useless.
    #[error("{operation} was refused ({code}): {message}")]
    Refused {
        /// The call.
        operation: &'static str,
        /// The service's code, or ours where the request never left.
        code: String,
        /// The service's words.
        message: String,
    },
    /// Stored bytes cannot be read: wrong key, wrong owner, altered or truncated.
    #[error("{what} cannot be read")]
    Corrupt {
        /// What was read, never its content.
        what: &'static str,
    },
}

impl AwsError {
    /// The same call may succeed later, unchanged.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Throttled { .. } => true,
            Self::Conflict { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Corrupt { .. } => false,
        }
    }

    pub(crate) fn refused(operation: &'static str, code: &str, message: impl Into<String>) -> Self {
        Self::Refused {
            operation,
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// What the failure of any SDK call means.
pub fn classify<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let error = context.into_err();
            let (code, message) = (
                error.code().unwrap_or_default(),
                error.message().unwrap_or_default(),
            );
            match by_code(operation, code, message, (400..500).contains(&status)) {
                AwsError::Unavailable { operation, .. } => AwsError::Unavailable {
                    operation,
                    source: Some(Arc::new(error)),
                },
                AwsError::Refused { .. } if status == 429 => AwsError::Throttled { operation },
                other => other,
            }
        }
        SdkError::ConstructionFailure(context) => {
            let source = SdkError::<E, HttpResponse>::ConstructionFailure(context).into_source();
            let message = source.map_or_else(|_| String::new(), |source| chain(source.as_ref()));
            AwsError::refused(operation, "ConstructionFailure", message)
        }
        other => AwsError::Unavailable {
            operation,
            source: other.into_source().ok().map(Arc::from),
        },
    }
}

/// What an error code means; `sender_fault` says whose fault the service thinks it is where the
/// code is not listed.
pub(crate) fn by_code(
    operation: &'static str,
    code: &str,
    message: &str,
    sender_fault: bool,
) -> AwsError {
    // The query-compatible services send `AWS.SimpleQueueService.X` or `com.amazonaws…#X` for X.
    let name = code.rsplit(['.', '#']).next().unwrap_or(code);
    match name {
        // SQS calls 120,000 messages in flight OverLimit.
        "OverLimit"
        | "KmsThrottled"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingError"
        | "ThrottlingException"
        | "TooManyRequestsException" => AwsError::Throttled { operation },
        "ConditionalCheckFailed"
        | "ConditionalCheckFailedException"
        | "DuplicateItem"
        | "DuplicateItemException"
        | "ResourceExistsException"
        | "TransactionCanceledException"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException" => AwsError::Conflict { operation },
        "NonExistentQueue"
        | "QueueDoesNotExist"
        | "ResourceNotFound"
        | "ResourceNotFoundException" => AwsError::NotFound { operation },
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceUnavailable" => AwsError::Unavailable {
            operation,
            source: None,
        },
        _ if sender_fault => AwsError::refused(operation, code, message),
        _ => AwsError::Unavailable {
            operation,
            source: None,
        },
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::operation::send_message::SendMessageError;
    use aws_smithy_runtime_api::{client::result::ConnectorError, http::StatusCode};
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    fn service(status: u16, code: &str) -> AwsError {
        let error =
            SendMessageError::generic(ErrorMetadata::builder().code(code).message("words").build());
        let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from("body"));
        classify("sqs:Send", SdkError::service_error(error, raw))
    }

    #[test]
    fn each_code_has_its_meaning() {
        for (status, code, expected) in [
            (400, "ThrottlingException", "Throttled"),
            (403, "OverLimit", "Throttled"),
            (429, "Whatever", "Throttled"),
            (400, "ConditionalCheckFailedException", "Conflict"),
            (400, "AWS.SimpleQueueService.NonExistentQueue", "NotFound"),
            (400, "com.amazonaws.sqs#QueueDoesNotExist", "NotFound"),
            (400, "ResourceNotFoundException", "NotFound"),
            (400, "AccessDeniedException", "Refused"),
            (400, "", "Refused"),
            (500, "AccessDeniedException", "Unavailable"),
            (503, "", "Unavailable"),
            (200, "", "Unavailable"),
            (400, "InternalServerError", "Unavailable"),
        ] {
            let got = format!("{:?}", service(status, code));
            assert!(got.starts_with(expected), "{status} {code}: {got}");
        }
    }

    #[test]
    fn what_never_got_an_answer_is_unavailable() {
        let timeout = SdkError::<SendMessageError, HttpResponse>::timeout_error("slow");
        let refused = SdkError::<SendMessageError, HttpResponse>::dispatch_failure(
            ConnectorError::io("reset".into()),
        );
        for error in [timeout, refused] {
            let error = classify("sqs:Send", error);
            assert!(error.is_transient(), "{error:?}");
            assert!(error.source().is_some());
        }
    }

    #[test]
    fn a_request_that_cannot_be_built_is_refused() {
        let error =
            SdkError::<SendMessageError, HttpResponse>::construction_failure("no queue url");
        assert_eq!(
            classify("sqs:Send", error).to_string(),
            "sqs:Send was refused (ConstructionFailure): no queue url"
        );
    }

    #[test]
    fn an_unreadable_answer_does_not_show_its_body() {
        let raw = HttpResponse::new(
            StatusCode::try_from(200).unwrap(),
            SdkBody::from("the secret"),
        );
        let error = classify(
            "vault:Get",
            SdkError::<SendMessageError, _>::response_error("no JSON", raw),
        );
        assert!(error.is_transient());
        assert!(!format!("{error:?}").contains("the secret"));
    }

    #[test]
    fn display_does_not_repeat_its_source() {
        let error = service(503, "ServiceUnavailable");
        assert_eq!(error.to_string(), "sqs:Send got no usable answer");
        assert!(
            error
                .source()
                .is_some_and(|source| !error.to_string().contains(&source.to_string()))
        );
    }
}
