//! What the hub is measured by.

pub mod limits;
