//! The records as the API shows them, and what the look-up and the searches have seen of them so far.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::kinds::Kind;

/// A record by the names of the API.
pub(super) type Row = Map<String, Value>;

/// Ids are larger than 32 bits hold.
const FIRST_ID: u64 = 70_100_000_000;

#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<Kind, BTreeMap<u64, Row>>,
    searchable: BTreeMap<Kind, BTreeMap<u64, Row>>,
    /// Changes on their way to the searches; nothing is left of what was deleted.
    pending: VecDeque<(Timestamp, Kind, u64, Option<Row>)>,
    last: BTreeMap<Kind, u64>,
}

pub(super) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    let shifted = at.checked_add(SignedDuration::from_secs(seconds));
    shifted.unwrap_or(at)
}

/// A moment as answers have it: with an offset.
pub(super) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// A member that is a moment.
pub(super) fn moment(row: &Row, name: &str) -> Option<Timestamp> {
    row.get(name)?.as_str()?.parse().ok()
}

impl Store {
    /// The next id of a kind; ids are never given twice.
    pub(super) fn next(&mut self, kind: Kind) -> u64 {
        let last = self.last.entry(kind).or_insert(FIRST_ID);
        *last += 1;
        *last
    }

    pub(super) fn get(&self, kind: Kind, id: u64) -> Option<&Row> {
        self.rows.get(&kind)?.get(&id)
    }

    /// All of a kind, in the order of their ids.
    pub(super) fn all(&self, kind: Kind) -> impl DoubleEndedIterator<Item = (u64, &Row)> {
        let rows = self.rows.get(&kind).into_iter().flatten();
        rows.map(|(id, row)| (*id, row))
    }

    pub(super) fn put(&mut self, kind: Kind, id: u64, row: Row, now: Timestamp) {
        if kind.is_searched() {
            self.pending.push_back((now, kind, id, Some(row.clone())));
        }
        self.rows.entry(kind).or_default().insert(id, row);
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, kind: Kind, id: u64, now: Timestamp) -> bool {
        let was_there = self.rows.entry(kind).or_default().remove(&id).is_some();
        if was_there && kind.is_searched() {
            self.pending.push_back((now, kind, id, None));
        }
        was_there
    }

    /// Lets the searches see what is older than `lag` seconds.
    pub(super) fn settle(&mut self, now: Timestamp, lag: u64) {
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let until = shifted(now, lag.saturating_neg());
        while self.pending.front().is_some_and(|(at, ..)| *at <= until) {
            let Some((_, kind, id, row)) = self.pending.pop_front() else {
                return;
            };
            let rows = self.searchable.entry(kind).or_default();
            match row {
                Some(row) => drop(rows.insert(id, row)),
                None => drop(rows.remove(&id)),
            }
        }
    }

    /// What the searches see.
    pub(super) fn searchable(&self, kind: Kind) -> impl Iterator<Item = (u64, &Row)> {
        let rows = self.searchable.get(&kind).into_iter().flatten();
        rows.map(|(id, row)| (*id, row))
    }

    /// Everything it holds, by type.
    pub(super) fn state(&self) -> Value {
        let objects = Kind::ALL.into_iter().map(|kind| {
            let rows = self.all(kind).map(|(_, row)| json!(row));
            (kind.plural().to_owned(), Value::Array(rows.collect()))
        });
        Value::Object(objects.collect())
    }
}
