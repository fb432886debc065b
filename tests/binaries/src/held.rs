//! What the fake CRMs hold, next to what the hub says it wrote.

use std::collections::BTreeMap;

use hub_domain::ledger::DeliveryStatus;
use hub_engine::{deliveries, deliveries::DeliveryFilter};
use hub_local::found::read;

use crate::Machine;

impl Machine {
    /// What of ours the CRMs hold: how many of each kind, by CRM and session. Each record that a delivery
    /// planned must be there once; a CRM that keeps one thing in records of several objects has as many of each.
    pub async fn held(&self) -> BTreeMap<(String, String), BTreeMap<String, usize>> {
        let hub = &self.surroundings.hub;
        let caller = self.seeder.admin().expect("an admin");
        let connections = hub_engine::connections::list(hub, &caller).await;
        let connections = connections.expect("connections");
        let page = deliveries::list(hub, &caller, &DeliveryFilter::default(), None, 100).await;
        let mut held = BTreeMap::new();
        for entry in page.expect("deliveries").deliveries {
            let Some(id) = entry.subject.connection() else {
                continue;
            };
            let connection = connections.iter().find(|known| known.id == *id);
            let crm = connection.expect("a connection").crm.as_str();
            let detail = deliveries::get(hub, &caller, &entry.id()).await;
            let detail = detail.expect("a delivery");
            let held: &mut BTreeMap<String, usize> = held
                .entry((crm.to_owned(), entry.subject.matter().to_owned()))
                .or_default();
            if entry.status == DeliveryStatus::Skipped {
                continue;
            }
            assert_eq!(entry.status, DeliveryStatus::Delivered, "{entry:?}");
            let mut records: BTreeMap<(String, String), usize> = BTreeMap::new();
            for write in detail.plan.expect("a plan").writes {
                let keys = vec![write.key.clone()];
                let found = read(hub, &caller, id, write.kind, &write.object, keys).await;
                let found = found.expect("an answer of the CRM");
                assert_eq!(found.len(), 1, "{} in {} of {crm}", write.key, write.object);
                let kind = serde_json::to_value(write.kind).expect("a kind");
                let kind = kind.as_str().expect("a name").to_owned();
                *records.entry((kind, write.object)).or_default() += 1;
            }
            for ((kind, object), count) in records {
                let of_kind = held.entry(kind).or_insert(count);
                assert_eq!(*of_kind, count, "{object} in {entry:?}");
            }
        }
        held
    }
}
