//! The OAuth servers of the fake CRMs as a caller sees them: what they accept and what they refuse.

pub mod caller;
mod copper;
mod dynamics365;
mod freshsales;
mod monday;
mod pipedrive;
mod zoho;
