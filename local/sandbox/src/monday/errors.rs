//! The vendor's errors: most of them stand in a 200, with the alias they are about.

use serde_json::{Map, Value, json};

use crate::oauth::Answer;

/// Why a field was not answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    /// What `extensions.status_code` says.
    pub(super) status: u16,
    /// What `extensions.error_data` says.
    pub(super) data: Map<String, Value>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status,
            data: Map::new(),
        }
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgumentException", message)
    }

    pub(super) fn gone(what: &str, id: impl std::fmt::Display) -> Self {
        let message = format!("{what} not found: {id}");
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// A column that takes no such value; the message does not quote it, the data does.
    pub(super) fn value(column: &str, kind: &str, value: &Value) -> Self {
        let message = "invalid value, please check our API documentation for the correct data structure for this column. https://developer.monday.com/api-reference/reference/column-types-reference";
        let mut refusal = Self::new(200, "ColumnValueException", message);
        let data = [
            ("column_id", json!(column)),
            ("column_type", json!(kind)),
            ("column_value", json!(value.to_string())),
        ];
        refusal
            .data
            .extend(data.map(|(name, value)| (name.to_owned(), value)));
        refusal
    }

    pub(super) fn no_column(column: &str) -> Self {
        let message = "This column ID doesn't exist for the board";
        let mut refusal = Self::new(200, "InvalidColumnIdException", message);
        refusal.data.insert("column_id".to_owned(), json!(column));
        refusal
    }

    /// As it stands in `errors`.
    pub(super) fn entry(&self, path: &str) -> Value {
        let mut extensions = json!({ "code": self.code, "status_code": self.status });
        if let (false, Some(members)) = (self.data.is_empty(), extensions.as_object_mut()) {
            members.insert("error_data".to_owned(), json!(self.data));
        }
        json!({ "message": self.message, "path": [path], "extensions": extensions })
    }
}

/// A request that is refused as a whole.
pub(super) fn failed(status: u16, message: &str, code: &str) -> Answer {
    let extensions = json!({ "code": code, "status_code": status });
    Answer::json(
        status,
        json!({ "errors": [{ "message": message, "extensions": extensions }] }),
    )
}

/// A limit: when to ask again stands in the header and in the body.
pub(super) fn limited(code: &str, message: &str, seconds: i64) -> Answer {
    let extensions = json!({ "code": code, "retry_in_seconds": seconds, "status_code": 429 });
    let body = json!({ "errors": [{ "message": message, "extensions": extensions }] });
    Answer::json(429, body).with("retry-after", seconds.to_string())
}

/// The body that says a scope is missing; its status is 200.
pub(super) fn missing_permission() -> Value {
    let message = "User unauthorized to perform action: missing required permissions";
    json!({ "errors": [{ "message": message, "extensions": { "code": "missingRequiredPermissions" } }], "data": null })
}

pub(super) fn conflict() -> Answer {
    let message = "A request with this idempotency key is currently being processed";
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": "IDEMPOTENCY_CONFLICT" } }] });
    Answer::json(409, body).with("retry-after", "2")
}
