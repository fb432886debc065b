//! What the fake CRMs hold, next to what the hub says it wrote.

use std::collections::BTreeMap;

use hub_domain::{ledger::DeliveryStatus, plan};
use hub_engine::{deliveries, deliveries::DeliveryFilter};
use serde_json::Value;

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
                assert_eq!(self.count(crm, &write.key), 1, "{} in {crm}", write.key);
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

    /// How many records hold a key of ours, of whatever object: in a field, at the end of a mark in a text, or as
    /// the id that is made of it.
    fn count(&self, crm: &str, key: &str) -> usize {
        let state = self.surroundings.sandboxes[crm].state();
        let objects = state["objects"].as_object().expect("objects");
        let (mark, id) = (format!(" {key}]"), plan::client_id(key));
        let is_ours = |record: &&Value| {
            holds(record, &|text| text == key || text.contains(&mark))
                || record["activityid"].as_str() == Some(&id)
        };
        let records = objects.values().filter_map(Value::as_array).flatten();
        records.filter(is_ours).count()
    }
}

fn holds(value: &Value, fits: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(found) => fits(found),
        Value::Array(values) => values.iter().any(|value| holds(value, fits)),
        Value::Object(fields) => fields.values().any(|value| holds(value, fits)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
