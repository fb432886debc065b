#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod audit;
mod change;
pub mod connection;
pub mod event;
pub mod fault;
pub mod filter;
pub mod id;
pub mod ledger;
pub mod limiter;
pub mod limits;
pub mod mapping;
pub mod matching;
pub mod merkle;
pub mod notice;
pub mod organization;
pub mod plan;
mod queue;
pub mod reader;
pub mod reminder;
pub mod retry;
pub mod session;
pub mod settings;
pub mod subject;
pub mod subscription;
pub mod text;
mod verdict;
pub mod webhook;

pub use change::{Attribute, Image, TableChange};
pub use connection::{Cause, Connection, ConnectionState, Method};
pub use event::{Envelope, Payload};
pub use fault::{Fault, Faults};
pub use id::{
    ConnectionId, CrmId, DeliveryId, EventId, OrganizationId, PartId, SessionId, WebhookId,
};
pub use jiff::Timestamp;
pub use mapping::Mapping;
pub use organization::Organization;
pub use plan::{Plan, Write};
pub use queue::{QueueAction, QueueMessage};
pub use session::SessionRecord;
pub use subject::Subject;
pub use verdict::{FieldFault, Scope, SkipReason, Verdict};
pub use webhook::Webhook;
