//! Making, changing and deleting records.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Settings;
use super::account::{Account, OWNERS};
use super::errors::{Outcome, Refusal, blank};
use super::kinds::{Kind, Shape};
use super::store::{Row, moment, written};

/// A number, or digits.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A moment: ISO 8601, seconds, or as a browser writes it.
fn instant(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return Timestamp::from_second(seconds).ok();
    }
    let text = value.as_str()?;
    let parsed = text.parse().ok();
    parsed.or_else(|| {
        let written = text.split(" (").next().unwrap_or_default();
        let zoned = jiff::Zoned::strptime("%a %b %d %Y %H:%M:%S GMT%z", written).ok()?;
        Some(zoned.timestamp())
    })
}

/// The addresses of a contact as a caller writes them: a text, or a list of texts or of objects.
fn addresses(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| {
        let text = value.get("value").unwrap_or(value).as_str()?;
        let text = text.trim();
        let (name, host) = text.split_once('@')?;
        let right = !name.is_empty() && host.contains('.') && !text.contains(' ');
        right.then(|| text.to_owned())
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) if text.is_empty() => Some(Vec::new()),
        Value::Array(items) => items.iter().map(one).collect(),
        value => one(value).map(|address| vec![address]),
    }
}

/// Whether one of a contact's addresses is this one, without regard to capitals.
pub(super) fn has_address(row: &Row, address: &str) -> bool {
    let emails = row.get("emails").and_then(Value::as_array);
    let mut emails = emails.into_iter().flatten();
    emails.any(|one| {
        let value = one.get("value").and_then(Value::as_str);
        value.is_some_and(|value| value.eq_ignore_ascii_case(address.trim()))
    })
}

impl Account {
    /// A value as it is kept.
    fn checked(&self, kind: Kind, (name, shape): (&str, Shape), value: &Value) -> Outcome<Value> {
        let wrong = || Refusal::invalid(name);
        // An empty text clears a field.
        if value.is_null() || value.as_str() == Some("") {
            return Ok(Value::Null);
        }
        let id = || number(value).ok_or_else(wrong);
        Ok(match shape {
            Shape::Text(most) => {
                let text = value.as_str().ok_or_else(wrong)?;
                if text.chars().count() > most {
                    let text = blank(name);
                    let field = text.trim_end_matches(" can't be blank");
                    return Err(Refusal::bad(format!(
                        "{field} is too long (maximum is {most} characters)"
                    )));
                }
                json!(text)
            }
            Shape::Moment => json!(written(instant(value).ok_or_else(wrong)?)),
            Shape::Flag => json!(value.as_bool().ok_or_else(wrong)?),
            Shape::Amount => {
                let text = value.as_str().and_then(|text| text.parse::<f64>().ok());
                json!(value.as_f64().or(text).ok_or_else(wrong)?)
            }
            Shape::Status => json!(number(value).filter(|n| *n < 2).ok_or_else(wrong)?),
            Shape::Owner => {
                let id = id()?;
                json!(OWNERS.contains(&id).then_some(id).ok_or_else(wrong)?)
            }
            Shape::Choice(list) => {
                let id = id()?;
                let mut entries = list.entries();
                let known = entries.any(|(known, _)| known == id);
                json!(known.then_some(id).ok_or_else(wrong)?)
            }
            Shape::Of(other) => {
                let id = id()?;
                let known = self.store.get(other, id).is_some();
                json!(known.then_some(id).ok_or_else(wrong)?)
            }
            Shape::Target => json!(id()?),
            Shape::TargetType => {
                let class = value.as_str().and_then(Kind::by_target).ok_or_else(wrong)?;
                json!(class.class())
            }
            Shape::Emails | Shape::Email => json!(addresses(value).ok_or_else(wrong)?),
            Shape::Accounts => self.linked(name, value, Kind::Account)?,
            Shape::Contacts => self.linked(name, value, Kind::Contact)?,
            Shape::Attendees => self.attendees(value).ok_or_else(wrong)?,
            Shape::Custom => {
                let custom = value.as_object().ok_or_else(wrong)?;
                // What the account has no field for is taken, and dropped.
                let known = custom.iter().filter(|(name, _)| {
                    let fields = Self::custom_fields(kind);
                    fields.contains(&name.as_str())
                });
                let known = known.map(|(name, value)| (name.clone(), value.clone()));
                Value::Object(known.collect())
            }
        })
    }

    /// Records by their ids, each given as such or as an object.
    fn linked(&self, name: &str, value: &Value, kind: Kind) -> Outcome<Value> {
        let wrong = || Refusal::invalid(name);
        let mut found = Vec::new();
        for item in value.as_array().ok_or_else(wrong)? {
            let id = number(item.get("id").unwrap_or(item)).ok_or_else(wrong)?;
            self.store.get(kind, id).ok_or_else(wrong)?;
            let is_primary = item.get("is_primary") == Some(&json!(true));
            found.push(match kind {
                Kind::Account => json!({ "id": id, "is_primary": is_primary }),
                _ => json!(id),
            });
        }
        Ok(Value::Array(found))
    }

    /// The attendees of an appointment: users and contacts that are there.
    fn attendees(&self, value: &Value) -> Option<Value> {
        let mut found = Vec::new();
        for item in value.as_array()? {
            let id = number(item.get("attendee_id")?)?;
            let class = item.get("attendee_type")?.as_str()?;
            let known = match class {
                "FdMultitenant::User" | "FdMultiuser" => OWNERS.contains(&id),
                "Contact" => self.store.get(Kind::Contact, id).is_some(),
                _ => false,
            };
            known.then_some(())?;
            found.push(json!({ "attendee_type": class, "attendee_id": id }));
        }
        Some(Value::Array(found))
    }

    fn values(&self, kind: Kind, body: &Map<String, Value>) -> Outcome<Row> {
        let mut values = Row::new();
        // A member that the API does not know is ignored.
        for (name, value) in body {
            if let Some(shape) = kind.shape(name) {
                let value = self.checked(kind, (name, shape), value)?;
                let name = if shape == Shape::Email {
                    "emails"
                } else {
                    name.as_str()
                };
                values.insert(name.to_owned(), value);
            }
        }
        Ok(values)
    }

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
