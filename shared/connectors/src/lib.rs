#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod connector;
mod grouped;
mod manifest;
mod mapped;
mod marker;
mod operation;
mod refusal;
mod registry;

pub use connector::{Connector, Fields, retry_after};
pub use manifest::{
    Api, ApiKey, Batch, Check, ClientAuth, Cost, Encoding, ErrorRule, HeaderReads, Idempotency,
    KeyOf, Limit, LookedFor, Manifest, ManifestError, OAuth, Remembered, Return, Revocation,
    Rotation, RuleVerdict, Servers, Setting, SettingKind, Uninstall,
};
pub use operation::{Answer, Field, FieldType, Operation, ReadBack, Reply};
pub use registry::Registry;

registry::crms! {
    salesforce
    hubspot
    dynamics365
    pipedrive
    zoho
    monday
    copper
    freshsales
}

// They can be connected, and take no events until their connector moves them up.
registry::connected! {}

/// What the queues, the function and the held work of webhooks are named by. They are no CRM: a customer's
/// own system gets each event as it came, without a plan of records.
pub const WEBHOOKS: &str = "customwebhook";

/// Everything that deliveries go to, each with queues and a function of its own: the CRMs that are compiled in and
/// take events, and the webhooks.
pub fn destinations() -> impl Iterator<Item = &'static str> {
    CRMS.iter().copied().chain([WEBHOOKS])
}
