//! What a bulk job does with its table: each row is a write of its own.

use serde_json::{Map, Value, json};

use super::super::errors::{Outcome, Refusal};
use super::super::schema::{Object, Type};
use super::super::{ids, write};
use super::Api;
use super::bulk::Job;
use super::bulk_csv as csv;

impl Api {
    /// Works on the rows of a job, each by itself.
    pub(super) fn load(&mut self, id: &str) {
        let Some(mut job) = self.jobs.0.remove(id) else {
            return;
        };
        let delimiter = csv::delimiter(&job.delimiter).unwrap_or(',');
        let mut rows = csv::read(job.data.as_deref().unwrap_or_default(), delimiter).into_iter();
        job.columns = rows.next().unwrap_or_default();
        let object = self.org.object(&job.object).cloned();
        let unknown = object.as_ref().ok().and_then(|object| {
            let known = |name: &&String| {
                let first = name.split('.').next().unwrap_or_default();
                self.org.field(object, first).is_some() || object.relationship(first).is_some()
            };
            job.columns.iter().find(|name| !known(name))
        });
        if let Some(name) = unknown {
            job.error = Some(format!("InvalidBatch : Field name not found : {name}"));
            job.state = "Failed";
            job.rows = rows.collect();
        } else if let Ok(object) = object {
            for row in rows {
                let done = self.load_row(&job, &object, &row);
                let (into, first) = match done {
                    Ok((id, created)) => (&mut job.successful, [id, created.to_string()]),
                    Err(refusal) => {
                        let fields = refusal.fields.unwrap_or_default().join(",");
                        let fields = if fields.is_empty() {
                            "--".to_owned()
                        } else {
                            fields
                        };
                        let error = format!("{}:{}:{fields}", refusal.code, refusal.message);
                        (&mut job.failed, [String::new(), error])
                    }
                };
                into.push(first.into_iter().chain(row).collect());
            }
            job.state = "JobComplete";
        }
        self.jobs.0.insert(id.to_owned(), job);
    }

    fn load_row(&mut self, job: &Job, object: &Object, row: &[String]) -> Outcome<(String, bool)> {
        let mut body = Map::new();
        for (name, text) in job
            .columns
            .iter()
            .zip(row)
            .filter(|(_, text)| !text.is_empty())
        {
            if let Some((relation, key)) = name.split_once('.') {
                body.insert(relation.to_owned(), json!({ key: text }));
            } else {
                let kind = object.field(name).map_or(Type::String, |field| field.is);
                body.insert(name.clone(), typed(kind, text));
            }
        }
        let mut take = |name: &str| {
            let key = body
                .keys()
                .find(|key| key.eq_ignore_ascii_case(name))
                .cloned();
            let value = key.and_then(|key| body.remove(&key));
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        let missing = || Refusal::fields("MISSING_ARGUMENT", "Id not specified", &["Id"]);
        if job.operation == "insert" {
            return Ok((self.org.create(&object.name, &body)?, true));
        }
        if job.operation == "upsert" {
            let key = job.key.clone().unwrap_or_default();
            return Ok(match take(&key) {
                Some(value) => {
                    let done = self.org.upsert(&object.name, &key, &value, &body, false)?;
                    (done.id, done.created)
                }
                None if key.eq_ignore_ascii_case("Id") => {
                    (self.org.create(&object.name, &body)?, true)
                }
                None => {
                    return Err(Refusal::fields(
                        "MISSING_ARGUMENT",
                        format!("{key} not specified"),
                        &[&key],
                    ));
                }
            });
        }
        let given = take("Id").ok_or_else(missing)?;
        let id = ids::normalise(&given).ok_or_else(|| write::malformed(&given))?;
        if job.operation == "update" {
            self.org.update(&object.name, &id, &body)?;
        } else {
            self.org.delete(&object.name, &id)?;
        }
        Ok((id, false))
    }
}

/// A value of a table as JSON; what does not fit its type is left for the check to refuse.
fn typed(kind: Type, text: &str) -> Value {
    if text == "#N/A" {
        return Value::Null;
    }
    let read = match kind {
        Type::Boolean => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
        Type::Int | Type::Double | Type::Currency | Type::Percent => {
            text.parse().ok().map(Value::Number)
        }
        _ => None,
    };
    read.unwrap_or_else(|| json!(text))
}
