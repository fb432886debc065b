//! What the fake CRMs hold, next to what the hub says it wrote.

use std::collections::BTreeMap;

use hub_domain::{ledger::DeliveryStatus, plan};
use hub_engine::{deliveries, deliveries::DeliveryFilter};
use serde_json::Value;

use crate::Machine;

impl Machine {
    /// The records of ours that the CRMs hold: how many of each kind, by CRM and session. Each
    /// that a delivery planned must be there once.
    pub async fn held(&self) -> BTreeMap<(String, String), BTreeMap<String, usize>> {
        let hub = &self.surroundings.hub;
        let caller = self.seeder.admin().expect("an admin");
        let connections = hub_engine::connections::list(hub, &caller).await;
        let connections = connections.expect("connections");
        let page = deliveries::list(hub, &caller, &DeliveryFilter::default(), None, 100).await;
        let mut held = BTreeMap::new();
        for entry in page.expect("deliveries").deliveries {
            let connection = connections
                .iter()
                .find(|known| Some(&known.id) == entry.subject.connection());
            let crm = connection.expect("a connection").crm.as_str();
            let detail = deliveries::get(hub, &caller, &entry.id()).await;
            let detail = detail.expect("a delivery");
            let kinds: &mut BTreeMap<String, usize> = held
                .entry((crm.to_owned(), entry.subject.matter().to_owned()))
                .or_default();
            if entry.status == DeliveryStatus::Skipped {
                continue;
            }
            assert_eq!(entry.status, DeliveryStatus::Delivered, "{entry:?}");
            for write in detail.plan.expect("a plan").writes {
                assert_eq!(
                    self.count(crm, &write.object, &write.key),
                    1,
                    "{} in {} of {crm}",
                    write.key,
                    write.object
                );
                let kind = serde_json::to_value(write.kind).expect("a kind");
                let kind = kind.as_str().expect("a name").to_owned();
                *kinds.entry(kind).or_default() += 1;
            }
        }
        held
    }

    /// How many records of an object hold a key of ours: in a field, at the end of a mark in a text, or as the
    /// id that is made of it.
    fn count(&self, crm: &str, object: &str, key: &str) -> usize {
        let state = self.surroundings.sandboxes[crm].state();
        let records = state["objects"][object].as_array();
        let records = records.unwrap_or_else(|| panic!("{crm} has no {object}"));
        let (mark, id) = (format!(" {key}]"), plan::client_id(key));
        let is_ours = |record: &&Value| {
            holds(record, &|text| text == key || text.contains(&mark))
                || record["activityid"].as_str() == Some(&id)
        };
        records.iter().filter(is_ours).count()
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
