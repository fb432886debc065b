//! A query as a tree: what `parse` makes and the others read.

use super::token::Pattern;

/// A name with dots, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// In capitals, the function around it: `COUNT(Id)`.
    pub(super) function: Option<String>,
    pub(super) parts: Vec<String>,
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) select: Vec<Item>,
    pub(super) from: (String, usize),
    pub(super) filter: Option<Condition>,
    pub(super) group: Vec<Path>,
    pub(super) having: Option<Condition>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Path(Path),
    Child(Box<Query>),
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)`, `FIELDS(CUSTOM)`.
    Fields(String),
    /// `COUNT()`.
    Count,
    /// `SUM(Amount) total`: the whole as a column, and the name it is given.
    Aggregate(Path, Option<String>),
    /// A grouped field with another name.
    Renamed(Path, String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare(Path, Comparison, Literal),
    Like(Path, Vec<Pattern>),
    In(Path, bool, Vec<Literal>),
    InQuery(Path, bool, Box<Query>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Text(String),
    Number(f64),
    Boolean(bool),
    Date(String),
    /// In the form datetimes are kept in.
    DateTime(String),
    /// A named range of days, as `TODAY` or `LAST_N_DAYS:30`.
    Days(String, Option<i64>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) path: Path,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}
