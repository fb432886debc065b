//! Making, changing and deleting records.

use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};
use super::store::Row;
use super::values::{checked, empty};

impl Account {
    /// The values of a body, each checked.
    fn values(&self, kind: Kind, body: &Map<String, Value>, own: Option<u64>) -> Outcome<Row> {
        let mut values = Row::new();
        for (name, value) in body {
            match kind.shape(name) {
                Some(shape) => {
                    let value = checked(self, kind, (name, shape), value)?;
                    if shape == Shape::Emails {
                        self.are_free(&value, own)?;
                    }
                    values.insert(name.clone(), value);
                }
                // An update in bulk names its record.
                None if name == "id" => {}
                None if self.settings.strict_bodies => {
                    return Err(Refusal::invalid(name, "unknown"));
                }
                None => {}
            }
        }
        Ok(values)
    }

    /// No two people have an address.
    fn are_free(&self, emails: &Value, own: Option<u64>) -> Outcome<()> {
        for one in emails.as_array().into_iter().flatten() {
            let email = one.get("email").and_then(Value::as_str).unwrap_or_default();
            let holder = self.by_email(email);
            if holder.is_some() && holder != own {
                return Err(Refusal::invalid("emails", "already taken"));
            }
        }
        Ok(())
    }

    /// The person who has an address.
    pub(super) fn by_email(&self, email: &str) -> Option<u64> {
        let mut people = self.store.all(Kind::Person);
        people
            .find(|(_, row)| {
                let emails = row.get("emails").and_then(Value::as_array);
                emails.into_iter().flatten().any(|one| {
                    let known = one.get("email").and_then(Value::as_str);
                    known.is_some_and(|known| known.eq_ignore_ascii_case(email))
                })
            })
            .map(|(id, _)| id)
    }

    /// Makes a record and answers its id.
    pub(super) fn create(
        &mut self,
        kind: Kind,
        body: &Map<String, Value>,
        user: u64,
    ) -> Outcome<u64> {
        if let Some(refusal) = self.disarm(kind) {
            return Err(refusal);
        }
        let mut needed = kind.needed().iter();
        if let Some(missing) = needed.find(|name| !body.contains_key(**name)) {
            return Err(Refusal::invalid(missing, "missing"));
        }
        let values = self.values(kind, body, None)?;
        let id = self.store.next(kind);
        let mut row = Row::new();
        row.insert("id".to_owned(), json!(id));
        for (name, shape) in kind.members() {
            row.insert((*name).to_owned(), empty(*shape));
        }
        for (name, value) in self.begin(kind, user) {
            row.insert(name.to_owned(), value);
        }
        for name in ["date_created", "date_modified"] {
            row.insert(name.to_owned(), self.second());
        }
        self.apply(kind, &mut row, values);
        self.store.put(kind, id, row, self.now);
        Ok(id)
    }

    /// What a new record has beyond nothing.
    fn begin(&self, kind: Kind, user: u64) -> Vec<(&'static str, Value)> {
        match kind {
            Kind::Activity => vec![("user_id", json!(user)), ("activity_date", self.second())],
            Kind::Task | Kind::Opportunity => vec![
                ("assignee_id", json!(user)),
                ("status", json!("Open")),
                ("priority", json!("None")),
            ],
            Kind::Project => vec![("status", json!("Open"))],
            Kind::Person | Kind::Lead | Kind::Company => Vec::new(),
        }
    }

    /// Changes what a body names.
    pub(super) fn update(&mut self, kind: Kind, id: u64, body: &Map<String, Value>) -> Outcome<()> {
        let row = self.store.live(kind, id).cloned();
        let mut row = row.ok_or_else(Refusal::not_found)?;
        if let Some(refusal) = self.disarm(kind) {
            return Err(refusal);
        }
        let values = self.values(kind, body, Some(id))?;
        self.apply(kind, &mut row, values);
        row.insert("date_modified".to_owned(), self.second());
        self.store.put(kind, id, row, self.now);
        Ok(())
    }

    /// Puts checked values into a row, and what follows from them.
    fn apply(&self, kind: Kind, row: &mut Row, values: Row) {
        for (name, value) in values {
            match (kind.shape(&name), row.get_mut(&name)) {
                // Each custom field by itself; other lists are replaced whole.
                (Some(Shape::Custom), Some(Value::Array(kept))) => {
                    for one in value.as_array().into_iter().flatten() {
                        let field = one.get("custom_field_definition_id");
                        kept.retain(|old| old.get("custom_field_definition_id") != field);
                        kept.push(one.clone());
                    }
                }
                _ => {
                    row.insert(name, value);
                }
            }
        }
        if kind == Kind::Task {
            let is_done = row.get("status") == Some(&json!("Completed"));
            let kept = row.get("completed_date").filter(|at| !at.is_null());
            let at = match (is_done, kept) {
                (false, _) => Value::Null,
                (true, Some(kept)) => kept.clone(),
                (true, None) => self.second(),
            };
            row.insert("completed_date".to_owned(), at);
        }
        if kind == Kind::Person {
            let company = row.get("company_id").and_then(Value::as_u64);
            let company = company.and_then(|id| self.store.live(Kind::Company, id));
            let name = company.and_then(|company| company.get("name"));
            if let Some(name) = name.cloned() {
                row.insert("company_name".to_owned(), name);
            }
        }
    }

    /// Deletes a record. Of an activity a stub stays.
    pub(super) fn delete(&mut self, kind: Kind, id: u64) -> Outcome<Value> {
        if self.store.live(kind, id).is_none() {
            return Err(Refusal::not_found());
        }
        let stub = json!({ "id": id, "is_deleted": true });
        match (kind, &stub) {
            (Kind::Activity, Value::Object(row)) => {
                self.store.put(kind, id, row.clone(), self.now);
            }
            _ => self.store.remove(kind, id, self.now),
        }
        Ok(stub)
    }
}
