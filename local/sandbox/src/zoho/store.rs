//! The records as the API shows them, the recycle bin, and what the search has seen of them so far.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::times::shifted;

/// A record.
pub(super) type Row = Map<String, Value>;
type Rows = BTreeMap<&'static str, BTreeMap<String, Row>>;

#[derive(Debug, Default)]
pub(super) struct Store {
    rows: Rows,
    /// With the moment of their deletion.
    bin: Vec<(Timestamp, &'static str, Row)>,
    searchable: Rows,
    /// Changes on their way to the search; no row for a record that is gone.
    pending: VecDeque<(Timestamp, &'static str, String, Option<Row>)>,
}

impl Store {
    pub(super) fn get(&self, module: &str, id: &str) -> Option<&Row> {
        self.rows.get(module)?.get(id)
    }

    /// All of a module in the order of their ids.
    pub(super) fn all(&self, module: &str) -> impl Iterator<Item = &Row> {
        let rows = self.rows.get(module).into_iter();
        rows.flat_map(BTreeMap::values)
    }

    pub(super) fn put(&mut self, module: &'static str, id: &str, row: Row, now: Timestamp) {
        let change = (now, module, id.to_owned(), Some(row.clone()));
        self.pending.push_back(change);
        let rows = self.rows.entry(module).or_default();
        rows.insert(id.to_owned(), row);
    }

    /// Moves a record into the bin; whether there was one.
    pub(super) fn delete(&mut self, module: &'static str, id: &str, now: Timestamp) -> bool {
        let row = self.rows.get_mut(module).and_then(|rows| rows.remove(id));
        let Some(row) = row else {
            return false;
        };
        self.pending.push_back((now, module, id.to_owned(), None));
        self.bin.push((now, module, row));
        true
    }

    /// What was deleted of a module.
    pub(super) fn bin(&self, module: &str) -> impl Iterator<Item = (Timestamp, &Row)> {
        let deleted = self.bin.iter().filter(move |(_, of, _)| *of == module);
        deleted.map(|(at, _, row)| (*at, row))
    }

    /// Lets the search see what is older than `lag` seconds.
    pub(super) fn settle(&mut self, now: Timestamp, lag: u64) {
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let until = shifted(now, lag.saturating_neg());
        while self.pending.front().is_some_and(|(at, ..)| *at <= until) {
            let Some((_, module, id, row)) = self.pending.pop_front() else {
                return;
            };
            let rows = self.searchable.entry(module).or_default();
            match row {
                Some(row) => rows.insert(id, row),
                None => rows.remove(&id),
            };
        }
    }

    /// What the search sees.
    pub(super) fn searchable(&self, module: &str) -> impl Iterator<Item = &Row> {
        let rows = self.searchable.get(module).into_iter();
        rows.flat_map(BTreeMap::values)
    }
}
