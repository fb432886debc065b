//! What a caller may say of a record: each value checked, and in the form it is kept in.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::{Account, OWNERS};
use super::errors::{Outcome, Refusal, blank};
use super::kinds::{Kind, Shape};
use super::store::{Row, written};

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

    /// The values of a body, each checked.
    pub(super) fn values(&self, kind: Kind, body: &Map<String, Value>) -> Outcome<Row> {
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
}
