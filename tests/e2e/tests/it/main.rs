//! Stories: what a customer's CRM holds after what happened.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod connecting;
mod delivering;
mod failing;
mod mapped;
mod sample;
