//! The local AWS, through the real SDK clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod capacity;
mod dynamodb;
mod event_source;
mod partiql;
mod port;
mod secrets;
mod sqs_messages;
mod sqs_queues;
mod sqs_receive;
mod sqs_unruly;
mod streams;
mod world;
