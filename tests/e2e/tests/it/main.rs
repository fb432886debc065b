//! Stories: what a customer's CRM holds after what happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod attacks;
mod authorizing;
mod canary;
mod connecting;
mod cost;
mod delivering;
mod everywhere;
mod failing;
mod mapped;
mod refreshing;
mod sample;
mod week;
