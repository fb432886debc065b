//! Stories: what a customer's CRM holds after what happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod aging;
mod attacks;
mod audited;
mod authorizing;
mod batches;
mod canary;
mod chosen;
mod connecting;
mod cost;
mod delivering;
mod document;
mod everywhere;
mod failing;
mod holding;
mod hooked;
mod isolation;
mod limiting;
mod mapped;
mod people;
mod redriving;
mod refreshing;
mod roles;
mod sample;
mod trying_again;
mod waiting;
mod week;
