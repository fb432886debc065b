//! Up to 200 records in one call, each with its own result, or all or none.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::{ids, write};
use super::{Api, Call};

const RECORDS_MAX: usize = 200;

/// What happened to one record: its id, and whether it was created where that is told.
type Done = Outcome<(String, Option<bool>)>;

impl Api {
    /// Everything under `/composite/sobjects`.
    pub(super) fn collections(&mut self, call: &Call, rest: &[&str]) -> Outcome<Answer> {
        match (rest, call.method.as_str()) {
            ([], "POST") => self.write_each(call, |api, record| {
                let (object, fields) = typed(record)?;
                Ok((api.org.create(&object, &fields)?, None))
            }),
            ([], "PATCH") => self.write_each(call, |api, record| {
                let (object, mut fields) = typed(record)?;
                let id = take(&mut fields, "Id").ok_or_else(|| {
                    Refusal::fields(
                        "MISSING_ARGUMENT",
                        "Id not specified in an update call",
                        &["Id"],
                    )
                })?;
                let id = known_id(api, &id, Some(&object))?;
                api.org.update(&object, &id, &fields).map_err(unknown_id)?;
                Ok((id, None))
            }),
            ([], "DELETE") => {
                let ids = call.parameter("ids").unwrap_or_default();
                let ids: Vec<Value> = ids
                    .split(',')
                    .map(|id| json!({ "id": id.trim() }))
                    .collect();
                let all = call.parameter("allOrNone") == Some("true");
                self.each(&ids, all, &BTreeMap::new(), |api, record| {
                    let given = record.get("id").and_then(Value::as_str).unwrap_or_default();
                    let id = known_id(api, given, None)?;
                    let object = api
                        .org
                        .schema
                        .object_of(&id)
                        .map(|object| object.name.clone())
                        .unwrap_or_default();
                    api.org.delete(&object, &id).map_err(unknown_id)?;
                    Ok((id, None))
                })
            }
            ([name, field], "PATCH") => {
                let (name, field) = ((*name).to_owned(), (*field).to_owned());
                self.org.key_field(self.org.object(&name)?, &field)?;
                self.write_each(call, |api, record| {
                    let (object, mut fields) = typed(record)?;
                    if !object.eq_ignore_ascii_case(&name) {
                        return Err(Refusal::fields(
                            "INVALID_TYPE",
                            format!("{object} is not {name}"),
                            &[],
                        ));
                    }
                    let value = take(&mut fields, &field);
                    if value.is_none() && field.eq_ignore_ascii_case("Id") {
                        return Ok((api.org.create(&object, &fields)?, Some(true)));
                    }
                    let value = value.ok_or_else(|| {
                        let message = format!("{field} not specified");
                        Refusal::fields("MISSING_ARGUMENT", message, &[&field])
                    })?;
                    let done = api
                        .org
                        .upsert(&object, &field, &value, &fields, false)
                        .map_err(unknown_id)?;
                    Ok((done.id, Some(done.created)))
                })
            }
            ([name], "GET" | "POST") => self.retrieve(call, name),
            _ => Err(call.wrong_method("POST,PATCH,DELETE,GET")),
        }
    }

    fn write_each(
        &mut self,
        call: &Call,
        act: impl Fn(&mut Self, &Map<String, Value>) -> Done,
    ) -> Outcome<Answer> {
        let body = call.object()?;
        let records = body.get("records").and_then(Value::as_array);
        let records = records
            .ok_or_else(|| Refusal::json("records is missing"))?
            .clone();
        let all = body
            .get("allOrNone")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let twins = self.twins(&records);
        self.each(&records, all, &twins, act)
    }

    /// Runs each record on its own; with `all`, one failure undoes the rest.
    fn each(
        &mut self,
        records: &[Value],
        all: bool,
        twins: &BTreeMap<usize, Refusal>,
        act: impl Fn(&mut Self, &Map<String, Value>) -> Done,
    ) -> Outcome<Answer> {
        if records.len() > RECORDS_MAX {
            let message =
                "record limit reached. cannot submit more than 200 records into this call";
            return Err(Refusal::new(400, "EXCEEDED_ID_LIMIT", message));
        }
        let mark = self.org.store.mark();
        let mut done: Vec<Done> = Vec::new();
        for (place, record) in records.iter().enumerate() {
            done.push(match (twins.get(&place), record.as_object()) {
                (Some(refusal), _) => Err(refusal.clone()),
                (None, Some(record)) => act(self, record),
                (None, None) => Err(Refusal::json("a record must be an object")),
            });
        }
        if all && done.iter().any(Result::is_err) {
            self.org.store.roll_back(&self.org.schema, mark);
            for result in &mut done {
                if result.is_ok() {
                    let message = "Record rolled back because not all records were valid and the request was using \
                                   AllOrNone header";
                    *result = Err(Refusal::fields(
                        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                        message,
                        &[],
                    ));
                }
            }
        }
        let results: Vec<Value> = done.into_iter().map(result).collect();
        Ok(Answer::json(200, json!(results)))
    }

    /// Records of one call that carry the same unique value: all of them fail.
    fn twins(&self, records: &[Value]) -> BTreeMap<usize, Refusal> {
        let mut seen: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
        for (place, record) in records.iter().enumerate() {
            let Some((object, fields)) = record.as_object().and_then(|record| typed(record).ok())
            else {
                continue;
            };
            let Some(object) = self.org.schema.object(&object) else {
                continue;
            };
            for (name, value) in &fields {
                let field = object
                    .field(name)
                    .filter(|field| field.unique() || field.external_id());
                if let (Some(field), Some(value)) = (field, value.as_str()) {
                    let value = if field.case_sensitive() {
                        value.to_owned()
                    } else {
                        value.to_lowercase()
                    };
                    seen.entry((object.name.clone(), field.name.clone(), value))
                        .or_default()
                        .push(place);
                }
            }
        }
        let mut twins = BTreeMap::new();
        for ((_, field, value), places) in seen.into_iter().filter(|(_, places)| places.len() > 1) {
            let message = format!("Duplicate external id specified: {value}");
            let refusal = Refusal::fields("DUPLICATE_VALUE", message, &[&field]);
            twins.extend(places.into_iter().map(|place| (place, refusal.clone())));
        }
        twins
    }

    /// Several records of one type by id; null where there is none.
    fn retrieve(&self, call: &Call, name: &str) -> Outcome<Answer> {
        let object = self.org.object(name)?;
        let list = |name: &str| -> Vec<String> {
            match call
                .body
                .as_ref()
                .and_then(|body| body.get(name))
                .and_then(Value::as_array)
            {
                Some(list) => list
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                None => call
                    .parameter(name)
                    .unwrap_or_default()
                    .split(',')
                    .map(|item| item.trim().to_owned())
                    .collect(),
            }
        };
        let (wanted, fields) = (list("ids"), list("fields"));
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let rows = wanted.iter().map(|id| {
            let row = ids::normalise(id).and_then(|id| self.org.live(object, &id).ok());
            row.map_or(Ok(Value::Null), |row| {
                self.record(object, row, Some(&fields), call.version)
            })
        });
        Ok(Answer::json(
            200,
            Value::Array(rows.collect::<Outcome<_>>()?),
        ))
    }
}

fn result(done: Done) -> Value {
    match done {
        Ok((id, None)) => json!({ "id": id, "success": true, "errors": [] }),
        Ok((id, Some(created))) => {
            json!({ "id": id, "success": true, "errors": [], "created": created })
        }
        Err(refusal) => json!({ "success": false, "errors": [refusal.entry()] }),
    }
}

/// The type in a record's attributes, and the record without them.
pub(super) fn typed(record: &Map<String, Value>) -> Outcome<(String, Map<String, Value>)> {
    let kind = record
        .get("attributes")
        .and_then(|attributes| attributes.get("type"))
        .and_then(Value::as_str);
    let kind =
        kind.ok_or_else(|| Refusal::fields("INVALID_TYPE", "attributes.type is missing", &[]))?;
    let mut fields = record.clone();
    fields.remove("attributes");
    Ok((kind.to_owned(), fields))
}

fn take(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    let key = fields
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()?;
    fields.remove(&key)?.as_str().map(str::to_owned)
}

fn known_id(api: &Api, id: &str, object: Option<&str>) -> Outcome<String> {
    let id = ids::normalise(id).ok_or_else(|| Refusal {
        fields: Some(Vec::new()),
        ..write::malformed(id)
    })?;
    let kind = api
        .org
        .schema
        .object_of(&id)
        .filter(|o| object.is_none_or(|name| o.name.eq_ignore_ascii_case(name)));
    match kind {
        Some(_) => Ok(id),
        None => Err(Refusal::fields(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            &[],
        )),
    }
}

/// In a collection a record that is not there is a wrong reference.
fn unknown_id(refusal: Refusal) -> Refusal {
    if refusal.code == "NOT_FOUND" {
        return Refusal::fields(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            &[],
        );
    }
    if refusal.code == "MULTIPLE_CHOICES" {
        let message = "Duplicate external id: more than one record found for external id field";
        return Refusal::fields("DUPLICATE_EXTERNAL_ID", message, &[]);
    }
    refusal
}
