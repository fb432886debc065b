//! Writes of records in two steps: a draft is checked against everything, then it is put in. So a
//! batch that fails as a whole leaves no trace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::errors::{Invalid, Outcome, Refusal};
use super::kinds::Kind;
use super::links::{Links, Tag};
use super::portal::Portal;
use super::store::{Record, folded};
use super::{times, values};

/// A write that was checked.
#[derive(Debug)]
pub(super) struct Draft {
    kind: Kind,
    /// The record it changes; none: a new one.
    pub(super) id: Option<u64>,
    /// What it sets; an empty text clears.
    values: BTreeMap<String, String>,
    links: Vec<(Kind, u64, Tag)>,
}

/// The unique values that earlier drafts of the same batch will hold.
pub(super) type Taken = BTreeSet<(String, String)>;

impl Portal {
    /// Checks a new record.
    pub(super) fn draft_new(
        &mut self,
        kind: Kind,
        input: &Value,
        strict: bool,
        taken: &mut Taken,
    ) -> Outcome<Draft> {
        let mut values = self.checked(kind, properties(input)?)?;
        values.retain(|_, value| !value.is_empty());
        if kind == Kind::Meeting
            && !values.contains_key("hs_timestamp")
            && let Some(start) = values.get("hs_meeting_start_time").cloned()
        {
            values.insert("hs_timestamp".to_owned(), start);
        }
        if kind == Kind::Ticket {
            let pipeline = values.entry("hs_pipeline".to_owned());
            pipeline.or_insert_with(|| "0".to_owned());
        }
        let object = self.object(kind);
        let mut required: Vec<&str> = object.required.iter().map(String::as_str).collect();
        if strict {
            let admins = self.settings.required_properties.get(&kind);
            required.extend(admins.into_iter().flatten().map(String::as_str));
        }
        required.retain(|name| !values.contains_key(*name));
        if required.is_empty() && !object.any_of.is_empty() {
            let any = object.any_of.iter().any(|name| values.contains_key(name));
            if !any {
                required = object.any_of.iter().map(String::as_str).collect();
            }
        }
        if !required.is_empty() {
            return Err(Refusal::unset(kind, &required));
        }
        self.stage(kind, &values)?;
        self.free(kind, None, &values, taken)?;
        let links = self.linked(kind, input)?;
        self.strike(kind)?;
        take(self, kind, &values, taken);
        Ok(Draft {
            kind,
            id: None,
            values,
            links,
        })
    }

    /// Checks a change of a record.
    pub(super) fn draft_change(
        &mut self,
        kind: Kind,
        id: u64,
        input: &Value,
        taken: &mut Taken,
    ) -> Outcome<Draft> {
        let values = self.checked(kind, properties(input)?)?;
        let before = self.store.live(kind, id).ok_or_else(Refusal::not_found)?;
        let mut after = before.values.clone();
        after.extend(values.clone());
        self.stage(kind, &after)?;
        self.free(kind, Some(id), &values, taken)?;
        self.strike(kind)?;
        take(self, kind, &values, taken);
        Ok(Draft {
            kind,
            id: Some(id),
            values,
            links: Vec::new(),
        })
    }

    /// Puts a draft in; gives the record's id.
    pub(super) fn write(&mut self, draft: Draft) -> u64 {
        let (kind, now) = (draft.kind, self.now);
        let id = draft.id.unwrap_or_else(|| self.next_id());
        let before = draft.id.and_then(|id| self.store.get(kind, id)).cloned();
        let mut record = before.unwrap_or_else(|| Record {
            id,
            values: BTreeMap::new(),
            history: BTreeMap::new(),
            created: now,
            updated: now,
            archived: None,
        });
        record.updated = now;
        let object = self.schema.object(kind);
        let (created, modified) = (object.created.clone(), object.modified.clone());
        let mut values = draft.values;
        if draft.id.is_none() {
            values.insert("hs_object_id".to_owned(), id.to_string());
            values.insert(created, times::value(now));
        }
        values.insert(modified, times::value(now));
        for (name, value) in values {
            let history = record.history.entry(name.clone()).or_default();
            if history.last().map(|(_, last)| last) != Some(&value) {
                history.push((now, value.clone()));
            }
            if value.is_empty() {
                record.values.remove(&name);
            } else {
                record.values.insert(name, value);
            }
        }
        if kind == Kind::Deal {
            self.compute(&mut record);
        }
        self.store.put(&self.schema, kind, record);
        self.settle();
        for (to, other, tag) in draft.links {
            self.link((kind, id), (to, other), tag);
        }
        id
    }

    /// Associates two records. The first company of a record becomes its main one.
    pub(super) fn link(&mut self, from: (Kind, u64), to: (Kind, u64), tag: Tag) {
        for (a, b) in [(from, to), (to, from)] {
            if b.0 == Kind::Company
                && self.links.of(a, b.0).next().is_none()
                && let Some(primary) = Links::primary(a.0, b.0)
            {
                self.links.add(a, b, primary);
            }
        }
        self.links.add(from, to, tag);
    }

    /// Moves a record to the bin.
    pub(super) fn archive(&mut self, kind: Kind, id: u64) {
        let Some(mut record) = self.store.live(kind, id).cloned() else {
            return;
        };
        record.archived = Some(self.now);
        record.updated = self.now;
        self.store.put(&self.schema, kind, record);
        self.links.remove_all((kind, id));
        self.settle();
    }

    fn checked(
        &self,
        kind: Kind,
        properties: &Map<String, Value>,
    ) -> Outcome<BTreeMap<String, String>> {
        let (mut accepted, mut invalid) = (BTreeMap::new(), Vec::new());
        for (name, value) in properties {
            let value = values::text(name, value)?;
            let Some(property) = self.schema.property(kind, name) else {
                invalid.push(Invalid {
                    name: name.clone(),
                    code: "PROPERTY_DOESNT_EXIST",
                    message: format!("Property \"{name}\" does not exist"),
                });
                continue;
            };
            match values::accept(self, kind, property, &value) {
                Ok(value) => {
                    accepted.insert(name.clone(), value);
                }
                Err(wrong) => invalid.push(wrong),
            }
        }
        if invalid.is_empty() {
            Ok(accepted)
        } else {
            Err(Refusal::invalid(self.hub_id, &invalid))
        }
    }

    /// Whether the stage is one of the pipeline's.
    fn stage(&self, kind: Kind, values: &BTreeMap<String, String>) -> Outcome<()> {
        let (line, stage) = match kind {
            Kind::Deal => ("pipeline", "dealstage"),
            Kind::Ticket => ("hs_pipeline", "hs_pipeline_stage"),
            _ => return Ok(()),
        };
        let (Some(line), Some(value)) = (values.get(line), values.get(stage)) else {
            return Ok(());
        };
        let lines = self.pipelines.get(&kind).into_iter().flatten();
        let mut lines = lines.filter(|known| known.id == line.as_str());
        if value.is_empty() || lines.any(|known| known.stage(value).is_some()) {
            return Ok(());
        }
        let wrong = Invalid {
            name: stage.to_owned(),
            code: "INVALID_OPTION",
            message: format!("{value} is no stage of the pipeline {line}"),
        };
        Err(Refusal::invalid(self.hub_id, &[wrong]))
    }

    /// Whether the unique values are free.
    fn free(
        &self,
        kind: Kind,
        own: Option<u64>,
        values: &BTreeMap<String, String>,
        taken: &Taken,
    ) -> Outcome<()> {
        for property in self.object(kind).properties.iter().filter(|p| p.unique) {
            let name = property.name.as_str();
            let Some(value) = values.get(name).filter(|value| !value.is_empty()) else {
                continue;
            };
            let holder = self.store.find(kind, name, value);
            if let Some(holder) = holder.filter(|holder| own != Some(*holder)) {
                if kind == Kind::Contact && name == "email" && own.is_none() {
                    let message = format!("Contact already exists. Existing ID: {holder}");
                    return Err(Refusal::new(409, "CONFLICT", message));
                }
                return Err(self.taken(kind, name, value, own, &holder.to_string()));
            }
            if taken.contains(&(name.to_owned(), folded(name, value))) {
                return Err(self.taken(kind, name, value, own, "Another input"));
            }
        }
        Ok(())
    }

    fn taken(
        &self,
        kind: Kind,
        name: &str,
        value: &str,
        own: Option<u64>,
        holder: &str,
    ) -> Refusal {
        let target = own.map_or_else(|| "null".to_owned(), |id| id.to_string());
        let message = format!(
            "Cannot set PropertyValueCoordinates{{portalId={}, objectTypeId={}, propertyName={name}, value={value}}} \
             on {target}. {holder} already has that value.",
            self.hub_id,
            kind.type_id()
        );
        let wrong = Invalid {
            name: name.to_owned(),
            code: "CONFLICTING_UNIQUE_VALUE",
            message,
        };
        Refusal::invalid(self.hub_id, &[wrong])
    }

    /// Reads the associations of a new record.
    fn linked(&self, kind: Kind, input: &Value) -> Outcome<Vec<(Kind, u64, Tag)>> {
        let list = match input.get("associations") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(Refusal::shape("associations")),
        };
        let (mut links, mut absent) = (Vec::new(), Vec::new());
        for one in list {
            let id = id_of(one.get("to")).ok_or_else(|| Refusal::shape("associations.to"))?;
            let types = one.get("types").and_then(Value::as_array);
            let types = types.filter(|types| !types.is_empty());
            let types = types.ok_or_else(|| Refusal::fields_missing(&["types"]))?;
            for given in types {
                let tag = tag_of(given)?;
                // A type belongs to one pair only, so it names the kind of the other end.
                let known = |to: &Kind| self.links.knows(kind, *to, tag);
                let Some(to) = Kind::ALL.into_iter().find(known) else {
                    let message = format!(
                        "No association type with id {} exists from {}",
                        tag.id,
                        kind.name()
                    );
                    return Err(Refusal::validation(message));
                };
                let found = id.parse().ok();
                match found.filter(|id| self.store.live(to, *id).is_some()) {
                    Some(other) => links.push((to, other, tag)),
                    None => absent.push(format!("{}={id}", to.name())),
                }
            }
        }
        if absent.is_empty() {
            return Ok(links);
        }
        let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
        let message = format!("Some associated objects don't exist: {}", absent.join(", "));
        Err(Refusal::validation(message).with("INVALID_OBJECT_IDS", &absent))
    }

    /// The armed error of this kind of record, if there is one; it is used up.
    fn strike(&mut self, kind: Kind) -> Outcome<()> {
        let fits = |one: &super::portal::Armed| one.kind.is_none_or(|wanted| wanted == kind);
        match self.armed.iter().position(fits) {
            Some(place) => Err(self.armed.remove(place).refusal),
            None => Ok(()),
        }
    }

    /// What follows from a deal's stage.
    fn compute(&self, record: &mut Record) {
        let stage = record.values.get("dealstage").cloned().unwrap_or_default();
        let mut lines = self.pipelines.get(&Kind::Deal).into_iter().flatten();
        let Some((closed, percent)) = lines.find_map(|line| line.stage(&stage)) else {
            return;
        };
        let amount: Option<f64> = record.values.get("amount").and_then(|a| a.parse().ok());
        let mut set = |name: &str, value: String| record.values.insert(name.to_owned(), value);
        set("hs_is_closed", closed.to_string());
        set("hs_is_closed_won", (closed && percent == 100).to_string());
        if let Some(amount) = amount {
            let forecast = amount * f64::from(percent) / 100.0;
            set("hs_forecast_amount", forecast.to_string());
        }
    }
}

fn take(portal: &Portal, kind: Kind, values: &BTreeMap<String, String>, taken: &mut Taken) {
    for property in portal.object(kind).properties.iter().filter(|p| p.unique) {
        if let Some(value) = values.get(&property.name).filter(|value| !value.is_empty()) {
            taken.insert((property.name.clone(), folded(&property.name, value)));
        }
    }
}

/// The `properties` of an input.
fn properties(input: &Value) -> Outcome<&Map<String, Value>> {
    match input.get("properties") {
        Some(Value::Object(properties)) => Ok(properties),
        None | Some(Value::Null) => Err(Refusal::fields_missing(&["properties"])),
        Some(_) => Err(Refusal::shape("properties")),
    }
}

/// The id in `{ "id": … }`; a number is taken for its text.
pub(super) fn id_of(value: Option<&Value>) -> Option<String> {
    match value?.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The type in `{ "associationCategory": …, "associationTypeId": … }`.
pub(super) fn tag_of(value: &Value) -> Outcome<Tag> {
    let category = value.get("associationCategory").and_then(Value::as_str);
    let id = value.get("associationTypeId").and_then(Value::as_u64);
    let id = id.and_then(|id| u32::try_from(id).ok());
    match (category, id) {
        (Some("HUBSPOT_DEFINED"), Some(id)) => Ok(Tag { own: false, id }),
        (Some("USER_DEFINED" | "INTEGRATOR_DEFINED"), Some(id)) => Ok(Tag { own: true, id }),
        (Some(_), Some(_)) => Err(Refusal::shape("associationCategory")),
        _ => Err(Refusal::fields_missing(&[
            "associationCategory",
            "associationTypeId",
        ])),
    }
}
