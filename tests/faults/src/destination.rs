//! What deliveries go to: a CRM account that is connected, or a webhook. The two differ in how an admin
//! handles them, in what has to be there once events were accepted, and in what the other end holds; all
//! else is the same for both.

use std::collections::{BTreeMap, BTreeSet};

use hub_connectors::WEBHOOKS;
use serde_json::Value;

use crate::{
    history::{Held, Wanted, ours},
    hook,
    lab::Lab,
    scenario::{self, Step},
};

/// What deliveries go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A CRM account: it gets sessions as they stand.
    Connection,
    /// A webhook: it gets events, each by itself.
    Webhook,
}

impl Destination {
    /// What the queues of this name lead to.
    pub(crate) fn of(crm: &str) -> Self {
        if crm == WEBHOOKS {
            Self::Webhook
        } else {
            Self::Connection
        }
    }

    /// The scenario whose calls are struck one by one.
    pub fn core(self) -> Vec<Step> {
        match self {
            Self::Connection => scenario::core(),
            Self::Webhook => hook::core(),
        }
    }

    /// Whether an accepted event is for it.
    pub(crate) fn takes(self, event: &Value) -> bool {
        match self {
            Self::Connection => true,
            Self::Webhook => hook::takes(event),
        }
    }

    /// What has to be there once these events were accepted.
    pub(crate) fn wanted<'a>(self, accepted: impl Iterator<Item = &'a Value>) -> Vec<Wanted> {
        let taken = accepted.filter(|event| self.takes(event));
        match self {
            Self::Connection => scenario::wanted(taken),
            Self::Webhook => hook::wanted(taken),
        }
    }

    /// What of it is there.
    pub(crate) fn held(self, objects: &Value, wanted: &[Wanted]) -> Vec<Held> {
        match self {
            Self::Connection => {
                let keys: BTreeSet<String> = wanted.iter().map(|one| one.key.clone()).collect();
                ours(objects, &keys)
            }
            Self::Webhook => hook::held(objects),
        }
    }

    /// The revision at which each matter stands: an event has one alone.
    pub(crate) fn revisions(self, lab: &Lab, wanted: &[Wanted]) -> BTreeMap<String, u64> {
        match self {
            Self::Connection => lab.revisions(),
            Self::Webhook => wanted.iter().map(|one| (one.matter.clone(), 1)).collect(),
        }
    }
}

impl Lab {
    /// Makes it, so that it takes events; its id.
    pub(crate) async fn connect(&self) -> String {
        match self.destination {
            Destination::Connection => self.new_connection().await,
            Destination::Webhook => self.new_webhook().await,
        }
    }

    /// Takes it out of use.
    pub(crate) async fn pause(&self) {
        match self.destination {
            Destination::Connection => self.change(&self.id, "pause").await,
            Destination::Webhook => self.make_active(false).await,
        }
    }

    /// Stores another configuration that means the same: a connection's mapping as a new version, a webhook's
    /// secret replaced.
    pub(crate) async fn reconfigure(&self) {
        match self.destination {
            Destination::Connection => self.remap().await,
            Destination::Webhook => self.rotate().await,
        }
    }

    /// Whether it says that somebody has to see to it.
    pub(crate) async fn needs_somebody(&self) -> bool {
        match self.destination {
            Destination::Connection => self.is_to_be_connected_again().await,
            Destination::Webhook => self.is_turned_off().await,
        }
    }

    /// Brings it back into use, whatever was done to it.
    pub(crate) async fn mend(&self) {
        match self.destination {
            Destination::Connection => self.mend_connection().await,
            Destination::Webhook => self.mend_webhook().await,
        }
    }
}
