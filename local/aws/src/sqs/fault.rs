//! The errors of SQS, under both names: the JSON protocol's and the older query protocol's, by which SDKs type them.

use serde_json::{Value, json};

use crate::call::{Answer, Service};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    QueueDoesNotExist,
    QueueNameExists,
    PurgeQueueInProgress,
    ReceiptHandleIsInvalid,
    MessageNotInflight,
    OverLimit,
    InvalidMessageContents,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    MissingParameter,
    EmptyBatchRequest,
    TooManyEntriesInBatchRequest,
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    InvalidBatchEntryId,
    InvalidAction,
}

impl Code {
    /// The shape's name in the JSON protocol, and the code of the query protocol.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::QueueDoesNotExist => (
                "QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::QueueNameExists => ("QueueNameExists", "QueueAlreadyExists"),
            Self::PurgeQueueInProgress => (
                "PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
            ),
            Self::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::MessageNotInflight => (
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Self::OverLimit => ("OverLimit", "OverLimit"),
            Self::InvalidMessageContents => ("InvalidMessageContents", "InvalidMessageContents"),
            Self::InvalidAttributeName => ("InvalidAttributeName", "InvalidAttributeName"),
            Self::InvalidAttributeValue => ("InvalidAttributeValue", "InvalidAttributeValue"),
            Self::InvalidParameterValue => {
                ("InvalidParameterValueException", "InvalidParameterValue")
            }
            Self::MissingParameter => ("MissingRequiredParameterException", "MissingParameter"),
            Self::EmptyBatchRequest => (
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::TooManyEntriesInBatchRequest => (
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::BatchEntryIdsNotDistinct => (
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::BatchRequestTooLong => (
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::InvalidBatchEntryId => (
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::InvalidAction => ("UnknownOperationException", "InvalidAction"),
        }
    }
}

/// A refused call, or a refused entry of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterValue, message)
    }

    pub(crate) fn no_queue() -> Self {
        Self::new(
            Code::QueueDoesNotExist,
            "The specified queue does not exist.",
        )
    }

    pub(crate) fn answer(&self) -> Answer {
        let (shape, query) = self.code.names();
        let namespace = match self.code {
            Code::InvalidParameterValue | Code::MissingParameter | Code::InvalidAction => {
                "com.amazon.coral.service"
            }
            _ => "com.amazonaws.sqs",
        };
        let body = json!({ "__type": format!("{namespace}#{shape}"), "message": self.message });
        let mut answer = Answer::json(Service::Sqs, 400, &body);
        answer.query_error = Some(format!("{query};Sender"));
        answer
    }

    /// The same within the `Failed` of a batch.
    pub(crate) fn entry(&self, id: &str) -> Value {
        let (_, code) = self.code.names();
        json!({ "Id": id, "SenderFault": true, "Code": code, "Message": self.message })
    }
}
