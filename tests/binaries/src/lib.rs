//! The functions' own binaries, driven as Lambda drives them: each is a process with the environment
//! that the template gives it, and asks a Runtime API for events. Around them are the embedded AWS
//! and the fake CRMs, on their ports, in real time.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test that cannot be set up is a test that fails"
)]

mod held;
mod machine;
mod process;
mod runtime_api;

pub use machine::{Machine, binaries};
pub use process::{PATIENCE, Process};
pub use runtime_api::Answer;
