//! What breaks a rule, and where.

use std::fmt;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offender {
    /// The file, from the root.
    pub path: String,
    /// The line, from 1; 0 where the file as a whole (or its absence) offends.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Offender {
    /// An offender at a line.
    pub fn new(path: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Offender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        write!(f, "{path}:{line}: {what}")
    }
}

/// Fails with every offender at once.
///
/// # Panics
/// There is one.
#[track_caller]
pub fn assert_none(rule: &str, offenders: &[Offender]) {
    let list: Vec<String> = offenders.iter().map(ToString::to_string).collect();
    assert!(
        list.is_empty(),
        "{rule}\n{} offender(s):\n  {}\n",
        list.len(),
        list.join("\n  ")
    );
}
