//! The fake Freshsales as a caller sees it. Its keys and its OAuth server are in `auth.rs`.

mod auth;
mod finding;
mod limits;
mod records;
mod vendor;
mod warnings;
