//! The vendor's errors: one text for a call, the fields with their faults for a row of a bulk call.

use serde_json::{Map, Value, json};

use crate::oauth::Answer;

/// Why a call or a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The field, unless it is about the whole.
    pub(super) field: String,
    pub(super) error: String,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    /// A value that was not accepted.
    pub(super) fn invalid(field: &str, error: &str) -> Self {
        Self {
            status: 422,
            field: field.to_owned(),
            error: error.to_owned(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self {
            status: 404,
            field: String::new(),
            error: "Resource not found".to_owned(),
        }
    }

    pub(super) fn bad() -> Self {
        Self {
            status: 400,
            field: String::new(),
            error: "Bad Request".to_owned(),
        }
    }

    fn message(&self) -> String {
        match (self.status, self.field.as_str()) {
            (422, "") => format!("Invalid input: {}", self.error),
            (422, field) => format!("Invalid input: {field}: {}", self.error),
            _ => self.error.clone(),
        }
    }

    /// As the answer to a call.
    pub(super) fn answer(&self) -> Answer {
        failed(self.status, &self.message())
    }

    /// As a row of a bulk call; an update names its record.
    pub(super) fn row(&self, id: Option<u64>) -> Value {
        let message = if self.field.is_empty() {
            json!(self.error)
        } else {
            json!({ &self.field: [{ "error": self.error }] })
        };
        let mut row = Map::new();
        row.insert("success".to_owned(), json!(false));
        if let Some(id) = id {
            row.insert("id".to_owned(), json!(id));
        }
        row.insert("message".to_owned(), message);
        Value::Object(row)
    }
}

pub(super) fn failed(status: u16, message: &str) -> Answer {
    let body = json!({ "success": false, "status": status, "message": message });
    Answer::json(status, body)
}

/// A bulk call with more rows than it takes.
pub(super) fn too_large(most: usize) -> Answer {
    let error = format!("Request size too large, limit is {most}");
    Answer::json(422, json!({ "error": error }))
}
