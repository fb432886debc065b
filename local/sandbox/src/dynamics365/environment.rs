//! The environment: its tables, their rows, and who is calling. It knows no HTTP.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::refusal::{EXISTS, Outcome, Refusal};
use super::schema::{SALES, Schema, Table};
use super::settings::Settings;
use crate::oauth::Noise;

/// One row. A look-up is held as `{ "table", "id" }`; a column without a value is not there.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) version: u64,
}

impl Row {
    pub(super) fn text(&self, column: &str) -> &str {
        self.values
            .get(column)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn number(&self, column: &str) -> Option<i64> {
        self.values.get(column)?.as_i64()
    }

    /// Table and id a look-up leads to.
    pub(super) fn reference(&self, column: &str) -> Option<(&str, &str)> {
        let held = self.values.get(column)?;
        Some((held.get("table")?.as_str()?, held.get("id")?.as_str()?))
    }

    pub(super) fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
}

/// A look-up's value.
pub(super) fn reference(table: &str, id: &str) -> Value {
    json!({ "table": table, "id": id })
}

/// An error waiting for the next record of a table that is written.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    pub(super) table: Option<String>,
    pub(super) refusal: Refusal,
}

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) base_url: String,
    pub(super) schema: Schema,
    pub(super) settings: Settings,
    pub(super) now: Timestamp,
    /// The user the request comes from.
    pub(super) caller: String,
    pub(super) business_unit: String,
    pub(super) armed: Vec<Armed>,
    rows: BTreeMap<String, BTreeMap<String, Row>>,
    /// What open change sets have replaced so far, the outermost first.
    journals: Vec<Vec<(String, String, Option<Row>)>>,
    version: u64,
    noise: Noise,
}

impl Environment {
    pub(super) fn new(base_url: &str, seed: u64, now: Timestamp) -> Self {
        let noise = Noise::new(seed);
        Self {
            base_url: base_url.to_owned(),
            schema: Schema::shipped(),
            settings: Settings::default(),
            now,
            caller: String::new(),
            business_unit: noise.guid("business unit"),
            armed: Vec::new(),
            rows: BTreeMap::new(),
            journals: Vec::new(),
            version: 1_000_000 + seed % 1_000_000,
            noise,
        }
    }

    /// An id nobody chose.
    pub(super) fn fresh(&mut self) -> String {
        let label = self.noise.label("row");
        self.noise.guid(&label)
    }

    /// The table of an entity set, if the environment has it.
    pub(super) fn set(&self, set: &str) -> Outcome<Table> {
        self.schema
            .set(set)
            .filter(|table| self.has(&table.name))
            .cloned()
            .ok_or_else(|| Refusal::segment(set))
    }

    /// Whether a table is installed.
    pub(super) fn has(&self, table: &str) -> bool {
        self.settings.sales || !SALES.contains(&table)
    }

    pub(super) fn row(&self, table: &str, id: &str) -> Option<&Row> {
        self.rows.get(table)?.get(id)
    }

    pub(super) fn rows(&self, table: &str) -> impl Iterator<Item = (&String, &Row)> {
        self.rows.get(table).into_iter().flatten()
    }

    /// Puts a row in or takes it out.
    pub(super) fn put(&mut self, table: &str, id: &str, row: Option<BTreeMap<String, Value>>) {
        self.version += 1;
        let version = self.version;
        let rows = self.rows.entry(table.to_owned()).or_default();
        let before = match row {
            Some(mut values) => {
                values.insert("versionnumber".to_owned(), json!(version));
                rows.insert(id.to_owned(), Row { values, version })
            }
            None => rows.remove(id),
        };
        if let Some(journal) = self.journals.last_mut() {
            journal.push((table.to_owned(), id.to_owned(), before));
        }
    }

    /// From here on everything can be taken back.
    pub(super) fn begin(&mut self) {
        self.journals.push(Vec::new());
    }

    pub(super) fn keep(&mut self) {
        let done = self.journals.pop();
        if let (Some(outer), Some(done)) = (self.journals.last_mut(), done) {
            outer.extend(done);
        }
    }

    pub(super) fn take_back(&mut self) {
        for (table, id, before) in self.journals.pop().into_iter().flatten().rev() {
            let rows = self.rows.entry(table).or_default();
            match before {
                Some(row) => {
                    rows.insert(id, row);
                }
                None => {
                    rows.remove(&id);
                }
            }
        }
    }

    /// Whether one of the primary key's values is free, for a row that is to have it. All activities share
    /// their ids.
    pub(super) fn is_taken(&self, table: &Table, id: &str) -> bool {
        let mut kin = self.schema.tables.iter().filter(|other| {
            other.name == table.name || (other.is_activity() && table.is_activity())
        });
        kin.any(|other| self.row(&other.name, id).is_some())
    }

    /// The row an alternate key names.
    pub(super) fn by_key(
        &self,
        table: &Table,
        wanted: &[(String, String)],
    ) -> Outcome<Option<String>> {
        let names: Vec<&String> = wanted.iter().map(|(name, _)| name).collect();
        let ready = |key: &&super::schema::Key| {
            key.columns.len() == names.len()
                && key.columns.iter().all(|column| names.contains(&column))
                && self.is_active(key)
        };
        if !table.keys.iter().any(|key| ready(&key)) {
            let message = format!(
                "The specified key attributes are not a defined key for the {} entity",
                table.name
            );
            return Err(Refusal::new(400, "0x80060890", message));
        }
        let fits = |row: &Row| {
            wanted
                .iter()
                .all(|(name, value)| match row.values.get(name) {
                    Some(Value::String(text)) => text.eq_ignore_ascii_case(value),
                    Some(other) => {
                        serde_json::from_str(value).is_ok_and(|value: Value| *other == value)
                    }
                    None => false,
                })
        };
        let found = self.rows(&table.name).find(|(_, row)| fits(row));
        Ok(found.map(|(id, _)| id.clone()))
    }

    /// The index of a key is built in the background.
    pub(super) fn is_active(&self, key: &super::schema::Key) -> bool {
        let built = self.now.as_second() - key.made.as_second();
        built >= self.settings.key_index_seconds
    }

    /// Whether no other row has the same values of an alternate key.
    pub(super) fn keys_free(
        &self,
        table: &Table,
        id: &str,
        values: &BTreeMap<String, Value>,
    ) -> Outcome<()> {
        for key in &table.keys {
            let own: Option<Vec<&Value>> = key.columns.iter().map(|c| values.get(c)).collect();
            let Some(own) = own else { continue };
            let same = |row: &Row| {
                let theirs: Option<Vec<&Value>> =
                    key.columns.iter().map(|c| row.values.get(c)).collect();
                theirs.as_ref() == Some(&own)
            };
            if self
                .rows(&table.name)
                .any(|(other, row)| other != id && same(row))
            {
                let message = format!(
                    "Entity Key {} violated. A record with the same value for {} already exists. A duplicate record \
                     cannot be created. Select one or more unique values and try again.",
                    key.schema,
                    key.columns.join(", ")
                );
                return Err(Refusal::new(412, "0x80060892", message));
            }
        }
        Ok(())
    }

    /// The primary key of a row that is made: chosen by the caller, or made here.
    pub(super) fn claim(&mut self, table: &Table, chosen: Option<String>) -> Outcome<String> {
        let Some(id) = chosen else {
            return Ok(self.fresh());
        };
        if self.is_taken(table, &id) {
            let message = "Cannot insert duplicate key.";
            return Err(Refusal::new(412, EXISTS, message));
        }
        Ok(id)
    }

    /// Everything it holds, by table: columns as they are read, activities with their parties.
    pub(super) fn state(&self) -> Value {
        let objects = self.schema.tables.iter().map(|table| {
            let rows = self.rows(&table.name).map(|(id, row)| {
                let mut shown = Self::columns(table, row);
                if table.is_activity() {
                    shown.insert("parties".to_owned(), Value::Array(self.state_parties(id)));
                }
                Value::Object(shown)
            });
            (table.set.clone(), rows.collect())
        });
        Value::Object(objects.collect())
    }

    fn state_parties(&self, activity: &str) -> Vec<Value> {
        let of = |row: &&Row| {
            row.reference("activityid")
                .is_some_and(|(_, id)| id == activity)
        };
        let rows = self.rows("activityparty").map(|(_, row)| row).filter(of);
        let party = |row: &Row| {
            let (table, id) = row.reference("partyid").unwrap_or_default();
            json!({ "mask": row.values.get("participationtypemask"), "table": table, "id": id,
                "addressused": row.values.get("addressused") })
        };
        rows.map(party).collect()
    }

    /// All columns of a row under the names they are read by.
    pub(super) fn columns(table: &Table, row: &Row) -> Map<String, Value> {
        let readable = table
            .columns
            .iter()
            .filter(|column| column.is != super::schema::Type::PartyList);
        let value = |column: &super::schema::Column| {
            let value = match row.reference(&column.name) {
                Some((_, id)) => json!(id),
                None => row.values.get(&column.name).cloned().unwrap_or_default(),
            };
            (column.value_name(), value)
        };
        readable.map(value).collect()
    }
}
