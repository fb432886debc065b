//! The fake Freshsales as a caller sees it. Its keys and its OAuth server are in `auth/freshsales.rs`.

mod finding;
mod limits;
mod records;
mod vendor;
mod warnings;
