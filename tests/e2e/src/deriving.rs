//! The table's stream and the ticks of the schedule, when a story says so.

use http::{Method, StatusCode};
use hub_local::lambda::tick;
use serde_json::Value;

use crate::{Machine, ORG};

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

    /// Works until every queue is empty and nothing is held until a moment of the next days.
    pub async fn work_through(&self) {
        for _ in 0..10 {
            self.work().await;
            let path = "/api/deliveries?status=held";
            let held = self.api(ORG, Method::GET, path, None).await.json();
            let times = held["items"].as_array().into_iter().flatten();
            let times = times.filter_map(|item| item["held_until"].as_str()?.parse().ok());
            let Some(until) = times.min() else { return };
            self.sleep_until(until).await;
            assert!(self.tick().await, "a tick failed");
        }
        panic!("something is held again and again");
    }

    /// Works on what is visible, up to the `point`th point before or after a call, where the worker dies.
    /// Whether it did.
    pub async fn works_and_dies(&self, point: usize) -> bool {
        let work = Box::pin(self.work_now());
        let done = Box::pin(self.world.outage.until(point, work)).await;
        done.is_none()
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
