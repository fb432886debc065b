//! The fake Pipedrive as a caller sees it. Its OAuth server is in `auth.rs`.

mod activities;
mod auth;
mod limits;
mod lists;
mod others;
mod search;
mod vendor;
mod warnings;
