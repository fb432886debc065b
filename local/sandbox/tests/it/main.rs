//! The sandbox as a caller sees it: every rule as a story told through `Sandbox::handle`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::needless_pass_by_value, // bodies are written in place
    clippy::disallowed_methods, // CRM_SPECS and CI are read where the test needs them
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and exports nothing"
)]

mod caller;
mod copper;
mod dynamics365;
mod freshsales;
mod hubspot;
mod monday;
mod page;
mod pipedrive;
mod receiver;
mod salesforce;
mod served;
mod spec;
mod zoho;
