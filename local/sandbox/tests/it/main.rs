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

mod activities;
mod aggregates;
mod auth;
mod bulk;
mod collections;
mod composite;
mod copper;
mod dynamics365;
mod faults;
mod freshsales;
mod graph;
mod hubspot;
mod monday;
mod oauth;
mod oauth_attacks;
mod oauth_jwt;
mod page;
mod pipedrive;
mod queries;
mod receiver;
mod records;
mod salesforce;
mod schema;
mod served;
mod times;
mod upserts;
mod vendor;
