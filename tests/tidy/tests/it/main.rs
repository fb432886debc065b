//! The house rules. Each takes a tree and returns its offenders; beside each, a made-up tree shows
//! that an offender is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod bytes;
mod connectors;
mod crates;
mod documents;
mod format;
mod grants;
mod habits;
mod names;
mod purity;
mod routes;
mod samples;
mod sizes;
mod template;
mod verdicts;
mod warnings;
