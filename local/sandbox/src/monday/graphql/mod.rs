//! GraphQL as far as the fake speaks it: documents are parsed, checked against a part of the vendor's
//! schema as a whole, and only then carried out.

mod check;
mod document;
mod lexer;
mod schema;

pub(super) use check::checked;
pub(super) use document::{Operation, parse};
pub(super) use schema::Schema;

use serde_json::{Map, Value};

/// A field that is asked for: arguments have their values, fragments are gone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) args: Map<String, Value>,
    pub(super) of: Vec<Self>,
    /// The types it counts for; empty for all.
    pub(super) on: Vec<String>,
}

impl Field {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.args.get(name)?.as_str()
    }

    /// An id: a text or a number.
    pub(super) fn id(&self, name: &str) -> Option<u64> {
        number(self.args.get(name)?)
    }

    pub(super) fn integer(&self, name: &str, otherwise: usize) -> usize {
        let given = self.args.get(name).and_then(Value::as_u64);
        given.map_or(otherwise, |given| {
            usize::try_from(given).unwrap_or(otherwise)
        })
    }

    /// A list, or one value as a list of it; `None` where nothing is given.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&Value>> {
        match self.args.get(name)? {
            Value::Null => None,
            Value::Array(list) => Some(list.iter().collect()),
            one => Some(vec![one]),
        }
    }

    pub(super) fn ids(&self, name: &str) -> Option<Vec<u64>> {
        Some(self.list(name)?.into_iter().filter_map(number).collect())
    }
}

/// An id as a text or a number.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    }
}

/// What is wrong with a document: the message, and where it is known the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Fault {
    fn parse(message: impl Into<String>) -> Self {
        Self {
            code: "GRAPHQL_PARSE_FAILED",
            message: message.into(),
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: "GRAPHQL_VALIDATION_FAILED",
            message: message.into(),
        }
    }
}
