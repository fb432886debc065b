//! Reads the body of a write: which fields, whether they may be set, and what they hold.

use serde_json::{Map, Value, json};

use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::schema::{Field, Object, Type};
use super::store::Row;
use super::values;

/// What the caller wants changed, checked field by field.
pub(super) struct Changes {
    pub(super) row: Row,
    /// `EventWhoIds` or `TaskWhoIds`, if it was in the body; empty for null.
    pub(super) whos: Option<Vec<String>>,
}

impl Org {
    /// Reads the body of a write.
    pub(super) fn changes(
        &self,
        object: &Object,
        body: &Map<String, Value>,
        creating: bool,
    ) -> Outcome<Changes> {
        let mut changes = Changes {
            row: Row::new(),
            whos: None,
        };
        let mut locked: Vec<String> = Vec::new();
        for (name, value) in body {
            if name == "attributes" {
                continue;
            }
            let (field, value) = match (self.field(object, name), object.relationship(name)) {
                (Some(field), _) => (field, value.clone()),
                (None, Some(field)) if self.sees(field) => {
                    (field, self.referenced(field, name, value)?)
                }
                _ => return Err(Refusal::no_such_column(name, &object.name)),
            };
            let writable = if creating {
                field.createable()
            } else {
                field.updateable()
            };
            if !writable {
                locked.push(field.name.clone());
                continue;
            }
            let value = values::accept(self, field, &value)?;
            if field.is == Type::JunctionIdList {
                let ids = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                changes.whos = Some(ids.map(str::to_owned).collect());
                continue;
            }
            // A flag can not be empty: null is false.
            let value = if value.is_null() && field.is == Type::Boolean {
                json!(false)
            } else {
                value
            };
            // Null in a field with a default: the default on create.
            if value.is_null() && creating && field.defaulted() {
                continue;
            }
            changes.row.insert(field.name.clone(), value);
        }
        if locked.is_empty() {
            return Ok(changes);
        }
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify that it \
             is read/write for your profile or permission set.",
            locked.join(", ")
        );
        let locked: Vec<&str> = locked.iter().map(String::as_str).collect();
        Err(Refusal::fields(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            message,
            &locked,
        ))
    }

    /// A related record named by its external id: `"Who": { "attributes": { "type": "Contact" },
    /// "Key__c": "x" }`.
    fn referenced(&self, field: &Field, name: &str, value: &Value) -> Outcome<Value> {
        let Some(body) = value.as_object() else {
            return if value.is_null() {
                Ok(Value::Null)
            } else {
                Err(Refusal::json(format!("{name} is no object")))
            };
        };
        let typed = body
            .get("attributes")
            .and_then(|a| a.get("type"))
            .and_then(Value::as_str);
        let target = typed
            .or(field.to.first().map(String::as_str))
            .unwrap_or_default();
        let target = self.object(target)?;
        let (key, wanted) = body
            .iter()
            .find(|(key, _)| *key != "attributes")
            .ok_or_else(Refusal::not_found)?;
        let key = self.key_field(target, key)?;
        let wanted = wanted.as_str().unwrap_or_default();
        self.by_key(target, key, wanted)?
            .map(|id| json!(id))
            .ok_or_else(|| {
                let message = format!(
                    "Foreign key external ID: {wanted} not found for field {} in entity {}",
                    key.name, target.name
                );
                Refusal::fields("INVALID_FIELD", message, &[])
            })
    }
}
