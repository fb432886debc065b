#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod env;
pub mod http;
pub mod job;
pub mod openapi;
pub mod queue;
pub mod telemetry;

pub use env::{Env, EnvError, EnvFault};
pub use http::{ApiError, Problem};
pub use job::{Job, JobAnswer, JobError};
/// What ends a function: any error, so that `main.rs` can use `?` on all of them.
pub use lambda_runtime::Error;
pub use queue::{BatchAnswer, BatchError, Deadline};
