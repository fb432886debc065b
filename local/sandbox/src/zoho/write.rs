//! Making, changing and deleting records.

use serde_json::{Map, Value, json};

use super::modules::{Field, Kind, Module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};
use super::store::Row;
use super::times;
use super::values::{self, SE_MODULE, checked};

/// What a caller may send of a record.
type Body = Map<String, Value>;

impl Org {
    /// The values of a body, each checked.
    fn values(&self, module: &Module, body: &Body, row: &Row) -> Outcome<Row> {
        let related = values::meta(body, row);
        let mut values = Row::new();
        for (name, value) in body {
            let Some(field) = module.field(name, &self.settings) else {
                if self.settings.refuse_unknown_fields && !name.starts_with('$') {
                    return Err(Refusal::invalid(name));
                }
                continue;
            };
            if let Some(value) = checked(self, &field, value, related.as_deref())? {
                values.insert(name.clone(), value);
            }
        }
        if let (Some(related), true) = (related, values.contains_key("What_Id")) {
            values.insert(SE_MODULE.to_owned(), json!(related));
        }
        Ok(values)
    }

    /// Makes a record and answers its id.
    pub(super) fn create(
        &mut self,
        module: &'static Module,
        body: &Body,
        user: &str,
    ) -> Outcome<String> {
        if let Some(refusal) = self.disarm(module.name) {
            return Err(refusal);
        }
        let fields = module.fields(&self.settings);
        let mut needed = fields.iter().filter(|field| field.mandatory);
        if let Some(missing) = needed.find(|field| !body.contains_key(field.name)) {
            return Err(Refusal::mandatory(missing.name));
        }
        let values = self.values(module, body, &Row::new())?;
        self.unique(module, &values, None)?;
        let mut row: Row = fields
            .iter()
            .map(|f| (f.name.to_owned(), empty(f)))
            .collect();
        if module.is_activity() {
            row.insert(SE_MODULE.to_owned(), Value::Null);
        }
        let id = self.next();
        let (now, who) = (json!(self.clock()), json!(self.user(user)));
        for (name, value) in [
            ("Created_Time", &now),
            ("Created_By", &who),
            ("Owner", &who),
        ] {
            row.insert(name.to_owned(), value.clone());
        }
        row.insert("id".to_owned(), json!(id));
        self.apply(module, row, values, user)?;
        self.follow(body);
        Ok(id)
    }

    /// Changes a record.
    pub(super) fn update(
        &mut self,
        module: &'static Module,
        id: &str,
        body: &Body,
        user: &str,
    ) -> Outcome<()> {
        let row = self.store.get(module.name, id).cloned();
        let row = row.ok_or_else(|| Refusal::no_id("id"))?;
        if let Some(refusal) = self.disarm(module.name) {
            return Err(refusal);
        }
        let values = self.values(module, body, &row)?;
        self.unique(module, &values, Some(id))?;
        self.apply(module, row, values, user)?;
        self.follow(body);
        Ok(())
    }

    /// Makes a record, or changes the one with the same value of the first of these fields that has one; whether it made it, and
    /// by which field it was found.
    pub(super) fn upsert(
        &mut self,
        module: &'static Module,
        body: &Body,
        checks: &[String],
        user: &str,
    ) -> Outcome<(String, Option<String>)> {
        for name in checks {
            let wanted = body.get(name).and_then(Value::as_str).unwrap_or_default();
            let found = self.holder(module, name, wanted, None);
            if let Some(id) = found.filter(|_| !wanted.is_empty()) {
                self.update(module, &id, body, user)?;
                return Ok((id, Some(name.clone())));
            }
        }
        Ok((self.create(module, body, user)?, None))
    }

    /// The record that has this value, without regard to capitals.
    fn holder(
        &self,
        module: &Module,
        name: &str,
        value: &str,
        but: Option<&str>,
    ) -> Option<String> {
        let has = |row: &&Row| {
            let held = row.get(name).and_then(Value::as_str).unwrap_or_default();
            held.to_lowercase() == value.to_lowercase()
                && row.get("id").and_then(Value::as_str) != but
        };
        let live = self.store.all(module.name).find(has);
        let mut bin = self.store.bin(module.name).map(|(_, row)| row);
        let in_bin = || bin.find(has).filter(|_| self.settings.bin_is_unique);
        let id = live.or_else(in_bin)?.get("id")?;
        id.as_str().map(str::to_owned)
    }

    fn unique(&self, module: &Module, values: &Row, id: Option<&str>) -> Outcome<()> {
        let fields = module.fields(&self.settings);
        for field in fields.iter().filter(|field| field.unique) {
            let value = values.get(field.name).and_then(Value::as_str);
            let Some(value) = value else { continue };
            if let Some(other) = self.holder(module, field.name, value, id) {
                let record = json!({ "id": other, "module": { "api_name": module.name } });
                let refusal = Refusal::new(400, "DUPLICATE_DATA", "duplicate data");
                return Err(refusal
                    .with("api_name", field.name)
                    .with("id", other)
                    .with("duplicate_record", record));
            }
        }
        Ok(())
    }

    /// Puts checked values into a row, and what follows from them.
    fn apply(
        &mut self,
        module: &'static Module,
        mut row: Row,
        values: Row,
        user: &str,
    ) -> Outcome<()> {
        row.extend(values);
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let noted = match module.name {
            "Leads" | "Contacts" => {
                let name = format!("{} {}", text("First_Name"), text("Last_Name"));
                Some(("Full_Name", json!(name.trim())))
            }
            "Calls" => {
                let length = times::seconds(text("Call_Duration"));
                Some(("Call_Duration_in_seconds", json!(length)))
            }
            "Tasks" => {
                let kept = row.get("Closed_Time").filter(|at| !at.is_null()).cloned();
                let is_closed = text("Status") == "Completed";
                let now = || json!(self.clock());
                let at = is_closed.then(|| kept.unwrap_or_else(now));
                Some(("Closed_Time", at.unwrap_or_default()))
            }
            "Events" => {
                let at = |name: &str| times::moment(text(name), false);
                if at("End_DateTime") < at("Start_DateTime") {
                    return Err(Refusal::invalid("End_DateTime"));
                }
                None
            }
            _ => None,
        };
        if let Some((name, value)) = noted {
            row.insert(name.to_owned(), value);
        }
        row.insert("Modified_Time".to_owned(), json!(self.clock()));
        row.insert("Modified_By".to_owned(), json!(self.user(user)));
        let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = id.to_owned();
        self.store.put(module.name, &id, row, self.now);
        Ok(())
    }

    /// The invitations that a meeting sends, unless the caller says that it shall not.
    fn follow(&mut self, body: &Body) {
        if body.get("$send_notification") == Some(&json!(false)) {
            return;
        }
        let people = body.get("Participants").and_then(Value::as_array);
        let people = people.into_iter().flatten();
        let who = people.filter_map(|one| one.get("participant")?.as_str().map(str::to_owned));
        self.invited.extend(who);
    }

    /// What a success says of a record.
    pub(super) fn details(&self, module: &Module, id: &str) -> Value {
        let row = self.store.get(module.name, id);
        let member = |name: &str| row.and_then(|row| row.get(name)).cloned();
        let who = |name: &str| {
            let user = member(name).unwrap_or_default();
            json!({ "name": user.get("name"), "id": user.get("id") })
        };
        json!({ "Modified_Time": member("Modified_Time"), "Modified_By": who("Modified_By"),
            "Created_Time": member("Created_Time"), "id": id, "Created_By": who("Created_By"),
            "$approval_state": "approved" })
    }
}

fn empty(field: &Field) -> Value {
    match field.kind {
        Kind::Flag => json!(false),
        Kind::People => json!([]),
        _ => Value::Null,
    }
}
