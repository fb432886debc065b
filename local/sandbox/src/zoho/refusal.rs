//! The vendor's errors. All have one form; those of a record stand where its success would.

use serde_json::{Map, Value, json};

use crate::oauth::Answer;

/// Why a call, or one record of it, was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) details: Map<String, Value>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            details: Map::new(),
        }
    }

    /// One more detail.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// A value that a field does not take.
    pub(super) fn invalid(field: &str) -> Self {
        Self::new(400, "INVALID_DATA", "invalid data").with("api_name", field)
    }

    /// A value of another type than the field's.
    pub(super) fn type_of(field: &str, expected: &str) -> Self {
        Self::invalid(field).with("expected_data_type", expected)
    }

    /// An id of nothing.
    pub(super) fn no_id(field: &str) -> Self {
        let message = "the id given seems to be invalid";
        Self::new(400, "INVALID_DATA", message).with("api_name", field)
    }

    pub(super) fn mandatory(field: &str) -> Self {
        Self::new(400, "MANDATORY_NOT_FOUND", "required field not found").with("api_name", field)
    }

    pub(super) fn no_url() -> Self {
        let message = "Please check if the URL trying to access is a correct one";
        Self::new(404, "INVALID_URL_PATTERN", message)
    }

    pub(super) fn no_module() -> Self {
        let message = "The module name given seems to be invalid";
        Self::new(400, "INVALID_MODULE", message)
    }

    pub(super) fn no_method() -> Self {
        let message = "The http request method type is not a valid one";
        Self::new(400, "INVALID_REQUEST_METHOD", message)
    }

    /// With the place in the request of the field that it names.
    pub(super) fn at(mut self, place: usize) -> Self {
        let name = self.details.get("api_name").and_then(Value::as_str);
        if let Some(name) = name {
            let path = format!("$.data[{place}].{name}");
            self.details.insert("json_path".to_owned(), json!(path));
        }
        self
    }

    pub(super) fn shown(&self) -> Value {
        json!({ "code": self.code, "details": self.details, "message": self.message, "status": "error" })
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::json(self.status, self.shown())
    }
}
