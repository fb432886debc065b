//! AWS on one machine: DynamoDB, SQS and Secrets Manager, in process or on a port. For development and tests;
//! never deployed.
//!
//! [`LocalAws`] is one account in one region, in memory. Real SDK clients reach it by [`LocalAws::http_client`]
//! without a socket, or over HTTP by [`LocalAws::serve`]. Time comes from an injected [`Clock`], ids and chances from
//! a seed: with tokio's paused time and one thread, a run replays exactly. Signatures are not checked; the access key
//! id in them is the `SenderId` of a message, so give each function its own.
//!
//! - DynamoDB is `dynoxide-rs`. Every metered call is counted in capacity units ([`Counts`]), what AWS charges and
//!   does not report included.
//! - SQS is our own: standard queues with fair groups, delays, retention, dead letters, long polls, the cap of
//!   messages in flight and, on request, duplicates and reorderings ([`Unruly`]). [`EventSource`] polls as Lambda's
//!   event source mapping does.
//! - The table's stream is dynoxide's; [`StreamSource`] brings it to a function as Lambda's event source mapping does.
//! - Secrets Manager is `winterbaume-secretsmanager` behind a guard that refuses what AWS refuses: a stale
//!   `RemoveFromVersionId`, a used request token with another value, the 101st version within a day. No binary values.
//!
//! Not here: IAM, FIFO queues, message move tasks, and whatever else is not named above.
//!
//! # Statements in a batch
//!
//! The ledger's claims rest on `BatchExecuteStatement`. `tests/it/partiql.rs` pins each of these, as dynoxide has it:
//!
//! | statement | answer |
//! |---|---|
//! | `INSERT` of a key that exists | `DuplicateItem`, without the item, even under `ALL_OLD` |
//! | `UPDATE … WHERE <key> AND <condition>`, condition false, `ALL_OLD` | `ConditionalCheckFailed` with the item |
//! | the same where no item exists, even if the condition would hold | `ConditionalCheckFailed` without an item |
//! | `UPDATE … RETURNING ALL OLD *` or `ALL NEW *` | the item, in the response's `Item` |
//! | `x IS MISSING`, `IS NOT MISSING`, `OR`, `NOT`, parentheses, `BETWEEN`, `IN [..]`, `<>`, `size`, `begins_with`, `contains`, `attribute_type` | work in `WHERE` |
//! | `attribute_exists`, `attribute_not_exists` | work here; AWS documents only `IS [NOT] MISSING`: use that |
//! | `SET a = a + 1`, `SET … SET …`, `SET … REMOVE …` | work |
//! | `SET a = if_not_exists(…)` | `ValidationError`: not part of the language |
//! | two statements on one key, or reads beside writes | `ValidationException` for the whole call |
//!
//! Answers stand in the order of their statements, and one failure leaves the others alone.
//!
//! A failed statement costs write units for the larger of the item that stands and the item it would have inserted,
//! at least one. A call in which all fail reports no capacity; [`Counts`] has it all the same.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod call;
mod clock;
mod connector;
mod counts;
mod dynamodb;
mod error;
mod event_source;
mod local_aws;
mod port;
mod secrets;
mod sqs;
mod stream_source;

pub use clock::Clock;
pub use counts::Counts;
pub use error::Error;
pub use event_source::{EventSource, Handler};
pub use local_aws::{ACCOUNT, Dump, ENDPOINT, LocalAws, REGION};
pub use sqs::{QueueDepth, QueuedMessage, Unruly};
pub use stream_source::{Brought, StreamSource};
