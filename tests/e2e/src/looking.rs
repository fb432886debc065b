//! What the CRM holds, and what the hub says of it.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use hub_aws::store::TokenItem;
use hub_domain::Connection;
use hub_engine::deliveries::read_back;
use hub_world::World;
use serde_json::Value;

use crate::Machine;

impl Machine {
    /// A connection as it is stored.
    pub async fn stored(&self, organization: &str, id: &str) -> Connection {
        let (organization, id) = (
            organization.parse().expect("an id"),
            id.parse().expect("an id"),
        );
        let hub = self.hub("operator");
        let found = hub.store().connection(&organization, &id).await;
        found.expect("a store").expect("a connection")
    }

    /// The tokens of a connection as they are stored.
    pub async fn tokens(&self, organization: &str, id: &str) -> Option<TokenItem> {
        let (organization, id) = (
            organization.parse().expect("an id"),
            id.parse().expect("an id"),
        );
        let hub = self.hub("operator");
        hub.store()
            .token(&organization, &id)
            .await
            .expect("a store")
    }

    /// What the CRM holds of an object.
    pub fn held(&self, object: &str) -> Vec<Value> {
        let state = self.sandbox.state();
        state["objects"][object]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// The records of an object that carry one of our keys, by key.
    pub fn ours(&self, object: &str, key_field: &str) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        for record in self.held(object) {
            if let Some(key) = record[key_field].as_str().map(str::to_owned) {
                let twice = found.insert(key.clone(), record);
                assert!(twice.is_none(), "{key} is there twice");
            }
        }
        found
    }

    /// The deliveries of an organization, by session.
    pub async fn deliveries(&self, organization: &str) -> BTreeMap<String, Value> {
        let reply = self
            .api(organization, Method::GET, "/api/deliveries", None)
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let items = reply.json()["items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        // Those to webhooks have no session.
        items
            .into_iter()
            .filter(|item| item["session"].is_string())
            .map(|item| {
                (
                    item["session"].as_str().unwrap_or_default().to_owned(),
                    item,
                )
            })
            .collect()
    }

    /// Whether the CRM holds every record that the deliveries planned, each once.
    pub async fn each_once(&self, organization: &str) {
        let caller = World::admin(organization);
        let hub = self.hub("operator");
        for delivery in self.deliveries(organization).await.values() {
            let id = delivery["id"].as_str().unwrap_or_default();
            let detail = self
                .api(
                    organization,
                    Method::GET,
                    &format!("/api/deliveries/{id}"),
                    None,
                )
                .await;
            let detail = detail.json();
            assert_eq!(detail["status"], "delivered", "{detail}");
            let connection = detail["connection"].as_str().unwrap_or_default();
            for write in detail["plan"]["writes"].as_array().into_iter().flatten() {
                let key = write["key"].as_str().unwrap_or_default().to_owned();
                let kind = serde_json::from_value(write["kind"].clone()).expect("a kind");
                let object = write["object"].as_str().unwrap_or_default();
                let connection = connection.parse().expect("a connection");
                // A fault that is left over, or a limit, strikes the reading; it is asked again later.
                let mut found = Err(String::new());
                for _ in 0..10 {
                    let keys = vec![key.clone()];
                    let asked = read_back(&hub, &caller, &connection, kind, object, keys).await;
                    found = asked.map_err(|refusal| format!("{} {refusal:?}", self.crm));
                    if found.is_ok() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_mins(1)).await;
                }
                let found = found.expect("an answer of the CRM");
                assert_eq!(found.len(), 1, "{key} in {}: {found:?}", self.crm);
            }
        }
    }

    /// How many requests went to the CRM's API whose path contains `part`.
    pub fn calls(&self, part: &str) -> usize {
        self.sandbox
            .requests()
            .iter()
            .filter(|request| request.path_and_query.contains(part))
            .count()
    }

    /// Lets something go wrong at the CRM.
    pub fn fault(&self, fault: Value) {
        self.sandbox.add_fault(fault).expect("a fault");
    }
}
