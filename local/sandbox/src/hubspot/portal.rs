//! The account: its records, what it knows of them, its people and pipelines, and how it is set.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::errors::{Outcome, Refusal};
use super::kinds::Kind;
use super::links::Links;
use super::pipelines::{self, Pipeline};
use super::schema::{Object, Schema};
use super::settings::Settings;
use super::store::{Record, Store};
use super::times;
use crate::frame::FaultError;

/// Someone records can belong to.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) id: u64,
    pub(super) user_id: u64,
    pub(super) email: String,
    pub(super) first: String,
    pub(super) last: String,
}

/// An error waiting for the next record that is written.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    pub(super) kind: Option<Kind>,
    pub(super) refusal: Refusal,
}

#[derive(Debug)]
pub(super) struct Portal {
    pub(super) base_url: String,
    pub(super) hub_id: u64,
    pub(super) app_id: u64,
    pub(super) now: Timestamp,
    pub(super) schema: Schema,
    pub(super) store: Store,
    pub(super) links: Links,
    pub(super) owners: Vec<Owner>,
    pub(super) pipelines: BTreeMap<Kind, Vec<Pipeline>>,
    pub(super) settings: Settings,
    pub(super) armed: Vec<Armed>,
    /// Until when the search index stands still, as a fault.
    pub(super) frozen: Option<Timestamp>,
    next: u64,
}

impl Portal {
    pub(super) fn new(base_url: &str, seed: u64, now: Timestamp) -> Self {
        let mut schema = Schema::new();
        schema.rebuild_key(true, true);
        // The spec has 32-bit numbers here.
        let hub_id = 20_000_000 + seed % 80_000_000;
        Self {
            base_url: base_url.to_owned(),
            hub_id,
            app_id: 1_000_000 + seed % 9_000_000,
            now,
            schema,
            store: Store::default(),
            links: Links::default(),
            owners: Vec::new(),
            pipelines: pipelines::standard(),
            settings: Settings::default(),
            armed: Vec::new(),
            frozen: None,
            next: 30_000_000_000 + (seed % 9_973) * 1_000_003,
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn object(&self, kind: Kind) -> &Object {
        self.schema.object(kind)
    }

    pub(super) fn owner(&self, id: &str) -> Option<&Owner> {
        self.owners.iter().find(|o| o.id.to_string() == id)
    }

    /// The live record that a path or an input names, by id or by a unique property.
    pub(super) fn find(&self, kind: Kind, id: &str, by: Option<&str>) -> Outcome<Option<u64>> {
        match by {
            None | Some("" | "hs_object_id") => {
                let id = id.parse().ok();
                Ok(id.filter(|id| self.store.live(kind, *id).is_some()))
            }
            Some(name) => {
                self.unique(kind, name)?;
                Ok(self.store.find(kind, name, id))
            }
        }
    }

    /// Refuses a property that identifies no record.
    pub(super) fn unique(&self, kind: Kind, name: &str) -> Outcome<()> {
        if self.schema.property(kind, name).is_some_and(|p| p.unique) {
            return Ok(());
        }
        Err(Refusal::validation(format!(
            "Unable to perform update/upsert by non-unique {} property {name} in portal ID {}",
            kind.type_id(),
            self.hub_id
        )))
    }

    /// A record as it leaves. Without a list: everything it holds.
    pub(super) fn shown(&self, kind: Kind, record: &Record, wanted: Option<&[String]>) -> Value {
        let mut properties = Map::new();
        let object = self.object(kind);
        match wanted {
            None => {
                for (name, value) in &record.values {
                    properties.insert(name.clone(), json!(value));
                }
            }
            Some(wanted) => {
                for name in object.defaults.iter().chain(wanted) {
                    if let Some(property) = object.property(name) {
                        let value = record.values.get(&property.name);
                        properties.insert(property.name.clone(), json!(value));
                    }
                }
            }
        }
        let mut shown = json!({
            "id": record.id.to_string(),
            "properties": properties,
            "createdAt": times::written(record.created),
            "updatedAt": times::written(record.updated),
            "archived": record.archived.is_some(),
            "url": format!("https://app.hubspot.com/contacts/{}/record/{}/{}", self.hub_id, kind.type_id(), record.id),
        });
        if let (Some(at), Some(shown)) = (record.archived, shown.as_object_mut()) {
            shown.insert("archivedAt".to_owned(), json!(times::written(at)));
        }
        shown
    }

    /// How far the search is behind.
    pub(super) fn settle(&mut self) {
        if self.frozen.is_some_and(|until| self.now < until) {
            return;
        }
        self.frozen = None;
        let lag = i64::try_from(self.settings.search_lag_s).unwrap_or(i64::MAX);
        self.store.settle(self.now, lag);
    }

    /// Sets switches, all or none.
    pub(super) fn switch(&mut self, wanted: &Map<String, Value>) -> Result<(), FaultError> {
        let settings = self.settings.with(wanted)?;
        let (before, after) = (&self.settings, &settings);
        if before.liveprompt_property != after.liveprompt_property
            || before.unique_property != after.unique_property
        {
            self.schema
                .rebuild_key(after.liveprompt_property, after.unique_property);
            self.store.reindex(&self.schema);
        }
        self.settings = settings;
        Ok(())
    }

    /// Everything it holds, by type.
    pub(super) fn state(&self) -> Value {
        let objects = Kind::ALL.into_iter().map(|kind| {
            let rows = self.store.all(kind).map(|record| {
                let mut shown = self.shown(kind, record, None);
                let links = self.state_links(kind, record.id);
                if let Some(shown) = shown.as_object_mut() {
                    shown.insert("associations".to_owned(), links);
                }
                shown
            });
            (kind.plural().to_owned(), Value::Array(rows.collect()))
        });
        Value::Object(objects.collect())
    }

    fn state_links(&self, kind: Kind, id: u64) -> Value {
        let links = Kind::ALL.into_iter().filter_map(|to| {
            let ids = self.links.of((kind, id), to);
            let ids: Vec<String> = ids.map(|(id, _)| id.to_string()).collect();
            (!ids.is_empty()).then(|| (to.plural().to_owned(), json!(ids)))
        });
        Value::Object(links.collect())
    }
}
