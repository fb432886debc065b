//! The vendor's errors: a status, and a list of messages under it.

use serde_json::json;

use crate::oauth::Answer;

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) messages: Vec<String>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            messages: vec![message.into()],
        }
    }

    /// What was sent does not pass the validation.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A value that its field does not take.
    pub(super) fn invalid(name: &str) -> Self {
        Self::bad(format!("{} is invalid", titled(name)))
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::json(
            self.status,
            json!({ "errors": { "code": self.status, "message": self.messages } }),
        )
    }
}

/// The common form of errors.
pub(super) fn failed(status: u16, message: &str) -> Answer {
    Refusal::new(status, message).answer()
}

/// A limit that is reached, as it is told; `wrapped` is the form that hides it in a 400.
pub(super) fn limited(wait_s: i64, wrapped: bool) -> Answer {
    if wrapped {
        let text =
            "UCR contact fetch failure :: response_code :: 429 :: response :: Too many requests";
        return failed(400, text);
    }
    failed(429, "Too many requests").with("retry-after", wait_s.to_string())
}

/// A field as messages name it: `from_date` is "From date".
fn titled(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The message of a field that has to be there.
pub(super) fn blank(name: &str) -> String {
    format!("{} can't be blank", titled(name))
}
