//! The store, the queues and the vault on the embedded AWS, and the same suites on a second emulator
//! over HTTP when `HUB_SECOND_OPINION` names one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that panics is a test that fails, and tests may print and read the environment"
)]

mod clients;
mod harness;
mod queues;
mod store;
mod vault;
mod wire;
