//! Making, changing and deleting records.

use serde_json::{Map, Value, json};

use super::Settings;
use super::account::Account;
use super::errors::{Outcome, Refusal, blank};
use super::kinds::{Kind, Shape};
use super::store::{Row, moment, written};
use super::values::has_address;

impl Account {
    /// Makes a record and answers its id.
    pub(super) fn create(
        &mut self,
        settings: &Settings,
        kind: Kind,
        body: &Map<String, Value>,
        user: u64,
    ) -> Outcome<u64> {
        self.disarm(kind)?;
        let values = self.values(kind, body)?;
        let mut row = Row::new();
        for (name, shape) in kind.members() {
            let value = match shape {
                Shape::Email => continue,
                Shape::Emails | Shape::Accounts | Shape::Contacts | Shape::Attendees => json!([]),
                Shape::Custom => {
                    let fields = Self::custom_fields(kind).iter();
                    Value::Object(
                        fields
                            .map(|name| ((*name).to_owned(), Value::Null))
                            .collect(),
                    )
                }
                Shape::Flag => json!(false),
                Shape::Status => json!(0),
                // A task belongs to whom it is given; everything else to who made it.
                Shape::Owner if kind == Kind::Task && settings.task_owner_required => Value::Null,
                Shape::Owner => json!(user),
                _ => Value::Null,
            };
            row.insert((*name).to_owned(), value);
        }
        row.insert("creater_id".to_owned(), json!(user));
        row.insert("created_at".to_owned(), json!(written(self.now)));
        self.apply(settings, (kind, None), &mut row, values)?;
        let id = self.store.next(kind);
        row.insert("id".to_owned(), json!(id));
        name_emails(kind, id, &mut row);
        self.store.put(kind, id, row, self.now);
        Ok(id)
    }

    /// Changes a record.
    pub(super) fn update(
        &mut self,
        settings: &Settings,
        kind: Kind,
        id: u64,
        body: &Map<String, Value>,
    ) -> Outcome<()> {
        let row = self.store.get(kind, id).cloned();
        let mut row = row.ok_or_else(Refusal::not_found)?;
        self.disarm(kind)?;
        let values = self.values(kind, body)?;
        self.apply(settings, (kind, Some(id)), &mut row, values)?;
        name_emails(kind, id, &mut row);
        self.store.put(kind, id, row, self.now);
        Ok(())
    }

    /// Puts checked values into a row, and sees whether it is valid as a whole.
    fn apply(
        &self,
        settings: &Settings,
        (kind, id): (Kind, Option<u64>),
        row: &mut Row,
        values: Row,
    ) -> Outcome<()> {
        for (name, value) in values {
            match (name.as_str(), row.get_mut(&name), value) {
                ("custom_field", Some(Value::Object(kept)), Value::Object(value)) => {
                    kept.extend(value);
                }
                (_, _, value) => {
                    row.insert(name, value);
                }
            }
        }
        let empty = |row: &Row, name: &str| row.get(name).is_none_or(Value::is_null);
        let mut needed = kind.needed().to_vec();
        if kind == Kind::Task && settings.task_owner_required {
            needed.push("owner_id");
        }
        let missing: Vec<String> = needed
            .into_iter()
            .filter(|name| empty(row, name))
            .map(blank)
            .collect();
        if !missing.is_empty() {
            return Err(Refusal {
                status: 400,
                messages: missing,
            });
        }
        if kind.shape("targetable_id").is_some() {
            let class = row.get("targetable_type").and_then(Value::as_str);
            let target = row.get("targetable_id").and_then(Value::as_u64);
            let found = class.and_then(Kind::by_target).zip(target);
            let known = found.is_some_and(|(kind, id)| self.store.get(kind, id).is_some());
            if (class.is_some() || target.is_some()) && !known {
                return Err(Refusal::invalid("targetable"));
            }
        }
        match kind {
            Kind::Appointment if moment(row, "end_date") < moment(row, "from_date") => {
                return Err(Refusal::bad("End date should be after from date"));
            }
            Kind::Contact => self.is_one_person(id, row)?,
            Kind::Task => {
                let is_done = row.get("status") == Some(&json!(1));
                let at = row
                    .get("completed_date")
                    .filter(|at| !at.is_null())
                    .cloned();
                let at = at.unwrap_or_else(|| json!(written(self.now)));
                let at = if is_done { at } else { Value::Null };
                row.insert("completed_date".to_owned(), at);
            }
            _ => {}
        }
        for name in &settings.unique_custom_fields {
            let value = custom(row, name).filter(|value| !value.is_null());
            let mut others = self.store.all(kind).filter(|(other, _)| Some(*other) != id);
            if value.is_some() && others.any(|(_, other)| custom(other, name) == value) {
                return Err(Refusal::bad(format!("{name} is not unique")));
            }
        }
        row.insert("updated_at".to_owned(), json!(written(self.now)));
        Ok(())
    }

    /// A contact has an address or a number, and shares neither.
    fn is_one_person(&self, id: Option<u64>, row: &mut Row) -> Outcome<()> {
        let emails = row.get("emails").and_then(Value::as_array).cloned();
        let emails: Vec<String> = emails
            .into_iter()
            .flatten()
            .filter_map(|one| Some(one.get("value").unwrap_or(&one).as_str()?.to_owned()))
            .collect();
        let mobile = row.get("mobile_number").cloned().unwrap_or_default();
        if emails.is_empty() && mobile.is_null() {
            return Err(Refusal::bad("Emails or mobile number can't be blank"));
        }
        let others = || {
            let all = self.store.all(Kind::Contact);
            all.filter(move |(other, _)| Some(*other) != id)
        };
        let shares = |address: &String| others().any(|(_, other)| has_address(other, address));
        if emails.iter().any(shares) {
            return Err(Refusal::bad("Email is not unique"));
        }
        let same = |(_, other): (u64, &Row)| other.get("mobile_number") == Some(&mobile);
        if !mobile.is_null() && others().any(same) {
            return Err(Refusal::bad("MobileNumber is not unique"));
        }
        Ok(())
    }

    /// Finds a record by what is unique of it, and changes it, or makes it. Whether it was made.
    pub(super) fn upsert(
        &mut self,
        settings: &Settings,
        kind: Kind,
        (identifier, body): (&Map<String, Value>, &Map<String, Value>),
        user: u64,
    ) -> Outcome<(u64, bool)> {
        let custom_names = &settings.unique_custom_fields;
        let mut given = identifier.iter().filter(|(name, value)| {
            let known = kind.identifiers().contains(&name.as_str());
            (known || custom_names.contains(name)) && value.as_str().is_some_and(|v| !v.is_empty())
        });
        let (Some((name, Value::String(value))), None) = (given.next(), given.next()) else {
            return Err(Refusal::bad(format!(
                "Please provide a unique field: {}",
                kind.identifiers().join(", ")
            )));
        };
        let is_custom = custom_names.contains(name);
        let found = self.store.all(kind).find(|(_, row)| {
            let held = if is_custom {
                custom(row, name)
            } else {
                row.get(name)
            };
            if name == "emails" {
                has_address(row, value)
            } else {
                held.and_then(Value::as_str) == Some(value)
            }
        });
        if let Some((id, _)) = found {
            self.update(settings, kind, id, body)?;
            return Ok((id, false));
        }
        let mut body = body.clone();
        if is_custom {
            let fields = body.entry("custom_field").or_insert_with(|| json!({}));
            if let Some(fields) = fields.as_object_mut() {
                fields.entry(name.clone()).or_insert_with(|| json!(value));
            }
        } else {
            body.entry(name.clone()).or_insert_with(|| json!(value));
        }
        Ok((self.create(settings, kind, &body, user)?, true))
    }

    pub(super) fn delete(&mut self, kind: Kind, id: u64) -> Outcome<()> {
        if self.store.remove(kind, id, self.now) {
            Ok(())
        } else {
            Err(Refusal::not_found())
        }
    }
}

/// A custom field of a record.
fn custom<'a>(row: &'a Row, name: &str) -> Option<&'a Value> {
    row.get("custom_field")?.get(name)
}

/// The addresses and the name of a contact as answers show them.
fn name_emails(kind: Kind, id: u64, row: &mut Row) {
    if kind != Kind::Contact {
        return;
    }
    let emails = row.get("emails").and_then(Value::as_array).cloned();
    let emails: Vec<Value> = (1..)
        .zip(emails.into_iter().flatten())
        .map(|(place, one)| {
            let value = one.get("value").cloned().unwrap_or(one);
            json!({ "id": id * 10 + place, "value": value, "is_active": true, "label": null,
                "is_primary": place == 1 })
        })
        .collect();
    let first = emails.first().and_then(|one| one.get("value")).cloned();
    row.insert("email".to_owned(), first.unwrap_or_default());
    row.insert("emails".to_owned(), Value::Array(emails));
    let names = ["first_name", "last_name"];
    let names = names.map(|name| row.get(name).and_then(Value::as_str).unwrap_or_default());
    let name = names.join(" ").trim().to_owned();
    row.insert("display_name".to_owned(), json!(name));
}
