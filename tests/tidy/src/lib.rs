//! House rules as tests.
//!
//! What the tests under `tests/it` share: the files of the repository ([`Tree`]), a scanner of Rust
//! ([`rust`]), a reader of the template ([`yaml`]), and the form in which an offender is reported.
//! It knows no rule. A rule takes a [`Tree`] and returns its offenders, so that each is tried on a
//! made-up tree with an offender in it before it is believed.

mod offender;
pub mod rust;
mod tree;
pub mod yaml;

pub use offender::{Offender, assert_none};
pub use tree::{Tree, is_rust, lines_with, names_word};
