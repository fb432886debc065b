//! The fake Copper's records, as a caller sees them.

mod activities;
mod auth;
mod bulk;
mod faults;
mod others;
mod search;
pub mod vendor;
mod warnings;
