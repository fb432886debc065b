//! The vendor's errors: a code, a sentence, the fields; a status for the transport.

use serde_json::{Value, json};

/// What went wrong with one record or one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// Present in the answer only where the vendor has it.
    pub(super) fields: Option<Vec<String>>,
    /// Instead of the error array: several matches of an external id answer with their URLs.
    pub(super) choices: Option<Vec<String>>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            fields: None,
            choices: None,
        }
    }

    /// About fields of a record: always 400.
    pub(super) fn fields(code: &str, message: impl Into<String>, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|f| (*f).to_owned()).collect();
        Self {
            fields: Some(fields),
            ..Self::new(400, code, message)
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn no_such_column(field: &str, object: &str) -> Self {
        let message = format!("No such column '{field}' on sobject of type {object}");
        Self::new(400, "INVALID_FIELD", message)
    }

    pub(super) fn json(message: impl Into<String>) -> Self {
        Self::new(400, "JSON_PARSER_ERROR", message)
    }

    pub(super) fn method(method: &str, allowed: &str) -> Self {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
        Self::new(405, "METHOD_NOT_ALLOWED", message)
    }

    pub(super) fn deleted() -> Self {
        Self::new(404, "ENTITY_IS_DELETED", "entity is deleted")
    }

    pub(super) fn halted(message: impl Into<String>) -> Self {
        Self::new(400, "PROCESSING_HALTED", message)
    }

    /// What every other operation of a failed all-or-none call is told.
    pub(super) fn rolled_back() -> Self {
        Self::halted(
            "The transaction was rolled back since another operation in the same transaction failed.",
        )
    }

    /// The body of a REST answer.
    pub(super) fn body(&self) -> Value {
        if let Some(choices) = &self.choices {
            return json!(choices);
        }
        let mut error = json!({ "message": self.message, "errorCode": self.code });
        if let (Some(fields), Some(error)) = (&self.fields, error.as_object_mut()) {
            error.insert("fields".to_owned(), json!(fields));
        }
        json!([error])
    }

    /// The entry in the `errors` of a collection's result.
    pub(super) fn entry(&self) -> Value {
        let fields = self.fields.clone().unwrap_or_default();
        json!({ "statusCode": self.code, "message": self.message, "fields": fields })
    }
}
