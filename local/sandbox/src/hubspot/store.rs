//! The records, an index of unique values, and what the search has seen of them so far.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use super::kinds::Kind;
use super::schema::Schema;
use super::times::shifted;

/// The values of one record; a property without value is absent.
pub(super) type Values = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) values: Values,
    pub(super) history: BTreeMap<String, Vec<(Timestamp, String)>>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) archived: Option<Timestamp>,
}

/// A write on its way to the search index; without values: the record goes.
type Pending = (Timestamp, Kind, u64, Option<Values>);

#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<Kind, BTreeMap<u64, Record>>,
    unique: HashMap<(Kind, String, String), u64>,
    searchable: BTreeMap<Kind, BTreeMap<u64, Values>>,
    pending: VecDeque<Pending>,
}

impl Store {
    /// A record, archived or not.
    pub(super) fn get(&self, kind: Kind, id: u64) -> Option<&Record> {
        self.rows.get(&kind)?.get(&id)
    }

    /// A record that is not archived.
    pub(super) fn live(&self, kind: Kind, id: u64) -> Option<&Record> {
        self.get(kind, id).filter(|r| r.archived.is_none())
    }

    /// All records of a kind in the order of their ids, archived ones too.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.rows.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// The records of a kind behind this id.
    pub(super) fn after(&self, kind: Kind, id: u64) -> impl Iterator<Item = &Record> {
        let rows = self.rows.get(&kind).into_iter();
        rows.flat_map(move |rows| rows.range(id.saturating_add(1)..))
            .map(|(_, record)| record)
    }

    /// The live record with this unique value.
    pub(super) fn find(&self, kind: Kind, property: &str, value: &str) -> Option<u64> {
        let key = (kind, property.to_owned(), folded(property, value));
        self.unique.get(&key).copied()
    }

    /// Writes a record.
    pub(super) fn put(&mut self, schema: &Schema, kind: Kind, record: Record) {
        let seen = record.archived.is_none().then(|| record.values.clone());
        self.pending
            .push_back((record.updated, kind, record.id, seen));
        let new = keys(schema, kind, Some(&record));
        let id = record.id;
        let rows = self.rows.entry(kind).or_default();
        let before = rows.insert(id, record);
        for key in keys(schema, kind, before.as_ref()) {
            if self.unique.get(&key) == Some(&id) {
                self.unique.remove(&key);
            }
        }
        for key in new {
            self.unique.entry(key).or_insert(id);
        }
    }

    /// Makes the index of unique values anew, after the properties changed.
    pub(super) fn reindex(&mut self, schema: &Schema) {
        self.unique.clear();
        for (kind, rows) in &self.rows {
            for record in rows.values() {
                for key in keys(schema, *kind, Some(record)) {
                    self.unique.entry(key).or_insert(record.id);
                }
            }
        }
    }

    /// Lets the search see what is older than `lag` seconds.
    pub(super) fn settle(&mut self, now: Timestamp, lag: i64) {
        let until = shifted(now, -lag);
        while self.pending.front().is_some_and(|(at, ..)| *at <= until) {
            let Some((_, kind, id, values)) = self.pending.pop_front() else {
                return;
            };
            let rows = self.searchable.entry(kind).or_default();
            match values {
                Some(values) => rows.insert(id, values),
                None => rows.remove(&id),
            };
        }
    }

    /// What the search sees.
    pub(super) fn searchable(&self, kind: Kind) -> impl Iterator<Item = (u64, &Values)> {
        let rows = self.searchable.get(&kind).into_iter().flatten();
        rows.map(|(id, values)| (*id, values))
    }
}

/// The unique values a record holds. A contact is found by each of its addresses.
fn keys(schema: &Schema, kind: Kind, record: Option<&Record>) -> Vec<(Kind, String, String)> {
    let Some(record) = record.filter(|record| record.archived.is_none()) else {
        return Vec::new();
    };
    let key = |name: &str, value: &str| (kind, name.to_owned(), folded(name, value));
    let unique = schema.object(kind).properties.iter().filter(|p| p.unique);
    let mut keys: Vec<_> = unique
        .filter_map(|p| Some(key(&p.name, record.values.get(&p.name)?)))
        .collect();
    let more = record.values.get("hs_additional_emails");
    for address in more.into_iter().flat_map(|more| more.split(';')) {
        keys.push(key("email", address));
    }
    keys
}

/// The form in which unique values are compared: addresses without case.
pub(super) fn folded(property: &str, value: &str) -> String {
    if property == "email" {
        value.to_lowercase()
    } else {
        value.to_owned()
    }
}
