#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod connector;
mod manifest;
mod operation;
mod registry;

pub use connector::{Connector, Fields, retry_after};
pub use manifest::{
    Api, Batch, ClientAuth, ErrorRule, Idempotency, Limit, Manifest, ManifestError, OAuth,
    Rotation, RuleVerdict, Setting,
};
pub use operation::{Answer, Field, FieldType, Operation, ReadBack, Reply};

registry::crms! {
    salesforce
    hubspot
}
