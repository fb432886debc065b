//! Making, changing and deleting the records of v2.

use serde_json::{Map, Value, json};

use super::company::Company;
use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};
use super::store::{Row, is_deleted};
use super::times;
use super::values::checked;

impl Company {
    /// The values of a body, each checked.
    fn values(&self, kind: Kind, body: &Map<String, Value>) -> Outcome<Row> {
        let mut values = Row::new();
        for (name, value) in body {
            match kind.shape(name) {
                Some(shape) => {
                    let value = checked(self, kind, (name, shape), value)?;
                    values.insert(name.clone(), value);
                }
                None if self.settings.strict_bodies => {
                    return Err(Refusal::invalid(name, "This field was not expected."));
                }
                None => {}
            }
        }
        Ok(values)
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
        if let Some(needed) = kind.needed().filter(|needed| !body.contains_key(*needed)) {
            return Err(Refusal::invalid(needed, "This field is missing."));
        }
        let values = self.values(kind, body)?;
        let id = self.store.next(kind);
        let now = times::written(self.now);
        let mut row = Row::new();
        row.insert("id".to_owned(), json!(id));
        for (name, shape) in kind.members() {
            let value = match shape {
                Shape::Synced if !self.settings.contact_sync => continue,
                Shape::Flag => json!(false),
                Shape::Channels | Shape::Participants | Shape::Attendees | Shape::Numbers => {
                    json!([])
                }
                Shape::Custom => self.fields.empty(kind),
                Shape::Visible => json!(3),
                Shape::User => json!(user),
                Shape::Status => json!("open"),
                _ => Value::Null,
            };
            row.insert((*name).to_owned(), value);
        }
        for name in ["add_time", "update_time"] {
            row.insert(name.to_owned(), json!(now));
        }
        row.insert("is_deleted".to_owned(), json!(false));
        self.begin(kind, &mut row, &values, user);
        self.apply(kind, &mut row, values)?;
        self.store.put(kind, id, row, self.now);
        Ok(id)
    }

    /// What a new record of a kind has beyond its members.
    fn begin(&self, kind: Kind, row: &mut Row, values: &Row, user: u64) {
        let more = match kind {
            Kind::Activity => {
                let first = self.settings.activity_types.first();
                let kind = values.get("type").and_then(Value::as_str);
                let kind = kind.or(first.map(String::as_str)).unwrap_or_default();
                let mut name = kind.to_owned();
                if let Some(head) = name.get_mut(..1) {
                    head.make_ascii_uppercase();
                }
                json!({ "type": kind, "subject": name, "creator_user_id": user, "marked_as_done_time": null,
                    "conference_meeting_client": null, "conference_meeting_url": null, "conference_meeting_id": null })
            }
            Kind::Person => json!({ "first_name": null, "last_name": null, "picture_id": null }),
            Kind::Deal => {
                let stage = self.first_stage(values.get("pipeline_id"));
                json!({ "stage_id": stage, "value": 0, "currency": "EUR", "stage_change_time": null,
                    "close_time": null, "won_time": null, "lost_time": null, "origin": "API", "origin_id": null,
                    "channel": null, "channel_id": null, "source_lead_id": null, "arr": null, "mrr": null, "acv": null })
            }
            Kind::Organization | Kind::Pipeline | Kind::Stage | Kind::Note => json!({}),
        };
        if let Value::Object(more) = more {
            row.extend(more);
        }
    }

    fn first_stage(&self, pipeline: Option<&Value>) -> Option<u64> {
        let mut stages = self.store.all(Kind::Stage);
        stages
            .find(|(_, stage)| {
                pipeline.is_none_or(|pipeline| stage.get("pipeline_id") == Some(pipeline))
            })
            .map(|(id, _)| id)
    }

    /// Changes a record.
    pub(super) fn update(&mut self, kind: Kind, id: u64, body: &Map<String, Value>) -> Outcome<()> {
        let Some(mut row) = self.store.live(kind, id).cloned() else {
            return Err(Refusal::not_found(kind.title()));
        };
        if let Some(refusal) = self.disarm(kind) {
            return Err(refusal);
        }
        let archived = row.get("is_archived") == Some(&json!(true));
        if archived && body.get("is_archived") != Some(&json!(false)) {
            let error = "Archived deals are not editable";
            return Err(Refusal::new(403, "ERR_FORBIDDEN", error));
        }
        let values = self.values(kind, body)?;
        self.apply(kind, &mut row, values)?;
        row.insert("update_time".to_owned(), json!(times::written(self.now)));
        self.store.put(kind, id, row, self.now);
        Ok(())
    }

    /// Puts checked values into a row, and what follows from them.
    fn apply(&self, kind: Kind, row: &mut Row, values: Row) -> Outcome<()> {
        let now = json!(times::written(self.now));
        let (was_done, stage) = (row.get("done").cloned(), row.get("stage_id").cloned());
        for (name, value) in values {
            match (name.as_str(), row.get_mut(&name)) {
                ("custom_fields", Some(Value::Object(kept))) => {
                    if let Value::Object(value) = value {
                        kept.extend(value);
                    }
                }
                _ => {
                    row.insert(name, value);
                }
            }
        }
        match kind {
            Kind::Activity => {
                let participants = row.get("participants").and_then(Value::as_array);
                let primary = participants.into_iter().flatten();
                let mut primary = primary.filter(|one| one.get("primary") == Some(&json!(true)));
                let person = primary.find_map(|one| one.get("person_id").cloned());
                row.insert("person_id".to_owned(), person.unwrap_or_default());
                if row.get("done") != was_done.as_ref() {
                    let done = row.get("done") == Some(&json!(true));
                    let at = if done { now } else { Value::Null };
                    row.insert("marked_as_done_time".to_owned(), at);
                }
            }
            Kind::Person => {
                let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
                let (first, last) = name.trim().rsplit_once(' ').unwrap_or((name.trim(), ""));
                let (first, last) = (json!(first), json!((!last.is_empty()).then_some(last)));
                row.insert("first_name".to_owned(), first);
                row.insert("last_name".to_owned(), last);
            }
            Kind::Deal => self.follow_deal(row, stage.as_ref(), &now)?,
            Kind::Organization | Kind::Pipeline | Kind::Stage | Kind::Note => {}
        }
        Ok(())
    }

    fn follow_deal(&self, row: &mut Row, stage_was: Option<&Value>, now: &Value) -> Outcome<()> {
        let stage = row.get("stage_id").cloned().unwrap_or_default();
        let place = stage
            .as_u64()
            .and_then(|id| self.store.live(Kind::Stage, id));
        let pipeline = place.and_then(|stage| stage.get("pipeline_id")).cloned();
        let pipeline = pipeline.unwrap_or_default();
        let named = row.get("pipeline_id").cloned().unwrap_or_default();
        if !named.is_null() && named != pipeline {
            let why = "The stage does not belong to the pipeline.";
            return Err(Refusal::invalid("stage_id", why));
        }
        row.insert("pipeline_id".to_owned(), pipeline);
        if stage_was != Some(&stage) {
            row.insert("stage_change_time".to_owned(), now.clone());
        }
        let status = row
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if status != "lost" && row.get("lost_reason").is_some_and(|why| !why.is_null()) {
            let why = "Only a lost deal has a reason.";
            return Err(Refusal::invalid("lost_reason", why));
        }
        for (name, of) in [
            ("won_time", "won"),
            ("lost_time", "lost"),
            ("close_time", ""),
        ] {
            let holds = if of.is_empty() {
                status != "open"
            } else {
                status == of
            };
            let kept = row.get(name).filter(|at| !at.is_null()).cloned();
            let at = if holds {
                kept.unwrap_or_else(|| now.clone())
            } else {
                Value::Null
            };
            row.insert(name.to_owned(), at);
        }
        Ok(())
    }

    /// Marks a record as deleted. Whoever does it again hears that it is not there.
    pub(super) fn delete(&mut self, kind: Kind, id: u64) -> Outcome<()> {
        let Some(row) = self.store.get(kind, id).filter(|row| !is_deleted(row)) else {
            return Err(Refusal::not_found(kind.title()));
        };
        let mut row = row.clone();
        row.insert("is_deleted".to_owned(), json!(true));
        row.insert("update_time".to_owned(), json!(times::written(self.now)));
        self.store.put(kind, id, row, self.now);
        Ok(())
    }
}
