//! Stateful fake CRMs with their OAuth servers, quotas, validation and faults.
//!
//! A [`Sandbox`] is one fake CRM: it answers HTTP requests as the vendor would, from records it
//! holds in memory. It is driven in process ([`Sandbox::handle`], or as a [`tower::Service`]) or
//! over TCP ([`Sandbox::serve`]), and is steered through the `/__sandbox/*` endpoints or the same
//! operations as Rust calls.
//!
//! It refuses to be convenient: what the vendor refuses, it refuses, in the vendor's words. Where
//! it knowingly differs, the `README.md` beside the CRM's code says so.
//!
//! `src/frame` knows no CRM, and `src/oauth` no vendor's words. Adding one means one folder under `src` and one line in the registry
//! below.

mod copper;
mod dynamics365;
mod frame;
mod freshsales;
mod hubspot;
mod monday;
mod oauth;
mod pipedrive;
mod receiver;
mod salesforce;
mod zoho;

/// The manual's example of this crate, which is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/SANDBOX.md")]
struct Manual;

pub use frame::{Clock, Dropped, FaultError, LoggedRequest, Sandbox};

frame::registry! {
    salesforce: 4101 => salesforce::Salesforce,
    hubspot: 4102 => hubspot::HubSpot,
    dynamics365: 4103 => dynamics365::Dynamics365,
    pipedrive: 4104 => pipedrive::Pipedrive,
    zoho: 4105 => zoho::Zoho,
    monday: 4106 => monday::Monday,
    copper: 4107 => copper::Copper,
    freshsales: 4108 => freshsales::Freshsales,
    receiver: 4109 => receiver::Receiver,
}
