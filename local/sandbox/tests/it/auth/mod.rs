//! The OAuth servers of the fake CRMs as a caller sees them: what they accept and what they refuse.

mod caller;
mod dynamics365;
mod pipedrive;
mod zoho;
