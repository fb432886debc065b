//! The fault laboratory: every call on the path of a delivery fails, in every way, and afterwards the CRM
//! or receiver holds what was accepted: nothing lost, nothing twice, nothing older over newer.
//!
//! Everything is real but the two ends: the functions' own handlers, the AWS SDK, the engine; over an embedded
//! AWS and fakes, on one thread, in paused time, without a socket. Two seams carry all calls: the SDK's
//! HTTP client and the way to CRMs. `docs/PROOF.md` says how to run, read and replay it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up is a test that fails"
)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod canon;
mod chaos;
mod clients;
mod connect;
mod describe;
mod destination;
mod fault;
mod history;
mod hook;
mod keep;
mod lab;
mod ledger;
mod life;
mod marked;
mod marker;
mod minimal;
mod name;
mod points;
mod remote;
mod run;
mod scenario;
mod seam;
mod stage;
mod tally;
mod tamper;
mod work;

pub use canon::Reference;
pub use chaos::Weather;
pub use destination::Destination;
pub use fault::Fault;
pub use history::{Finding, Held, History, Wanted, Wrong};
pub use keep::chunks;
pub use lab::{MakeRemote, Setup, Struck};
pub use ledger::{Dead, Entry};
pub use life::note_panics;
pub use marker::Versions;
pub use minimal::minimal;
pub use name::Name;
pub use points::{Extent, pairs, singles};
pub use remote::Remote;
pub use run::{Outcome, Run, setups};
pub use scenario::{Act, Step};
pub use seam::{Call, Passed, Script, Strike};
pub use stage::{Failure, Job, Point, Stage, Task, paused};
pub use tally::Tally;
pub use tamper::{Forge, Tamper, Tampered};
