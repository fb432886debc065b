//! The vendor's errors: a category, a sentence, a context, and what was wrong in particular.

use std::num::NonZeroU32;

use serde_json::{Map, Value, json};

use super::kinds::Kind;

/// What went wrong with one record or one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) category: Option<String>,
    pub(super) message: String,
    pub(super) context: Map<String, Value>,
    pub(super) errors: Vec<Value>,
    /// The limit that was reached.
    pub(super) policy: Option<&'static str>,
    /// Seconds, as a header.
    pub(super) retry_after: Option<NonZeroU32>,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

/// One property value that was not accepted.
#[derive(Debug, Clone)]
pub(super) struct Invalid {
    pub(super) name: String,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, category: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            category: (!category.is_empty()).then(|| category.to_owned()),
            message: message.into(),
            context: Map::new(),
            errors: Vec::new(),
            policy: None,
            retry_after: None,
        }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "VALIDATION_ERROR", message)
    }

    /// A record, a property or a path that is not there.
    pub(super) fn not_found() -> Self {
        Self::new(404, "", "resource not found")
    }

    pub(super) fn with(mut self, name: &str, values: &[&str]) -> Self {
        self.context.insert(name.to_owned(), json!(values));
        self
    }

    pub(super) fn with_error(mut self, error: Value) -> Self {
        self.errors.push(error);
        self
    }

    /// The parser's complaint.
    pub(super) fn json(line: usize, column: usize, why: &str) -> Self {
        let message = format!("Invalid input JSON on line {line}, column {column}: {why}");
        Self::new(400, "", message)
    }

    /// A member of the body that has the wrong type.
    pub(super) fn shape(what: &str) -> Self {
        Self::json(1, 2, &format!("Cannot deserialize `{what}`"))
    }

    pub(super) fn fields_missing(names: &[&str]) -> Self {
        let names = names.join(", ");
        Self::validation(format!(
            "Invalid input JSON on line 1, column 2. Some required fields were not set: [{names}]"
        ))
    }

    /// Property values that were not accepted: the list is JSON inside the message.
    pub(super) fn invalid(portal: u64, invalid: &[Invalid]) -> Self {
        let list: Vec<Value> = invalid
            .iter()
            .map(|one| {
                json!({ "isValid": false, "message": one.message, "error": one.code, "name": one.name,
                    "localizedErrorMessage": one.message, "portalId": portal })
            })
            .collect();
        let mut refusal = Self::validation(format!(
            "Property values were not valid: {}",
            Value::Array(list)
        ));
        refusal.errors = invalid
            .iter()
            .map(|one| {
                json!({ "message": one.message, "code": one.code, "context": { "propertyName": [one.name] } })
            })
            .collect();
        refusal
    }

    pub(super) fn unset(kind: Kind, names: &[&str]) -> Self {
        let message = format!(
            "Error creating {}. Some required properties were not set.",
            kind.name()
        );
        Self::validation(message).with("properties", names)
    }

    pub(super) fn missing_scopes(any_of: &[&str]) -> Self {
        let message = "This app hasn't been granted all required scopes to make this call. Read more about required \
                       scopes here: https://developers.hubspot.com/scopes.";
        Self::new(403, "MISSING_SCOPES", message).with_error(json!({
            "message": "One or more of the following scopes are required.",
            "context": { "requiredGranularScopes": any_of },
        }))
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can \
                       find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview";
        Self::new(401, "INVALID_AUTHENTICATION", message)
    }

    /// A limit: `policy` is its name, the message repeats it in lower case.
    pub(super) fn limit(policy: &'static str) -> Self {
        let message = format!(
            "You have reached your {} limit.",
            policy.to_ascii_lowercase()
        );
        let mut refusal = Self::new(429, "", message);
        refusal.policy = Some(policy);
        refusal
    }

    /// The body of an answer.
    pub(super) fn body(&self, correlation: &str) -> Value {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("error"));
        body.insert("message".to_owned(), json!(self.message));
        body.insert("correlationId".to_owned(), json!(correlation));
        if let Some(category) = &self.category {
            body.insert("category".to_owned(), json!(category));
        }
        if !self.context.is_empty() {
            body.insert("context".to_owned(), json!(self.context));
        }
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), json!(self.errors));
        }
        if let Some(policy) = self.policy {
            body.insert("errorType".to_owned(), json!("RATE_LIMIT"));
            body.insert("policyName".to_owned(), json!(policy));
            body.insert("requestId".to_owned(), json!(correlation.replace('-', "")));
        }
        Value::Object(body)
    }

    /// The entry in the `errors` of a batch.
    pub(super) fn entry(&self, trace: Option<&str>) -> Value {
        let mut context = self.context.clone();
        if let Some(trace) = trace {
            context.insert("objectWriteTraceId".to_owned(), json!([trace]));
        }
        json!({
            "status": "error",
            "category": self.category.as_deref().unwrap_or("OBJECT_NOT_FOUND"),
            "message": self.message,
            "context": context,
            "errors": self.errors,
            "links": {},
        })
    }
}
