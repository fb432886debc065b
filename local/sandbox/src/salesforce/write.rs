//! Creating, updating, upserting and deleting one record, with the checks in the vendor's order.

use serde_json::{Map, Value, json};

use super::body::Changes;
use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::schema::{Field, Object, Type};
use super::store::{self, Row, text};
use super::{activity, ids, rules, times};

/// What an upsert did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upserted {
    pub(super) id: String,
    pub(super) created: bool,
}

impl Org {
    /// Creates a record, or says why not; then nothing is left of it.
    pub(super) fn create(&mut self, object: &str, body: &Map<String, Value>) -> Outcome<String> {
        let object = self.object(object)?.clone();
        self.trip(&object.name)?;
        if object.fields.iter().all(|field| !field.createable()) {
            let message = format!("entity type cannot be inserted: {}", object.label);
            return Err(Refusal::new(
                400,
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                message,
            ));
        }
        if body.keys().any(|key| key.eq_ignore_ascii_case("Id")) {
            let message = "cannot specify Id in an insert call";
            return Err(Refusal::fields(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                message,
                &["Id"],
            ));
        }
        let changes = self.changes(&object, body, true)?;
        let needed = object.fields.iter().filter(|field| {
            field.createable()
                && !field.nillable()
                && !field.defaulted()
                && field.is != Type::Boolean
        });
        let missing: Vec<&str> = needed
            .filter(|field| changes.row.get(&field.name).is_none_or(Value::is_null))
            .map(|field| field.name.as_str())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Err(Refusal::fields("REQUIRED_FIELD_MISSING", message, &missing));
        }
        let mark = self.store.mark();
        let id = self.ids.next(&object.prefix);
        let mut row = self.stamped(&id, None);
        for field in &object.fields {
            if let Some(default) = self.default_of(&object, field) {
                row.insert(field.name.clone(), default);
            }
        }
        row.extend(changes.row.clone());
        let written = self.settle(&object, &id, row, &changes, true);
        written.inspect_err(|_| self.store.roll_back(&self.schema, mark))?;
        if object.name == "Opportunity"
            && let Some(contact) = changes
                .row
                .get("ContactId")
                .filter(|contact| !contact.is_null())
        {
            let role = json!({ "OpportunityId": id, "ContactId": contact, "IsPrimary": true });
            let role = role.as_object().cloned().unwrap_or_default();
            self.create("OpportunityContactRole", &role)
                .inspect_err(|_| self.store.roll_back(&self.schema, mark))?;
        }
        Ok(id)
    }

    /// Changes a record. `unless_changed_since` is the caller's optimistic lock.
    pub(super) fn update(
        &mut self,
        object: &str,
        id: &str,
        body: &Map<String, Value>,
    ) -> Outcome<()> {
        let object = self.object(object)?.clone();
        self.trip(&object.name)?;
        if body.keys().any(|key| key.eq_ignore_ascii_case("Id")) {
            let message = "The Id field should not be specified in the sobject data.";
            return Err(Refusal::new(400, "INVALID_FIELD", message));
        }
        let before = self.live(&object, id)?.clone();
        let changes = self.changes(&object, body, false)?;
        let emptied: Vec<&str> = object
            .fields
            .iter()
            .filter(|field| {
                !field.nillable() && changes.row.get(&field.name).is_some_and(Value::is_null)
            })
            .map(|field| field.name.as_str())
            .collect();
        if !emptied.is_empty() {
            let message = format!("Required fields are missing: [{}]", emptied.join(", "));
            return Err(Refusal::fields("REQUIRED_FIELD_MISSING", message, &emptied));
        }
        let mark = self.store.mark();
        let mut row = self.stamped(id, Some(&before));
        row.extend(changes.row.clone());
        let written = self.settle(&object, id, row, &changes, false);
        written.inspect_err(|_| self.store.roll_back(&self.schema, mark))
    }

    /// Updates the record with this external id, or creates it.
    pub(super) fn upsert(
        &mut self,
        object: &str,
        field: &str,
        value: &str,
        body: &Map<String, Value>,
        update_only: bool,
    ) -> Outcome<Upserted> {
        let object = self.object(object)?.clone();
        let field = self.key_field(&object, field)?.clone();
        if field.is == Type::Id {
            let id = ids::normalise(value).ok_or_else(|| malformed(value))?;
            self.update(&object.name, &id, body)?;
            return Ok(Upserted { id, created: false });
        }
        if let Some(name) = body
            .keys()
            .find(|key| key.eq_ignore_ascii_case(&field.name))
        {
            let message = format!("The {name} field should not be specified in the sobject data.");
            return Err(Refusal::new(400, "INVALID_FIELD", message));
        }
        match self.by_key(&object, &field, value)? {
            Some(id) => {
                self.update(&object.name, &id, body)?;
                Ok(Upserted { id, created: false })
            }
            None if update_only => Err(Refusal::not_found()),
            None => {
                let mut body = body.clone();
                body.insert(field.name.clone(), json!(value));
                let id = self.create(&object.name, &body)?;
                Ok(Upserted { id, created: true })
            }
        }
    }

    /// Puts a record into the recycle bin, with what goes along.
    pub(super) fn delete(&mut self, object: &str, id: &str) -> Outcome<()> {
        let object = self.object(object)?.clone();
        self.trip(&object.name)?;
        if object.name == "User" || object.name == "Organization" {
            let message = format!("entity type not supported for delete: {}", object.name);
            return Err(Refusal::new(400, "CANNOT_DELETE_OR_ARCHIVE", message));
        }
        let before = self.live(&object, id)?.clone();
        let mut row = self.stamped(id, Some(&before));
        row.insert("IsDeleted".to_owned(), json!(true));
        self.store.put(&self.schema, &object.name, id, &row);
        let cascade: &[(&str, &str)] = match object.name.as_str() {
            "Account" => &[
                ("Contact", "AccountId"),
                ("Opportunity", "AccountId"),
                ("Case", "AccountId"),
            ],
            "Contact" => &[
                ("OpportunityContactRole", "ContactId"),
                ("EventRelation", "RelationId"),
                ("TaskRelation", "RelationId"),
            ],
            "Lead" => &[
                ("EventRelation", "RelationId"),
                ("TaskRelation", "RelationId"),
            ],
            "Opportunity" => &[("OpportunityContactRole", "OpportunityId")],
            "Event" => &[("EventRelation", "EventId")],
            "Task" => &[("TaskRelation", "TaskId")],
            _ => &[],
        };
        for (child, field) in cascade {
            for child_id in self.store.find(child, field, id) {
                if self
                    .store
                    .get(child, &child_id)
                    .is_some_and(|row| !store::is_deleted(row))
                {
                    self.delete(child, &child_id)?;
                }
            }
        }
        if matches!(object.name.as_str(), "EventRelation" | "TaskRelation") {
            activity::relation_changed(self, &object.name, &before);
        }
        Ok(())
    }

    /// The one live record with this key; none; or the several, as a refusal with their addresses.
    pub(super) fn by_key(
        &self,
        object: &Object,
        field: &Field,
        value: &str,
    ) -> Outcome<Option<String>> {
        let found = self.store.find(&object.name, &field.name, value);
        let live: Vec<String> = found
            .into_iter()
            .filter(|id| {
                let row = self.store.get(&object.name, id);
                let same = row.and_then(|row| text(row, &field.name));
                row.is_some_and(|row| !store::is_deleted(row))
                    && (!field.case_sensitive() || same == Some(value))
            })
            .collect();
        if live.len() > 1 {
            let choices = live.iter().map(|id| format!("{}/{id}", object.name));
            let choices = Some(choices.collect());
            let refusal = Refusal::new(
                300,
                "MULTIPLE_CHOICES",
                "The value matches more than one record",
            );
            return Err(Refusal { choices, ..refusal });
        }
        Ok(live.into_iter().next())
    }

    /// A field records can be addressed by.
    pub(super) fn key_field<'a>(&self, object: &'a Object, name: &str) -> Outcome<&'a Field> {
        let field = self
            .field(object, name)
            .filter(|field| field.external_id() || field.id_lookup());
        field.ok_or_else(|| {
            let message =
                format!("Provided external ID field does not exist or is not accessible: {name}");
            Refusal::new(404, "NOT_FOUND", message)
        })
    }

    /// Id, author and times of a record written now.
    pub(super) fn stamped(&self, id: &str, before: Option<&Row>) -> Row {
        let now = json!(times::written(self.now));
        let mut row = before.cloned().unwrap_or_default();
        if before.is_none() {
            row.insert("Id".to_owned(), json!(id));
            row.insert("IsDeleted".to_owned(), json!(false));
            row.insert("CreatedDate".to_owned(), now.clone());
            row.insert("CreatedById".to_owned(), json!(self.user));
        }
        row.insert("LastModifiedDate".to_owned(), now.clone());
        row.insert("LastModifiedById".to_owned(), json!(self.user));
        row.insert("SystemModstamp".to_owned(), now);
        row
    }

    /// An armed error strikes the first record written.
    fn trip(&mut self, object: &str) -> Outcome<()> {
        let hit = self.armed.iter().position(|a| {
            a.object
                .as_deref()
                .is_none_or(|o| o.eq_ignore_ascii_case(object))
        });
        match hit.map(|place| self.armed.remove(place)) {
            Some(armed) => Err(Refusal::fields(&armed.code, armed.message, &[])),
            None => Ok(()),
        }
    }

    fn default_of(&self, object: &Object, field: &Field) -> Option<Value> {
        match (&field.default, field.is, field.name.as_str()) {
            (Some(default), ..) => Some(json!(default)),
            (None, Type::Boolean, _) => Some(json!(false)),
            (None, _, "OwnerId") => Some(json!(self.user)),
            (None, _, "EventSubtype") if object.name == "Event" => Some(json!("Event")),
            _ => None,
        }
    }

    /// Applies the rules, checks uniqueness, writes, and lets related records follow.
    fn settle(
        &mut self,
        object: &Object,
        id: &str,
        mut row: Row,
        changes: &Changes,
        creating: bool,
    ) -> Outcome<()> {
        rules::apply(self, &object.name, &mut row, &changes.row, creating)?;
        let mut whos = None;
        if activity::is_activity(&object.name) {
            let listed = changes.whos.clone();
            let shared = self.settings.shared_activities;
            let probe = |org: &Self, row: &mut Row| {
                activity::settle_whos(
                    org,
                    &object.name,
                    row,
                    &changes.row,
                    if shared { listed } else { None },
                )
            };
            let list = probe(self, &mut row)?;
            activity::derive(self, &object.name, &mut row, &list);
            whos = shared.then_some(list);
        }
        self.check_unique(object, id, &row, changes)?;
        self.store.put(&self.schema, &object.name, id, &row);
        if let Some(whos) = whos {
            activity::relate(self, &object.name, id, &whos);
        }
        if matches!(object.name.as_str(), "EventRelation" | "TaskRelation") {
            activity::relation_changed(self, &object.name, &row);
        }
        Ok(())
    }

    fn check_unique(&self, object: &Object, id: &str, row: &Row, changes: &Changes) -> Outcome<()> {
        for field in object
            .fields
            .iter()
            .filter(|field| field.unique() && changes.row.contains_key(&field.name))
        {
            let Some(value) = text(row, &field.name) else {
                continue;
            };
            let twin = self.by_key(object, field, value)?;
            if let Some(twin) = twin.filter(|twin| twin != id) {
                let name = &field.name;
                let message = format!(
                    "duplicate value found: {name} duplicates value on record with id: {twin}"
                );
                return Err(Refusal::fields("DUPLICATE_VALUE", message, &[]));
            }
        }
        Ok(())
    }
}

/// An id that is none.
pub(super) fn malformed(id: &str) -> Refusal {
    Refusal::new(400, "MALFORMED_ID", format!("malformed id {id}"))
}
