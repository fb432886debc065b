//! The records, with an index for lookups and a journal so that a failed transaction leaves no
//! trace.
//!
//! Knows nothing of rules: what is put here has been checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::schema::{Object, Schema};

/// The values of one record. Dates and datetimes are kept in the form they leave in, which sorts as
/// text.
pub(super) type Row = Map<String, Value>;

#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<String, BTreeMap<String, Row>>,
    index: HashMap<(String, String, String), BTreeSet<String>>,
    journal: Vec<(String, String, Option<Row>)>,
}

/// A place in the journal to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

impl Store {
    /// A record, deleted or not.
    pub(super) fn get(&self, object: &str, id: &str) -> Option<&Row> {
        self.rows.get(object)?.get(id)
    }

    /// All records of an object in the order of their ids, deleted ones too.
    pub(super) fn all(&self, object: &str) -> impl Iterator<Item = (&String, &Row)> {
        self.rows.get(object).into_iter().flatten()
    }

    /// The ids whose indexed field has this value (compared without case), deleted records too.
    pub(super) fn find(&self, object: &str, field: &str, value: &str) -> Vec<String> {
        let key = (object.to_owned(), field.to_owned(), value.to_lowercase());
        self.index
            .get(&key)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Writes a record.
    pub(super) fn put(&mut self, schema: &Schema, object: &str, id: &str, row: &Row) {
        let before = self.swap(schema, object, id, Some(row));
        self.journal
            .push((object.to_owned(), id.to_owned(), before));
    }

    /// Removes a record without a trace. What users delete is only marked.
    pub(super) fn remove(&mut self, schema: &Schema, object: &str, id: &str) {
        let before = self.swap(schema, object, id, None);
        self.journal
            .push((object.to_owned(), id.to_owned(), before));
    }

    /// Forgets how to undo what was done so far.
    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.journal.len())
    }

    /// Undoes everything since the mark.
    pub(super) fn roll_back(&mut self, schema: &Schema, mark: Mark) {
        while self.journal.len() > mark.0 {
            if let Some((object, id, before)) = self.journal.pop() {
                self.swap(schema, &object, &id, before.as_ref());
            }
        }
    }

    fn swap(
        &mut self,
        schema: &Schema,
        object: &str,
        id: &str,
        after: Option<&Row>,
    ) -> Option<Row> {
        let definition = schema.object(object).map(AsRef::as_ref);
        let rows = self.rows.entry(object.to_owned()).or_default();
        let before = match after {
            Some(row) => rows.insert(id.to_owned(), row.clone()),
            None => rows.remove(id),
        };
        for key in keys(definition, before.as_ref()) {
            if let Some(ids) = self.index.get_mut(&key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
        for key in keys(definition, after) {
            self.index.entry(key).or_default().insert(id.to_owned());
        }
        before
    }
}

fn keys(object: Option<&Object>, row: Option<&Row>) -> Vec<(String, String, String)> {
    let (Some(object), Some(row)) = (object, row) else {
        return Vec::new();
    };
    let indexed = object.fields.iter().filter(|field| field.indexed());
    indexed
        .filter_map(|field| {
            let value = row.get(&field.name)?.as_str()?;
            Some((
                object.name.clone(),
                field.name.clone(),
                value.to_lowercase(),
            ))
        })
        .collect()
}

/// Whether a record is in the recycle bin.
pub(super) fn is_deleted(row: &Row) -> bool {
    row.get("IsDeleted")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// A text value of a record.
pub(super) fn text<'a>(row: &'a Row, field: &str) -> Option<&'a str> {
    row.get(field).and_then(Value::as_str)
}
