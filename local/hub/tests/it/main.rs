//! The binary as somebody at a terminal, or a test suite of somebody else, drives it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod sandbox;
