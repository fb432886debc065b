//! The fake HubSpot as a caller sees it.

mod associations;
mod batches;
mod faults;
mod limits;
mod merging;
mod oauth;
mod properties;
mod records;
mod schema;
mod search;
mod vendor;
mod warnings;
