//! The fake Salesforce as a caller sees it.

mod activities;
mod aggregates;
mod bulk;
mod collections;
mod composite;
mod faults;
mod graph;
mod oauth;
mod oauth_attacks;
mod oauth_jwt;
mod queries;
mod records;
mod schema;
mod times;
mod upserts;
pub mod vendor;
mod warnings;
