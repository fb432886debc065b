//! What is wrong with an input, all of it at once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

/// Every fault found in one input; never empty when it stands in an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The most faults one answer lists: enough to mend an input in one go, bounded because a
    /// hostile batch could have one per byte.
    pub const MOST: usize = 100;

    /// Notes one more fault; those beyond [`Self::MOST`] are dropped.
    pub fn push(
        &mut self,
        pointer: impl Into<String>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if self.0.len() < Self::MOST {
            self.0.push(Fault {
                pointer: pointer.into(),
                problem: problem.into(),
                expected: expected.into(),
            });
        }
    }

    /// A list with one fault.
    pub fn one(
        pointer: impl Into<String>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let mut faults = Self::default();
        faults.push(pointer, problem, expected);
        faults
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let place = if fault.pointer.is_empty() {
                "the document"
            } else {
                &fault.pointer
            };
            write!(
                f,
                "{separator}{place}: {} (expected {})",
                fault.problem, fault.expected
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
