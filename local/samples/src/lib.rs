//! The samples of `events/`: one file per trigger, as Lambda hands it to a function.
//!
//! A file's name begins with the logical id of the function it is for. It is a template, since
//! signatures expire and ids are made: `{{…}}` stands for a value. [`Sample`] reads and fills it,
//! [`Seeder`] makes what it refers to in the store and at the CRM. The tests and `cargo run -- event`
//! both use this.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{{payloads/<file>}}` | a file of `events/payloads` |
//! | `{{webhook-id}}`, `{{webhook-timestamp}}`, `{{webhook-signature}}` | liveprompt's signature of the body, made now |
//! | `{{md5-of-body}}` | what SQS says of a record's body |
//! | `{{sent-at-ms}}` | now |
//! | `{{ingest-sender}}` | the identity of ingest |
//! | `{{bearer}}` | an admin's `Authorization` |
//! | `{{connection-id}}` | a connection in use, of the CRM that the file is for |
//! | `{{hook-id}}` | a webhook in use, of the fake receiver, which knows its secret |
//! | `{{delivery-id}}` | a delivery of that connection |
//! | `{{code}}`, `{{state}}`, `{{cookie}}` | an authorization that a person has just allowed |
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod browser;
mod error;
mod placeholders;
mod request;
mod sample;
mod seed;

pub use browser::{Form, way_back};
pub use error::SampleError;
pub use request::request;
pub use sample::{Sample, Signature, Values, all, payload, payloads};
pub use seed::{Seeder, new_connection, required};
