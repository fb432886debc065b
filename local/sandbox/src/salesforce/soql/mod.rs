//! SOQL: a real small parser and evaluator over the org's records.
//!
//! Known: fields, parent paths, child subqueries, `FIELDS()`, `COUNT()`, all comparisons,
//! semi-joins, `GROUP BY` with aggregates and `HAVING`, aliases, ordering, limit, offset. Not known,
//! and refused as the vendor refuses nonsense: `TYPEOF`, `USING SCOPE`, `WITH`, date functions.

mod check;
mod dates;
mod eval;
mod filter;
mod group;
mod parse;
mod token;
mod tree;

use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::times;

pub(super) use eval::Found;

/// A query that cannot be run, with the place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SoqlError {
    column: usize,
    code: &'static str,
    message: String,
}

impl SoqlError {
    fn malformed(column: usize, message: impl Into<String>) -> Self {
        Self {
            column,
            code: "MALFORMED_QUERY",
            message: message.into(),
        }
    }
    fn field(column: usize, message: impl Into<String>) -> Self {
        Self {
            column,
            code: "INVALID_FIELD",
            message: message.into(),
        }
    }

    /// The vendor shows the text around the place, then row and column, then the sentence.
    fn refusal(self, text: &str) -> Refusal {
        let start = self.column.saturating_sub(30);
        let shown: String = text.chars().skip(start).take(60).collect();
        let pad = " ".repeat(self.column.saturating_sub(start + 1));
        let message = format!(
            "\n{shown}\n{pad}^\nERROR at Row:1:Column:{}\n{}",
            self.column, self.message
        );
        Refusal::new(400, self.code, message)
    }
}

/// The vendor's longest query text.
const TEXT_MAX: usize = 100_000;

/// Runs a query for callers of one API version. `all` sees the recycle bin too.
pub(super) fn run(org: &Org, text: &str, all: bool, version: u32) -> Outcome<Found> {
    if text.chars().count() > TEXT_MAX {
        let message = format!("SOQL statements cannot be longer than {TEXT_MAX} characters.");
        return Err(Refusal::new(400, "MALFORMED_QUERY", message));
    }
    let query = parse::parse(text).map_err(|error| error.refusal(text))?;
    eval::Run { org, all, version }
        .query(&query)
        .map_err(|error| error.refusal(text))
}
