//! What every connector must do, over the registry; and what each vendor's own specification says of
//! its requests.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods, // CRM_SPECS and CI are read where the tests need them, in `specs`.
    reason = "tests fail by panicking, and say on stdout what they skipped"
)]

mod authorization;
mod contract;
mod fixture;
mod known_answers;
mod properties;
mod specs;
