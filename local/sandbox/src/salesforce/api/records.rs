//! Single records: by id, by external id, and what changed when.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::org::Org;
use super::super::schema::{Object, Type};
use super::super::store::{self, Row, text};
use super::super::{ids, times, write};
use super::{Api, Call};

impl Api {
    /// `/sobjects/{Type}` and everything below it except describe.
    pub(super) fn records(&mut self, call: &Call, path: &[&str]) -> Outcome<Answer> {
        let Some((name, rest)) = path.split_first() else {
            return Err(Refusal::not_found());
        };
        let object = self.org.object(name)?.clone();
        match rest {
            [] => match call.method.as_str() {
                "GET" | "HEAD" => Ok(self.basic(&object, call.version)),
                "POST" => self.created(call, &object),
                _ => Err(call.wrong_method("GET,HEAD,POST")),
            },
            [id] => {
                let id = ids::normalise(id).ok_or_else(|| write::malformed(id))?;
                if self
                    .org
                    .schema
                    .object_of(&id)
                    .is_none_or(|other| other.name != object.name)
                {
                    return Err(Refusal::not_found());
                }
                self.by_id(call, &object, &id)
            }
            ["Id" | "id", id] if call.method != "PATCH" => {
                let id = ids::normalise(id).ok_or_else(|| write::malformed(id))?;
                self.by_id(call, &object, &id)
            }
            // The value is everything that follows: clients send slashes as they are.
            [field, value @ ..] => self.by_external(call, &object, field, &value.join("/")),
        }
    }

    fn created(&mut self, call: &Call, object: &Object) -> Outcome<Answer> {
        let id = self.org.create(&object.name, call.object()?)?;
        let location = format!(
            "/services/data/v{}.0/sobjects/{}/{id}",
            call.version, object.name
        );
        let body = json!({ "id": id, "success": true, "errors": [] });
        Ok(Answer::json(201, body).with_header("Location", location))
    }

    fn by_id(&mut self, call: &Call, object: &Object, id: &str) -> Outcome<Answer> {
        match call.method.as_str() {
            "GET" | "HEAD" => self.shown(call, object, id),
            "PATCH" => {
                self.unchanged_since(call, object, id)?;
                self.org.update(&object.name, id, call.object()?)?;
                Ok(Answer::empty(204))
            }
            "DELETE" => {
                self.unchanged_since(call, object, id)?;
                self.org.delete(&object.name, id)?;
                Ok(Answer::empty(204))
            }
            _ => Err(call.wrong_method("HEAD,GET,PATCH,DELETE")),
        }
    }

    fn by_external(
        &mut self,
        call: &Call,
        object: &Object,
        field: &str,
        value: &str,
    ) -> Outcome<Answer> {
        match call.method.as_str() {
            "PATCH" => {
                let only = call.parameter("updateOnly") == Some("true");
                let done = self
                    .org
                    .upsert(&object.name, field, value, call.object()?, only)?;
                let body = json!({ "id": done.id, "success": true, "errors": [], "created": done.created });
                Ok(match (done.created, call.version) {
                    (true, _) => Answer::json(201, body),
                    (false, 46..) => Answer::json(200, body),
                    (false, _) => Answer::empty(204),
                })
            }
            "GET" | "HEAD" | "DELETE" => {
                let field = self.org.key_field(object, field)?;
                let id = self
                    .org
                    .by_key(object, field, value)?
                    .ok_or_else(Refusal::not_found)?;
                self.by_id(call, object, &id)
            }
            "POST" if field.eq_ignore_ascii_case("Id") => self.created(call, object),
            _ => Err(call.wrong_method("HEAD,GET,PATCH,DELETE")),
        }
    }

    /// The optimistic lock of a write.
    fn unchanged_since(&self, call: &Call, object: &Object, id: &str) -> Outcome<()> {
        let Some(since) = call
            .header("if-unmodified-since")
            .and_then(times::http_date)
        else {
            return Ok(());
        };
        if self
            .modified(object, id)
            .is_some_and(|modified| modified.as_second() > since.as_second())
        {
            let message =
                "The resource has been modified since the time in the If-Unmodified-Since header";
            return Err(Refusal::new(412, "PRECONDITION_FAILED", message));
        }
        Ok(())
    }

    fn modified(&self, object: &Object, id: &str) -> Option<jiff::Timestamp> {
        text(self.org.store.get(&object.name, id)?, "LastModifiedDate").and_then(times::read)
    }

    fn shown(&self, call: &Call, object: &Object, id: &str) -> Outcome<Answer> {
        let row = self.org.live(object, id)?;
        let since = call.header("if-modified-since").and_then(times::http_date);
        let modified = self.modified(object, id);
        if since
            .zip(modified)
            .is_some_and(|(since, at)| at.as_second() <= since.as_second())
        {
            return Ok(Answer::empty(304));
        }
        let fields = call
            .parameter("fields")
            .map(|fields| fields.split(',').map(str::trim).collect::<Vec<_>>());
        Ok(Answer::json(
            200,
            self.record(object, row, fields.as_deref(), call.version)?,
        ))
    }

    /// A record as callers see it: some fields, or all.
    pub(super) fn record(
        &self,
        object: &Object,
        row: &Row,
        fields: Option<&[&str]>,
        version: u32,
    ) -> Outcome<Value> {
        let mut out = Map::new();
        let id = text(row, "Id").unwrap_or_default();
        out.insert(
            "attributes".to_owned(),
            Org::attributes(&object.name, id, version),
        );
        match fields {
            None => {
                let plain = object
                    .fields
                    .iter()
                    .filter(|field| field.is != Type::JunctionIdList && self.org.sees(field));
                out.extend(
                    plain.map(|field| (field.name.clone(), self.org.read(object, row, field))),
                );
            }
            Some(fields) => {
                for name in fields {
                    let field = self.org.field(object, name);
                    let field = field.ok_or_else(|| Refusal::no_such_column(name, &object.name))?;
                    out.insert(field.name.clone(), self.org.read(object, row, field));
                }
                out.insert("Id".to_owned(), json!(id));
            }
        }
        Ok(Value::Object(out))
    }

    /// `updated` and `deleted`: the ids that changed in a window of time.
    pub(super) fn changed(&self, call: &Call, name: &str, deleted: bool) -> Outcome<Answer> {
        let object = self.org.object(name)?;
        let bound = |name: &str| {
            let at = call.parameter(name).and_then(times::read);
            at.ok_or_else(|| {
                Refusal::new(
                    400,
                    "INVALID_REPLICATION_DATE",
                    format!("{name} is no date"),
                )
            })
        };
        let (start, end) = (bound("start")?, bound("end")?);
        if end <= start {
            return Err(Refusal::new(
                400,
                "INVALID_REPLICATION_DATE",
                "start date must be before end date",
            ));
        }
        if start < times::shifted(self.now(), -30 * 86_400) {
            let message = "start date may not be more than 30 days ago";
            return Err(Refusal::new(400, "INVALID_REPLICATION_DATE", message));
        }
        let (from, to) = (times::written(start), times::written(end));
        let within = self.org.store.all(&object.name).filter(|(_, row)| {
            let at = text(row, "SystemModstamp").unwrap_or_default();
            at >= from.as_str() && at < to.as_str() && store::is_deleted(row) == deleted
        });
        let latest = times::written(end.min(self.now()));
        Ok(Answer::json(
            200,
            if deleted {
                let rows = within
                    .map(|(id, row)| json!({ "id": id, "deletedDate": row.get("SystemModstamp") }));
                json!({ "deletedRecords": rows.collect::<Vec<_>>(), "earliestDateAvailable": from,
                    "latestDateCovered": latest })
            } else {
                json!({ "ids": within.map(|(id, _)| id).collect::<Vec<_>>(), "latestDateCovered": latest })
            },
        ))
    }
}
