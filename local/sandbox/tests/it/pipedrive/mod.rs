//! The fake Pipedrive as a caller sees it. Its OAuth server is in `auth/pipedrive.rs`.

mod activities;
mod limits;
mod lists;
mod others;
mod search;
mod vendor;
mod warnings;
