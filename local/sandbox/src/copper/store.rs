//! The records as the API shows them, and what the searches have seen of them so far.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::kinds::Kind;

/// A record.
pub(super) type Row = Map<String, Value>;

#[derive(Debug, Default)]
pub(super) struct Store {
    first: BTreeMap<Kind, u64>,
    rows: BTreeMap<Kind, BTreeMap<u64, Row>>,
    searchable: BTreeMap<Kind, BTreeMap<u64, Row>>,
    /// Writes on their way to the searches; none for a record that is gone.
    pending: VecDeque<(Timestamp, Kind, u64, Option<Row>)>,
}

/// Whether a record is the stub of one that was deleted.
pub(super) fn is_stub(row: &Row) -> bool {
    row.get("is_deleted") == Some(&Value::Bool(true))
}

impl Store {
    /// The ids of a kind start here: they are unique within a kind alone.
    pub(super) fn start(&mut self, kind: Kind, id: u64) {
        self.first.insert(kind, id);
    }

    /// An id that no record of a kind had.
    pub(super) fn next(&mut self, kind: Kind) -> u64 {
        let next = self.first.entry(kind).or_insert(1);
        *next += 1;
        *next
    }

    pub(super) fn get(&self, kind: Kind, id: u64) -> Option<&Row> {
        self.rows.get(&kind)?.get(&id)
    }

    /// A record that is no stub.
    pub(super) fn live(&self, kind: Kind, id: u64) -> Option<&Row> {
        self.get(kind, id).filter(|row| !is_stub(row))
    }

    /// All of a kind in the order of their ids.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = (u64, &Row)> {
        let rows = self.rows.get(&kind).into_iter().flatten();
        rows.map(|(id, row)| (*id, row))
    }

    pub(super) fn put(&mut self, kind: Kind, id: u64, row: Row, now: Timestamp) {
        let seen = (!is_stub(&row)).then(|| row.clone());
        self.pending.push_back((now, kind, id, seen));
        self.rows.entry(kind).or_default().insert(id, row);
    }

    pub(super) fn remove(&mut self, kind: Kind, id: u64, now: Timestamp) {
        self.pending.push_back((now, kind, id, None));
        self.rows.entry(kind).or_default().remove(&id);
    }

    /// Lets the searches see what was written until then.
    pub(super) fn settle(&mut self, until: Timestamp) {
        while self.pending.front().is_some_and(|(at, ..)| *at <= until) {
            let Some((_, kind, id, row)) = self.pending.pop_front() else {
                return;
            };
            let rows = self.searchable.entry(kind).or_default();
            match row {
                Some(row) => rows.insert(id, row),
                None => rows.remove(&id),
            };
        }
    }

    /// What the searches see.
    pub(super) fn searchable(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.searchable
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }
}
