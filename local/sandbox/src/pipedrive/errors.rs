//! The vendor's errors. The gateway's have `errorCode`; v2 has `code`; v1 has `error_info` and empty data.

use serde_json::{Value, json};

use crate::oauth::Answer;

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) error: String,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &str, error: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            error: error.into(),
        }
    }

    /// One value that was not accepted.
    pub(super) fn invalid(name: &str, why: &str) -> Self {
        let error = format!("Validation failed: {name}: {why}");
        Self::new(400, "ERR_SCHEMA_VALIDATION_FAILED", error)
    }

    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(400, "ERR_BAD_REQUEST", error)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(404, "ERR_NOT_FOUND", format!("{what} not found"))
    }

    pub(super) fn answer(&self, version: u8) -> Answer {
        let body = if version == 1 {
            json!({ "success": false, "error": self.error, "error_info": INFO, "data": null, "additional_data": null })
        } else {
            json!({ "success": false, "error": self.error, "code": self.code })
        };
        Answer::json(self.status, body)
    }
}

const INFO: &str = "Please check developers.pipedrive.com";

/// The gateway's own errors.
pub(super) fn failed(status: u16, error: &str) -> Answer {
    Answer::json(
        status,
        json!({ "success": false, "error": error, "errorCode": status, "error_info": INFO }),
    )
}

pub(super) fn unauthorized() -> Answer {
    failed(401, "unauthorized access").with("x-401-by-gw", "true")
}

pub(super) fn mismatch() -> Answer {
    failed(403, "Scope and URL mismatch")
}

/// The page of whoever goes on after a 429.
pub(super) fn locked_out() -> Answer {
    Answer::html(
        403,
        "<html><head><title>Access denied | Cloudflare</title></head><body>Error 1015</body></html>",
    )
}

/// A success.
#[expect(clippy::needless_pass_by_value, reason = "data is written in place")]
pub(super) fn success(data: Value) -> Answer {
    Answer::json(200, json!({ "success": true, "data": data }))
}

/// A page of a list, and where the next one starts.
#[expect(clippy::needless_pass_by_value, reason = "data is written in place")]
pub(super) fn page(data: Value, cursor: Option<String>) -> Answer {
    Answer::json(
        200,
        json!({ "success": true, "data": data, "additional_data": { "next_cursor": cursor } }),
    )
}
