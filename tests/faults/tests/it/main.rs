//! The laboratory at work, and what shows that it notices.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod checker;
mod core;
mod replay;
mod variants;
