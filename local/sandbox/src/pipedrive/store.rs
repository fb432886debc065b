//! The records as the API shows them, and what the search has seen of them so far.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::kinds::Kind;
use super::times::shifted;

/// A record by the names of v2.
pub(super) type Row = Map<String, Value>;

#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<Kind, BTreeMap<u64, Row>>,
    searchable: BTreeMap<Kind, BTreeMap<u64, Row>>,
    /// Writes on their way to the search.
    pending: VecDeque<(Timestamp, Kind, u64, Row)>,
}

/// Whether a record was deleted. It stays visible by its id for thirty days.
pub(super) fn is_deleted(row: &Row) -> bool {
    row.get("is_deleted") == Some(&Value::Bool(true))
        || row.get("active_flag") == Some(&Value::Bool(false))
}

impl Store {
    /// The next id of a kind.
    pub(super) fn next(&self, kind: Kind) -> u64 {
        let last = self.rows.get(&kind).and_then(|rows| rows.keys().last());
        last.map_or(1, |id| id + 1)
    }

    /// A record, deleted or not.
    pub(super) fn get(&self, kind: Kind, id: u64) -> Option<&Row> {
        self.rows.get(&kind)?.get(&id)
    }

    pub(super) fn live(&self, kind: Kind, id: u64) -> Option<&Row> {
        self.get(kind, id).filter(|row| !is_deleted(row))
    }

    /// All of a kind in the order of their ids, deleted ones too.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = (u64, &Row)> {
        let rows = self.rows.get(&kind).into_iter().flatten();
        rows.map(|(id, row)| (*id, row))
    }

    pub(super) fn put(&mut self, kind: Kind, id: u64, row: Row, now: Timestamp) {
        if kind.is_searched() {
            self.pending.push_back((now, kind, id, row.clone()));
        }
        self.rows.entry(kind).or_default().insert(id, row);
    }

    /// Lets the search see what is older than `lag` seconds.
    pub(super) fn settle(&mut self, now: Timestamp, lag: u64) {
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let until = shifted(now, lag.saturating_neg());
        while self.pending.front().is_some_and(|(at, ..)| *at <= until) {
            let Some((_, kind, id, row)) = self.pending.pop_front() else {
                return;
            };
            let rows = self.searchable.entry(kind).or_default();
            if is_deleted(&row) {
                rows.remove(&id);
            } else {
                rows.insert(id, row);
            }
        }
    }

    /// What the search sees.
    pub(super) fn searchable(&self, kind: Kind) -> impl Iterator<Item = (u64, &Row)> {
        let rows = self.searchable.get(&kind).into_iter().flatten();
        rows.map(|(id, row)| (*id, row))
    }
}
