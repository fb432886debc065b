//! The table's stream and the ticks of the schedule, when a story says so.

use http::{Method, StatusCode};
use hub_local::lambda::tick;
use serde_json::Value;

use crate::Machine;

impl Machine {
    /// Brings all changes of the table to `batch`. Returns how many there were.
    pub async fn derive(&self) -> usize {
        self.world.pump(&self.changes).await
    }

    /// The same, with each batch brought twice.
    pub async fn derive_twice(&self) -> usize {
        self.world.pump_twice(&self.changes).await
    }

    /// A tick of the schedule, now. Whether it was done.
    pub async fn tick(&self) -> bool {
        let tick = tick(self.world.clock.now());
        (self.batch)(tick).await.is_ok()
    }

    /// The audit log as an admin exports it: all pages, one per line.
    pub async fn audit(&self, organization: &str) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let path = format!("/api/audit?limit=5&cursor={cursor}");
            let reply = self.api(organization, Method::GET, &path, None).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
            let page = reply.json();
            let next = page["next"].as_str().map(str::to_owned);
            pages.push(page);
            match next {
                Some(next) => cursor = next,
                None => return pages,
            }
        }
    }
}
