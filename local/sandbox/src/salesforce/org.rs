//! The fake org: its schema, records, switches and clock. What every part that reads or writes
//! records goes through.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::errors::{Outcome, Refusal};
use super::ids::Ids;
use super::schema::{Field, Object, Schema};
use super::store::{self, Row, Store};
use super::times;
use crate::frame::FaultError;

/// The unique key field the hub's package brings to Event, Task and Contact.
pub(super) const KEY_FIELD: &str = "Liveprompt_Key__c";

/// What differs from org to org, and what is not known for certain.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Several contacts per activity.
    pub(super) shared_activities: bool,
    /// Whether the customer has the hub's key field.
    pub(super) liveprompt_field: bool,
    /// Whether the platform lets an activity's key field be unique.
    pub(super) unique_key: bool,
    /// Each refresh gives a new refresh token.
    pub(super) refresh_rotation: bool,
    /// Whether the base URL is the org's own host; client credentials work on no other.
    pub(super) my_domain: bool,
    /// The key that signs JWT assertions, as PEM.
    pub(super) jwt_public_key: Option<String>,
    /// Users who have not approved the app, by username.
    pub(super) unapproved_users: Vec<String>,
    /// Requests per rolling 24 hours.
    pub(super) daily_limit: u64,
    /// The registered callback addresses.
    pub(super) redirect_uris: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shared_activities: true,
            liveprompt_field: true,
            unique_key: true,
            refresh_rotation: true,
            my_domain: true,
            jwt_public_key: None,
            unapproved_users: Vec::new(),
            daily_limit: 100_000,
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/salesforce/callback".to_owned(),
            ],
        }
    }
}

/// An error waiting for the next record that is written.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    pub(super) object: Option<String>,
    pub(super) code: String,
    pub(super) message: String,
}

/// One org.
#[derive(Debug)]
pub(super) struct Org {
    pub(super) schema: Schema,
    pub(super) store: Store,
    pub(super) ids: Ids,
    pub(super) settings: Settings,
    pub(super) armed: Vec<Armed>,
    pub(super) base_url: String,
    pub(super) now: Timestamp,
    /// Who is asking: owner and author of what is written.
    pub(super) user: String,
    pub(super) organization: String,
    pub(super) cases: u64,
    /// When a field was last added or shown; describe answers carry it.
    pub(super) schema_changed: Timestamp,
}

impl Org {
    pub(super) fn new(base_url: &str, seed: u64, now: Timestamp) -> Self {
        let mut ids = Ids::new(seed);
        let organization = ids.next("00D");
        Self {
            schema: Schema::shipped(),
            store: Store::default(),
            ids,
            settings: Settings::default(),
            armed: Vec::new(),
            base_url: base_url.to_owned(),
            now,
            user: String::new(),
            organization,
            cases: 1000,
            schema_changed: now,
        }
    }

    /// An object by name.
    pub(super) fn object(&self, name: &str) -> Outcome<&Arc<Object>> {
        let there = self
            .schema
            .object(name)
            .filter(|o| self.settings.shared_activities || o.name != "TaskRelation");
        there.ok_or_else(Refusal::not_found)
    }

    /// Whether the user can see the field at all.
    pub(super) fn sees(&self, field: &Field) -> bool {
        !field.hidden && (self.settings.shared_activities || !field.shared_only())
    }

    /// A visible field by name.
    pub(super) fn field<'a>(&self, object: &'a Object, name: &str) -> Option<&'a Field> {
        object.field(name).filter(|field| self.sees(field))
    }

    /// A record that is there and not deleted, or why not.
    pub(super) fn live(&self, object: &Object, id: &str) -> Outcome<&Row> {
        let row = self
            .store
            .get(&object.name, id)
            .ok_or_else(Refusal::not_found)?;
        if store::is_deleted(row) {
            Err(Refusal::deleted())
        } else {
            Ok(row)
        }
    }

    /// A record by id whatever its object.
    pub(super) fn any(&self, id: &str) -> Option<(&Object, &Row)> {
        let object = self.schema.object_of(id)?;
        Some((object, self.store.get(&object.name, id)?))
    }

    /// A value of a record as callers see it. Some fields are computed when read.
    pub(super) fn read(&self, object: &Object, row: &Row, field: &Field) -> Value {
        if field.is == super::schema::Type::JunctionIdList {
            let id = store::text(row, "Id").unwrap_or_default();
            return json!(super::activity::whos(self, &object.name, id));
        }
        if field.name == "LastActivityDate" {
            return json!(super::activity::last_day(self, object, row));
        }
        row.get(&field.name).cloned().unwrap_or(Value::Null)
    }

    /// The `attributes` every record carries.
    pub(super) fn attributes(object: &str, id: &str, version: u32) -> Value {
        json!({ "type": object, "url": format!("/services/data/v{version}.0/sobjects/{object}/{id}") })
    }

    /// The switches as JSON.
    pub(super) fn switches(&self) -> Value {
        let s = &self.settings;
        json!({
            "shared_activities": s.shared_activities,
            "liveprompt_field": s.liveprompt_field,
            "unique_key": s.unique_key,
            "refresh_rotation": s.refresh_rotation,
            "my_domain": s.my_domain,
            "jwt_public_key": s.jwt_public_key,
            "unapproved_users": s.unapproved_users,
            "daily_limit": s.daily_limit,
            "redirect_uris": s.redirect_uris,
        })
    }

    /// Sets switches, all or none.
    pub(super) fn switch(&mut self, wanted: &Map<String, Value>) -> Result<(), FaultError> {
        let mut settings = self.settings.clone();
        for (name, value) in wanted {
            let yes = || {
                value
                    .as_bool()
                    .ok_or_else(|| FaultError::new(name.clone(), "true or false is needed"))
            };
            match name.as_str() {
                "shared_activities" => settings.shared_activities = yes()?,
                "liveprompt_field" => settings.liveprompt_field = yes()?,
                "unique_key" => settings.unique_key = yes()?,
                "refresh_rotation" => settings.refresh_rotation = yes()?,
                "daily_limit" => {
                    let limit = value
                        .as_u64()
                        .ok_or_else(|| FaultError::new("daily_limit", "a number is needed"))?;
                    settings.daily_limit = limit;
                }
                "my_domain" => settings.my_domain = yes()?,
                "jwt_public_key" => {
                    let pem = value
                        .as_str()
                        .filter(|pem| super::oauth::der(pem).is_some());
                    if pem.is_none() && !value.is_null() {
                        let wrong = "a public key as PEM is needed";
                        return Err(FaultError::new("jwt_public_key", wrong));
                    }
                    settings.jwt_public_key = pem.map(str::to_owned);
                }
                "unapproved_users" => settings.unapproved_users = texts(name, value)?,
                "redirect_uris" => settings.redirect_uris = texts(name, value)?,
                _ => return Err(FaultError::new(name.clone(), "no such setting")),
            }
        }
        let (before, after) = (&self.settings, &settings);
        if before.liveprompt_field != after.liveprompt_field
            || before.unique_key != after.unique_key
        {
            self.rebuild_key_field(after.liveprompt_field, after.unique_key);
            self.schema_changed = times::shifted(self.now, 1);
        }
        self.settings = settings;
        Ok(())
    }

    /// Takes the key field out of the org, or brings it back as the package ships it.
    fn rebuild_key_field(&mut self, there: bool, unique: bool) {
        for object in ["Event", "Task", "Contact"] {
            let Some(object) = self.schema.object_mut(object) else {
                continue;
            };
            object.fields.retain(|field| field.name != KEY_FIELD);
            if there {
                let keys = if unique { "IXqS" } else { "IXS" };
                let mut field = Field::text(KEY_FIELD, "Liveprompt Key", 255, keys);
                field.hidden = false;
                object.fields.push(field);
            }
        }
    }
}

/// A setting that is a list of texts.
fn texts(name: &str, value: &Value) -> Result<Vec<String>, FaultError> {
    let list = value.as_array().map(|list| list.iter());
    let list: Option<Vec<String>> =
        list.and_then(|list| list.map(|text| text.as_str().map(str::to_owned)).collect());
    list.ok_or_else(|| FaultError::new(name, "a list of texts is needed"))
}
