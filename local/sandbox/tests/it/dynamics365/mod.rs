//! The fake Dynamics 365 as a caller of its Web API sees it. What its identity platform does is in `auth`.

mod activities;
mod auth;
mod batches;
mod faults;
mod limits;
mod metadata;
mod queries;
mod records;
mod spec;
mod vendor;
mod warnings;
