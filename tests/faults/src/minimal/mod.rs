//! Minimal CRMs, one for each way in which a CRM lets a write be repeated: so each way is proved whether a
//! connector of the registry has it or not.
//!
//! What they have in common: people, meetings and tasks that keep our key without knowing what it is; a
//! look-up; one writing call for several records.

mod connector;
mod server;

use std::sync::Arc;

use hub_connectors::Idempotency;

use crate::{Setup, lab::Struck, remote::Remote};
pub(crate) use connector::Minimal as MinimalConnector;
pub(crate) use server::Minimal;

/// The API key of every minimal CRM.
pub(crate) const KEY: &str = "laboratory-key-0123456789";
/// How long a minimal CRM remembers the key of a request.
const REMEMBERS_S: u64 = 1_800;
/// How long it takes to show what it holds to those who look for it.
const SHOWS_AFTER_S: u64 = 30;

/// A minimal CRM's name, and what stands in its manifest.
const KINDS: [(Idempotency, &str, &str); 6] = [
    (Idempotency::Upsert, "minimal-upsert", "upsert"),
    (Idempotency::UniqueKey, "minimal-unique", "unique_key"),
    (Idempotency::ClientId, "minimal-client", "client_id"),
    (
        Idempotency::IdempotencyKey,
        "minimal-token",
        "idempotency_key",
    ),
    (Idempotency::ReadBack, "minimal-read", "read_back"),
    (Idempotency::None, "minimal-none", "none"),
];

/// A minimal CRM of a kind, with its connector.
pub fn minimal(kind: Idempotency) -> Setup {
    let of_kind = KINDS.into_iter().find(|(known, _, _)| *known == kind);
    let (_, crm, name) = of_kind.expect("every kind");
    Setup {
        crm,
        connector: Some(Arc::new(MinimalConnector::new(crm, name))),
        remote: Arc::new(move |world, _| {
            Remote::Minimal(Arc::new(Minimal::new(kind, world.clock.clone())))
        }),
        struck: Struck::Deciding,
        tamper: None,
        forge: None,
    }
}

/// Minimal CRMs of those kinds that no connector of the registry has.
pub(crate) fn others(known: &[Idempotency]) -> Vec<Setup> {
    let kinds = KINDS.into_iter().map(|(kind, _, _)| kind);
    kinds
        .filter(|kind| !known.contains(kind))
        .map(minimal)
        .collect()
}
