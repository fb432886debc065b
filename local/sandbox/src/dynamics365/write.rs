//! Creating, changing and deleting rows, with everything the platform does beside it: owners, times, states,
//! parties.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::environment::{Environment, Row, reference};
use super::parties::Party;
use super::refusal::{Outcome, Refusal};
use super::schema::{Table, Type};
use super::{address, values};

/// What a body says of a record.
#[derive(Debug, Default)]
struct Draft {
    /// Null takes a value away.
    values: BTreeMap<String, Value>,
    parties: Option<Vec<Party>>,
    id: Option<String>,
}

impl Environment {
    /// Makes a record, with the id the address or the body names.
    pub(super) fn create(
        &mut self,
        table: &Table,
        id: Option<&str>,
        body: &Map<String, Value>,
    ) -> Outcome<String> {
        let mut draft = self.draft(table, body, true)?;
        let chosen = id.map(str::to_owned).or(draft.id.take());
        let id = self.claim(table, chosen)?;
        self.strike(&table.name)?;
        let now = json!(self.now_text());
        let caller = reference("systemuser", &self.caller);
        let mut row: BTreeMap<String, Value> = BTreeMap::new();
        for column in &table.columns {
            let value = match (column.name.as_str(), column.is) {
                ("createdon" | "modifiedon", _) => now.clone(),
                ("createdby" | "modifiedby" | "ownerid" | "owninguser", _) => caller.clone(),
                ("owningbusinessunit", _) => reference("businessunit", &self.business_unit),
                ("activitytypecode", _) => json!(table.name),
                ("statecode" | "instancetypecode", _) => json!(0),
                ("statuscode", _) => json!(table.default_status(0)),
                // An outgoing call, a priority that is normal.
                ("directioncode", _) => json!(true),
                ("prioritycode", _) if table.is_activity() => json!(1),
                (_, Type::Boolean) => json!(false),
                _ => continue,
            };
            row.insert(column.name.clone(), value);
        }
        row.insert(table.id.clone(), json!(id));
        if let Some(at) = draft.values.remove("overriddencreatedon") {
            row.insert("createdon".to_owned(), at);
            row.insert("overriddencreatedon".to_owned(), now);
        }
        let status = draft.values.get("statuscode").and_then(Value::as_i64);
        status_of(table, &id, 0, status)?;
        merge(&mut row, draft.values);
        derive(table, &mut row);
        self.keys_free(table, &id, &row)?;
        self.put(&table.name, &id, Some(row));
        if table.is_activity() {
            self.seat(table, &id, draft.parties);
        }
        Ok(id)
    }

    /// Changes a record that is there.
    pub(super) fn update(
        &mut self,
        table: &Table,
        id: &str,
        body: &Map<String, Value>,
    ) -> Outcome<()> {
        let mut draft = self.draft(table, body, false)?;
        let before = self.row(&table.name, id).cloned();
        let before = before.ok_or_else(|| Refusal::gone(&table.name, id))?;
        self.strike(&table.name)?;
        let state = draft.values.remove("statecode").and_then(|v| v.as_i64());
        let status = draft.values.remove("statuscode").and_then(|v| v.as_i64());
        let was = before.number("statecode").unwrap_or_default();
        let changes = !draft.values.is_empty() || draft.parties.is_some();
        if table.is_activity()
            && matches!(was, 1 | 2)
            && changes
            && self.settings.completed_read_only
        {
            let message = format!(
                "The {} with id {id} is completed or canceled and cannot be changed until it is reopened.",
                table.name
            );
            return Err(Refusal::new(400, "0x80040203", message));
        }
        if table.name == "opportunity" && state.is_some_and(|state| state != 0 && state != was) {
            let message = "This message can not be used to set the state of opportunity. In order to set state of \
                           opportunity, use the WinOpportunity or LoseOpportunity message instead.";
            return Err(Refusal::new(400, "0x80040203", message));
        }
        let mut row = before.values;
        if state.is_some() || status.is_some() {
            let state = state.unwrap_or(was);
            let status = status_of(table, id, state, status)?;
            row.insert("statecode".to_owned(), json!(state));
            row.insert("statuscode".to_owned(), json!(status));
        }
        merge(&mut row, draft.values);
        row.insert("modifiedon".to_owned(), json!(self.now_text()));
        row.insert(
            "modifiedby".to_owned(),
            reference("systemuser", &self.caller),
        );
        derive(table, &mut row);
        self.keys_free(table, id, &row)?;
        self.put(&table.name, id, Some(row));
        if draft.parties.is_some() {
            self.seat(table, id, draft.parties);
        }
        Ok(())
    }

    /// Deletes a record: what referred to it no longer does.
    pub(super) fn delete(&mut self, table: &Table, id: &str) -> Outcome<()> {
        if self.row(&table.name, id).is_none() {
            return Err(Refusal::gone(&table.name, id));
        }
        self.strike(&table.name)?;
        self.put(&table.name, id, None);
        let tables: Vec<String> = self.schema.tables.iter().map(|t| t.name.clone()).collect();
        for name in tables {
            let leads_here =
                |row: &Row, column: &String| row.reference(column).is_some_and(|(_, to)| to == id);
            let referring: Vec<(String, Row)> = self
                .rows(&name)
                .filter(|(_, row)| row.values.keys().any(|column| leads_here(row, column)))
                .map(|(id, row)| (id.clone(), row.clone()))
                .collect();
            for (other, row) in referring {
                let is_part = name == "activityparty" && leads_here(&row, &"activityid".to_owned());
                let mut values = row.values.clone();
                values.retain(|column, _| !leads_here(&row, column));
                self.put(&name, &other, (!is_part).then_some(values));
            }
        }
        Ok(())
    }

    /// Sets one look-up of a record, or takes it away.
    pub(super) fn refer(
        &mut self,
        table: &Table,
        id: &str,
        column: &str,
        to: Option<(String, String)>,
    ) -> Outcome<()> {
        let row = self.row(&table.name, id).cloned();
        let mut row = row.ok_or_else(|| Refusal::gone(&table.name, id))?;
        match to {
            Some((table, id)) => row.values.insert(column.to_owned(), reference(&table, &id)),
            None => row.values.remove(column),
        };
        self.put(&table.name, id, Some(row.values));
        Ok(())
    }

    /// Reads a body, or says what is wrong with it.
    fn draft(&self, table: &Table, body: &Map<String, Value>, new: bool) -> Outcome<Draft> {
        let mut draft = Draft::default();
        for (name, value) in body {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                let (column, to) = self.bound(table, navigation, value)?;
                draft.values.insert(column, to);
                continue;
            }
            if name.contains('@') {
                continue;
            }
            if table.parties().as_deref() == Some(name) {
                draft.parties = Some(self.parties(table, value)?);
                continue;
            }
            if table
                .readable(name)
                .is_some_and(|column| column.is.is_lookup())
            {
                return Err(values::by_navigation());
            }
            let Some(column) = table.column(name) else {
                let inner = format!(
                    "An error occurred while validating input parameters: Microsoft.OData.ODataException: Invalid \
                     property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{}'.",
                    table.name
                );
                return Err(Refusal::payload(&table.set, &inner));
            };
            let value = values::accept(table, column, value)?;
            if *name == table.id {
                draft.id = value.as_str().map(str::to_owned);
                continue;
            }
            if new && name == "statecode" && self.settings.refuse_state_on_create {
                let message = format!("'{name}' is not valid for create on '{}'.", table.name);
                return Err(Refusal::new(400, "0x80040203", message));
            }
            let may = if new {
                column.creatable()
            } else {
                column.updatable()
            };
            if may {
                draft.values.insert(name.clone(), value);
            }
        }
        Ok(draft)
    }

    /// The look-up a navigation property stands for, with the record it is bound to.
    fn bound(&self, table: &Table, navigation: &str, to: &Value) -> Outcome<(String, Value)> {
        let Some((column, targets)) = table.navigation(navigation) else {
            let inner = format!(
                "An undeclared property '{navigation}' which only has property annotations in the payload but no \
                 property value was found in the payload. In OData, only declared navigation properties and declared \
                 named streams can be represented as properties without values."
            );
            return Err(Refusal::payload(&table.set, &inner));
        };
        if to.is_null() {
            return Ok((column.name.clone(), Value::Null));
        }
        let inner = || {
            Refusal::payload(
                &table.set,
                &format!("The value of '{navigation}@odata.bind' is no URI."),
            )
        };
        let (to, id) = self.record_at(to.as_str().ok_or_else(inner)?)?;
        if !targets.contains(&to.as_str()) {
            let inner = format!("'{navigation}' cannot refer to '{to}'.");
            return Err(Refusal::payload(&table.set, &inner));
        }
        Ok((column.name.clone(), reference(&to, &id)))
    }

    /// The record a URI names, by its id or by an alternate key.
    pub(super) fn record_at(&self, uri: &str) -> Outcome<(String, String)> {
        let last = uri.rsplit("/api/data/").next().unwrap_or(uri);
        let last = last.rsplit('/').next().unwrap_or(last);
        let (set, key) = address::keyed(last).ok_or_else(|| Refusal::segment(last))?;
        let table = self.set(&set)?;
        let id = match key {
            address::Key::Id(id) => Some(id),
            address::Key::Alternate(values) => self.by_key(&table, &values)?,
        };
        let id = id.filter(|id| self.row(&table.name, id).is_some());
        let id = id.ok_or_else(|| Refusal::gone(&table.name, last))?;
        Ok((table.name, id))
    }

    pub(super) fn now_text(&self) -> String {
        let whole = jiff::Timestamp::from_second(self.now.as_second());
        whole.unwrap_or(self.now).to_string()
    }

    /// An error that waits for this record, used up.
    fn strike(&mut self, table: &str) -> Outcome<()> {
        let fits = |armed: &super::environment::Armed| {
            armed.table.as_deref().is_none_or(|wanted| wanted == table)
        };
        match self.armed.iter().position(fits) {
            Some(place) => Err(self.armed.remove(place).refusal),
            None => Ok(()),
        }
    }
}

fn merge(row: &mut BTreeMap<String, Value>, values: BTreeMap<String, Value>) {
    for (name, value) in values {
        if value.is_null() {
            row.remove(&name);
        } else {
            row.insert(name, value);
        }
    }
}

/// The status that goes with a state: the one that is named, if it is one of the state's.
fn status_of(table: &Table, id: &str, state: i64, status: Option<i64>) -> Outcome<Option<i64>> {
    let Some(status) = status else {
        return Ok(table.default_status(state));
    };
    let column = table.column("statuscode");
    let mut known = column.into_iter().flat_map(|column| &column.choices);
    if known.any(|choice| choice.value == status && choice.state == Some(state)) {
        return Ok(Some(status));
    }
    let message = format!(
        "{status} is not a valid status code for state code {}State.{state} on {} with Id {id}.",
        table.schema, table.name
    );
    Err(Refusal::new(400, "0x80048408", message))
}

/// What follows from other columns.
fn derive(table: &Table, row: &mut BTreeMap<String, Value>) {
    let text = |row: &BTreeMap<String, Value>, name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if table.column("fullname").is_some() {
        let full = format!("{} {}", text(row, "firstname"), text(row, "lastname"));
        row.insert("fullname".to_owned(), json!(full.trim()));
    }
    if table.is_activity() {
        let time = |name: &str| text(row, name).parse::<jiff::Timestamp>().ok();
        if let (Some(start), Some(end)) = (time("scheduledstart"), time("scheduledend")) {
            let minutes = (end.as_second() - start.as_second()) / 60;
            row.insert("scheduleddurationminutes".to_owned(), json!(minutes));
        }
    }
    if let Some(owner) = row.get("ownerid").cloned() {
        row.insert("owninguser".to_owned(), owner);
    }
}
