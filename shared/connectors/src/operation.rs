//! What can be asked of a CRM, and what it answers.

use bytes::Bytes;
use hub_domain::{Plan, Timestamp, Write, mapping::RecordKind, matching::Candidate};
use serde::{Deserialize, Serialize};

/// What can be asked of a CRM. Each is one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Who has these addresses (lower-cased)? At most [`crate::Batch::lookup`] of them.
    FindPeople {
        /// The addresses.
        emails: Vec<String>,
    },
    /// Write these plans: the verdicts come one per write, plan by plan. Made by
    /// [`crate::Connector::writes`], which keeps to what one call takes.
    Write {
        /// The plans.
        plans: Vec<Plan>,
    },
    /// Which fields has this object?
    Describe {
        /// The CRM's object.
        object: String,
    },
    /// Which records hold these keys of ours? What is not named in the answer counts as not there, so
    /// the answer must be whole: [`crate::Connector::next`] asks for further pages.
    ReadBack {
        /// What kind of record.
        kind: RecordKind,
        /// The CRM's object.
        object: String,
        /// Our keys.
        keys: Vec<String>,
        /// The writes they are of, for a CRM that finds nothing by our key alone and has to be asked by
        /// people or by time. Empty where a person asks.
        writes: Vec<Write>,
        /// No record of these keys was made before this, as far as we know.
        since: Option<Timestamp>,
        /// Where the answer goes on, in the connector's own words: [`crate::Connector::next`] alone sets it.
        cursor: Option<String>,
    },
}

/// What the CRM sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: http::StatusCode,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// When it arrived.
    pub at: Timestamp,
}

impl Reply {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What a reading operation found.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Operation::FindPeople`].
    People(Vec<Candidate>),
    /// To [`Operation::Describe`].
    Fields(Vec<Field>),
    /// To [`Operation::ReadBack`].
    Records(Vec<ReadBack>),
}

/// A record found by our key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReadBack {
    /// Our key.
    pub key: String,
    /// The CRM's id.
    pub id: String,
}

/// What a CRM's field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    Text,
    /// One of a list.
    Choice,
    /// Several of a list.
    Choices,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A calendar day.
    Date,
    /// A moment.
    Datetime,
    /// Another record.
    Reference,
    /// Anything else.
    Other,
}

/// A field of a CRM's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The CRM's name of it.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// What it holds.
    pub kind: FieldType,
    /// The longest text, where there is a limit.
    pub max: Option<usize>,
    /// Whether a new record must have it.
    pub required: bool,
    /// Whether we may write it.
    pub writable: bool,
    /// Whether the CRM lets no two records have the same value.
    pub unique: bool,
    /// The list, for a choice.
    pub options: Vec<String>,
}
