//! The Web API's refusals: a status, a code in hexadecimal digits, a text.

use serde_json::json;

use crate::oauth::Answer;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// Seconds of `Retry-After`.
    pub(super) retry_after: Option<i64>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

/// A payload or an address that the OData library refuses.
const PAYLOAD: &str = "0x80048d19";
const QUERY: &str = "0x80060888";
/// "A record with matching key values already exists."
pub(super) const EXISTS: &str = "0x80040237";

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            retry_after: None,
        }
    }

    /// A body that cannot be taken.
    pub(super) fn payload(set: &str, inner: &str) -> Self {
        let message = format!(
            "Error identified in Payload provided by the user for Entity :'{set}', For more information on this error \
             please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ----> InnerException : \
             Microsoft.OData.ODataException: {inner}"
        );
        Self::new(400, PAYLOAD, message)
    }

    /// A query that cannot be carried out.
    pub(super) fn query(message: impl Into<String>) -> Self {
        Self::new(400, QUERY, message)
    }

    pub(super) fn no_property(name: &str, table: &str) -> Self {
        Self::query(format!(
            "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'."
        ))
    }

    pub(super) fn segment(name: &str) -> Self {
        Self::new(
            404,
            "0x80060888",
            format!("Resource not found for the segment '{name}'."),
        )
    }

    pub(super) fn gone(table: &str, id: &str) -> Self {
        Self::new(
            404,
            "0x80040217",
            format!("{table} With Id = {id} Does Not Exist"),
        )
    }

    pub(super) fn exists() -> Self {
        Self::new(
            412,
            EXISTS,
            "A record with matching key values already exists.",
        )
    }

    pub(super) fn stale() -> Self {
        let message =
            "The version of the existing record doesn't match the RowVersion property provided.";
        Self::new(412, "0x80060882", message)
    }

    pub(super) fn method(method: &str) -> Self {
        let message = format!("The requested resource does not support http method '{method}'.");
        Self::new(405, "0x0", message)
    }

    pub(super) fn answer(&self) -> Answer {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let answer = Answer::new(
            self.status,
            "application/json; odata.metadata=minimal",
            body.to_string(),
        )
        .with("odata-version", "4.0");
        match self.retry_after {
            Some(seconds) => answer.with("retry-after", seconds.to_string()),
            None => answer,
        }
    }
}
