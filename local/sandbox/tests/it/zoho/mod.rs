//! The records of the fake Zoho CRM as a caller sees them. Its OAuth server is in `auth.rs`.

mod auth;
mod limits;
mod queries;
mod records;
mod vendor;
mod warnings;
