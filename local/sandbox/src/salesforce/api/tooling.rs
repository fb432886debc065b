//! The Tooling API, as far as making a custom text field goes. The field stays hidden until it is
//! granted.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::schema::Field;
use super::super::times;
use super::{Api, Call};

impl Api {
    pub(super) fn custom_field(&mut self, call: &Call) -> Outcome<Answer> {
        let body = call.object()?;
        let full = body
            .get("FullName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let metadata = body.get("Metadata").cloned().unwrap_or_default();
        let text = |name: &str| {
            metadata
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let flag = |name: &str| metadata.get(name).and_then(Value::as_bool).unwrap_or(false);
        let wrong = |message: &str, field: &str| {
            Refusal::fields("FIELD_INTEGRITY_EXCEPTION", message, &[field])
        };
        let (on, name) = full
            .split_once('.')
            .ok_or_else(|| wrong("FullName must be Object.Field__c", "FullName"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.ends_with("__c")
            || !name.starts_with(|c: char| c.is_ascii_alphabetic())
            || !name.chars().all(plain)
        {
            return Err(wrong("The field name is not valid", "FullName"));
        }
        if text("label").is_empty() {
            return Err(Refusal::fields(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [label]",
                &["label"],
            ));
        }
        let length = metadata
            .get("length")
            .and_then(Value::as_u64)
            .and_then(|length| usize::try_from(length).ok());
        let length = length.unwrap_or_default();
        let field = match text("type") {
            "Text" if (1..=255).contains(&length) => {
                let mut keys = String::new();
                keys.push_str(if flag("externalId") { "XI" } else { "" });
                keys.push_str(if flag("unique") { "q" } else { "" });
                keys.push_str(if flag("caseSensitive") { "S" } else { "" });
                Field::text(name, text("label"), length, &keys)
            }
            "LongTextArea" if (256..=131_072).contains(&length) => {
                Field::long_text(name, text("label"), length)
            }
            "Text" | "LongTextArea" => {
                return Err(wrong("The length is not valid for this type", "length"));
            }
            _ => {
                return Err(wrong(
                    "This sandbox makes Text and LongTextArea fields only",
                    "type",
                ));
            }
        };
        if flag("unique") && on == "Activity" && !self.org.settings.unique_key {
            return Err(wrong("Activity custom fields can not be unique", "unique"));
        }
        let objects: &[&str] = if on == "Activity" {
            &["Event", "Task"]
        } else {
            &[on]
        };
        for object in objects {
            let object = self
                .org
                .schema
                .object_mut(object)
                .ok_or_else(|| wrong("No such object", "FullName"))?;
            if object.field(name).is_some() {
                let message = format!("There is already a field named {name} on {on}.");
                return Err(Refusal::fields(
                    "DUPLICATE_DEVELOPER_NAME",
                    message,
                    &["FullName"],
                ));
            }
            object.fields.push(field.clone());
        }
        self.org.schema_changed = times::shifted(self.org.now, 1);
        let id = self.org.ids.next("00N");
        Ok(Answer::json(
            201,
            json!({ "id": id, "success": true, "errors": [], "warnings": [], "infos": [] }),
        ))
    }
}
