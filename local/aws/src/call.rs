//! One call of an AWS service, however it arrived, and its answer.

use bytes::Bytes;

/// The services that are here, told apart by the prefix of `X-Amz-Target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    DynamoDb,
    Sqs,
    Secrets,
}

impl Service {
    /// The name that [`Counts`](crate::Counts) uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Sqs => "sqs",
            Self::Secrets => "secretsmanager",
        }
    }

    /// awsJson1.1 for Secrets Manager, 1.0 for the others.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::DynamoDb | Self::Sqs => "application/x-amz-json-1.0",
            Self::Secrets => "application/x-amz-json-1.1",
        }
    }
}

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) body: Bytes,
    /// The access key id of the signature. The signature itself is not checked.
    pub(crate) principal: String,
}

impl Call {
    /// Reads the two headers that matter. `None` when the target names no service that is here.
    pub(crate) fn parse(
        target: Option<&str>,
        authorization: Option<&str>,
        body: Bytes,
    ) -> Option<Self> {
        let (prefix, operation) = target?.split_once('.')?;
        let service = match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Service::DynamoDb,
            "AmazonSQS" => Service::Sqs,
            "secretsmanager" => Service::Secrets,
            _ => return None,
        };
        Some(Self {
            service,
            operation: operation.to_owned(),
            body,
            principal: principal(authorization).unwrap_or("anonymous").to_owned(),
        })
    }
}

/// `AWS4-HMAC-SHA256 Credential=AKID/20260224/us-east-1/sqs/aws4_request, …` is by `AKID`.
fn principal(authorization: Option<&str>) -> Option<&str> {
    let (_, after) = authorization?.split_once("Credential=")?;
    after.split('/').next().filter(|id| !id.is_empty())
}

/// What the client gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// `x-amzn-query-error`: SQS names its errors by the codes of its older protocol there.
    pub(crate) query_error: Option<String>,
}

impl Answer {
    pub(crate) fn json(service: Service, status: u16, body: &serde_json::Value) -> Self {
        Self::raw(service, status, Bytes::from(body.to_string()))
    }

    pub(crate) fn raw(service: Service, status: u16, body: Bytes) -> Self {
        Self {
            status,
            content_type: service.content_type(),
            body,
            query_error: None,
        }
    }

    /// For a target that is not here.
    pub(crate) fn unknown_operation() -> Self {
        Self::json(
            Service::DynamoDb,
            400,
            &serde_json::json!({ "__type": "com.amazon.coral.service#UnknownOperationException" }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_names_service_and_operation() {
        let auth = "AWS4-HMAC-SHA256 Credential=AKIDINGEST/20260224/us-east-1/sqs/aws4_request, SignedHeaders=host";
        let call = Call::parse(Some("AmazonSQS.SendMessage"), Some(auth), Bytes::new()).unwrap();
        assert_eq!(call.service, Service::Sqs);
        assert_eq!(call.operation, "SendMessage");
        assert_eq!(call.principal, "AKIDINGEST");
        let call = Call::parse(Some("DynamoDB_20120810.PutItem"), None, Bytes::new()).unwrap();
        assert_eq!(call.principal, "anonymous");
        assert!(Call::parse(Some("Kinesis_20131202.PutRecord"), None, Bytes::new()).is_none());
        assert!(Call::parse(None, None, Bytes::new()).is_none());
    }
}
