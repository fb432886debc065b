//! Reading: the query options, what they select, and how rows leave.

mod filter;
mod options;
mod passing;
mod shown;

pub(super) use filter::Filter;
pub(super) use options::{Options, Prefer};
