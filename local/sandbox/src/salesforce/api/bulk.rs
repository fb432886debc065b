//! Bulk API 2.0: jobs that write tables, and jobs that query into one. A job is done as soon as its
//! data is complete; the vendor takes minutes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::{soql, times};
use super::bulk_csv as csv;
use super::{Api, Call};

/// Rows of a query's result in one answer, if the caller does not say.
const PAGE: usize = 50_000;

/// All jobs, by id.
#[derive(Debug, Default)]
pub(super) struct Jobs(pub(super) BTreeMap<String, Job>);

/// One job with its data and its results.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) is_query: bool,
    pub(super) operation: String,
    pub(super) object: String,
    pub(super) key: Option<String>,
    pub(super) delimiter: String,
    pub(super) line_ending: String,
    pub(super) by: String,
    pub(super) made: String,
    pub(super) changed: String,
    pub(super) version: u32,
    pub(super) state: &'static str,
    pub(super) error: Option<String>,
    pub(super) data: Option<String>,
    pub(super) successful: Vec<Vec<String>>,
    pub(super) failed: Vec<Vec<String>>,
    /// Of a query: its rows. Of an ingest job: what was not worked on.
    pub(super) rows: Vec<Vec<String>>,
    pub(super) columns: Vec<String>,
}

impl Job {
    /// What the vendor tells about it. `state` because the end of an upload is answered as such.
    fn shown(&self, id: &str, state: &str) -> Value {
        let (version, part) = (self.version, if self.is_query { "query" } else { "ingest" });
        let mut body = json!({
            "id": id, "operation": self.operation, "object": self.object, "createdById": self.by,
            "createdDate": self.made, "systemModstamp": self.changed, "state": state,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": f64::from(version),
            "lineEnding": self.line_ending, "columnDelimiter": self.delimiter,
        });
        let mut set = |name: &str, value: Value| {
            if let Some(body) = body.as_object_mut() {
                body.insert(name.to_owned(), value);
            }
        };
        set(
            "jobType",
            json!(if self.is_query { "V2Query" } else { "V2Ingest" }),
        );
        if let Some(key) = &self.key {
            set("externalIdFieldName", json!(key));
        }
        if state == "Open" {
            let url = format!("services/data/v{version}.0/jobs/{part}/{id}/batches");
            set("contentUrl", json!(url));
        }
        if matches!(state, "JobComplete" | "Failed" | "Aborted") {
            let done = self.successful.len() + self.failed.len();
            let processed = if self.is_query { self.rows.len() } else { done };
            set("numberRecordsProcessed", json!(processed));
            set("retries", json!(0));
            set("totalProcessingTime", json!(1));
            if !self.is_query {
                set("numberRecordsFailed", json!(self.failed.len()));
                set("apiActiveProcessingTime", json!(1));
                set("apexProcessingTime", json!(0));
            }
        }
        if let Some(error) = &self.error {
            set("errorMessage", json!(error));
        }
        body
    }

    fn table(&self, head: &[String], rows: &[Vec<String>]) -> Answer {
        let delimiter = csv::delimiter(&self.delimiter).unwrap_or(',');
        let end = if self.line_ending == "CRLF" {
            "\r\n"
        } else {
            "\n"
        };
        let rows = rows.iter().map(|row| csv::line(row, delimiter, end));
        let text = csv::line(head, delimiter, end) + &rows.collect::<String>();
        Answer::text(200, "text/csv", text)
    }
}

fn wrong(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(400, code, message)
}

impl Api {
    /// Below `/jobs/ingest`.
    pub(super) fn ingest_jobs(&mut self, call: &Call, rest: &[&str]) -> Outcome<Answer> {
        match (call.method.as_str(), rest) {
            ("POST", []) => {
                let (id, job) = self.opened(call, false)?;
                let shown = job.shown(&id, job.state);
                self.jobs.0.insert(id, job);
                Ok(Answer::json(200, shown))
            }
            ("PUT", [id, "batches"]) => {
                let job = self.job(id, false)?;
                if job.state != "Open" || job.data.is_some() {
                    return Err(wrong("INVALIDJOBSTATE", "The job takes no more data"));
                }
                let data = call.body.as_ref().and_then(Value::as_str);
                job.data = Some(data.unwrap_or_default().to_owned());
                Ok(Answer::empty(201))
            }
            ("PATCH", [id]) => {
                let state = call.object()?.get("state").and_then(Value::as_str);
                let state = state.unwrap_or_default().to_owned();
                let now = times::written(self.now());
                let job = self.job(id, false)?;
                job.changed = now;
                match (state.as_str(), job.state) {
                    ("UploadComplete", "Open") => {
                        let shown = job.shown(id, "UploadComplete");
                        self.load(id);
                        Ok(Answer::json(200, shown))
                    }
                    ("Aborted", "Open") => {
                        job.state = "Aborted";
                        Ok(Answer::json(200, job.shown(id, "Aborted")))
                    }
                    (wanted, now) => {
                        let message =
                            format!("Invalid job state: {wanted} is not possible from {now}");
                        Err(wrong("INVALIDJOBSTATE", message))
                    }
                }
            }
            ("GET", [id, which]) => {
                let job = self.job(id, false)?;
                let own = |first: &[&str]| {
                    let first = first.iter().map(|name| (*name).to_owned());
                    first.chain(job.columns.clone()).collect::<Vec<_>>()
                };
                match which.to_ascii_lowercase().as_str() {
                    "successfulresults" => {
                        Ok(job.table(&own(&["sf__Id", "sf__Created"]), &job.successful))
                    }
                    "failedresults" => Ok(job.table(&own(&["sf__Id", "sf__Error"]), &job.failed)),
                    "unprocessedrecords" => Ok(job.table(&own(&[]), &job.rows)),
                    _ => Err(Refusal::not_found()),
                }
            }
            _ => self.any_job(call, rest, false),
        }
    }

    /// Below `/jobs/query`.
    pub(super) fn query_jobs(&mut self, call: &Call, rest: &[&str]) -> Outcome<Answer> {
        match (call.method.as_str(), rest) {
            ("POST", []) => {
                let (id, mut job) = self.opened(call, true)?;
                let text = call.object()?.get("query").and_then(Value::as_str);
                let text = text.ok_or_else(|| wrong("INVALIDJOB", "query is missing"))?;
                let found = soql::run(&self.org, text, job.operation == "queryAll", call.version)?;
                if found.columns.is_empty() {
                    let message = "Bulk queries give plain columns: no aggregates, no subqueries";
                    return Err(wrong("FUNCTIONALITY_NOT_ENABLED", message));
                }
                let cells =
                    |row: &Value| found.columns.iter().map(|path| cell(row, path)).collect();
                job.rows = found.records.iter().map(cells).collect();
                let kind = found
                    .records
                    .first()
                    .and_then(|row| row.get("attributes")?.get("type"));
                kind.and_then(Value::as_str)
                    .unwrap_or_default()
                    .clone_into(&mut job.object);
                job.columns = found.columns;
                job.state = "JobComplete";
                let shown = job.shown(&id, "UploadComplete");
                self.jobs.0.insert(id, job);
                Ok(Answer::json(200, shown))
            }
            ("PATCH", [id]) => {
                let job = self.job(id, true)?;
                let message = format!("Invalid job state: {}", job.state);
                Err(wrong("INVALIDJOBSTATE", message))
            }
            ("GET", [id, "results"]) => {
                let number = |name: &str| call.parameter(name).and_then(|n| n.parse().ok());
                let (from, most) = (
                    number("locator").unwrap_or(0),
                    number("maxRecords").unwrap_or(PAGE),
                );
                let job = self.job(id, true)?;
                let rest = job.rows.get(from..).unwrap_or_default();
                let page = rest.get(..most.max(1)).unwrap_or(rest);
                let next = from + page.len();
                let locator = if next < job.rows.len() {
                    next.to_string()
                } else {
                    "null".to_owned()
                };
                let answer = job.table(&job.columns, page);
                let answer = answer.with_header("Sforce-Locator", locator);
                Ok(answer.with_header("Sforce-NumberOfRecords", page.len().to_string()))
            }
            _ => self.any_job(call, rest, true),
        }
    }

    fn any_job(&mut self, call: &Call, rest: &[&str], is_query: bool) -> Outcome<Answer> {
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let jobs = self
                    .jobs
                    .0
                    .iter()
                    .filter(|(_, job)| job.is_query == is_query);
                let jobs: Vec<Value> = jobs.map(|(id, job)| job.shown(id, job.state)).collect();
                let body = json!({ "done": true, "records": jobs, "nextRecordsUrl": null });
                Ok(Answer::json(200, body))
            }
            ("GET", [id]) => {
                let job = self.job(id, is_query)?;
                Ok(Answer::json(200, job.shown(id, job.state)))
            }
            ("DELETE", [id]) => {
                if self.job(id, is_query)?.state == "Open" {
                    return Err(wrong("INVALIDJOBSTATE", "An open job can not be deleted"));
                }
                self.jobs.0.remove(*id);
                Ok(Answer::empty(204))
            }
            (_, [] | [_] | [_, _]) => Err(call.wrong_method("GET,POST,PATCH,PUT,DELETE")),
            _ => Err(Refusal::not_found()),
        }
    }

    fn job(&mut self, id: &str, is_query: bool) -> Outcome<&mut Job> {
        let job = self.jobs.0.get_mut(id);
        job.filter(|job| job.is_query == is_query)
            .ok_or_else(Refusal::not_found)
    }

    fn opened(&mut self, call: &Call, is_query: bool) -> Outcome<(String, Job)> {
        let body = call.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let known: &[&str] = if is_query {
            &["query", "queryAll"]
        } else {
            &["insert", "update", "upsert", "delete", "hardDelete"]
        };
        let operation = text("operation").unwrap_or_default();
        if !known.contains(&operation) {
            return Err(wrong(
                "INVALIDJOB",
                format!("Unsupported operation: {operation}"),
            ));
        }
        let delimiter = text("columnDelimiter").unwrap_or("COMMA");
        if csv::delimiter(delimiter).is_none() {
            return Err(wrong(
                "INVALIDJOB",
                format!("Unsupported columnDelimiter: {delimiter}"),
            ));
        }
        let mut object = String::new();
        if !is_query {
            let name = text("object").unwrap_or_default();
            let found = self.org.object(name);
            let found = found.map_err(|_| {
                let message = format!("InvalidJob : Unable to find object: {name}");
                wrong("INVALIDJOB", message)
            })?;
            object.clone_from(&found.name);
            if operation == "upsert" {
                let field = text("externalIdFieldName").unwrap_or_default();
                self.org.key_field(found, field).map_err(|_| {
                    let message = format!("InvalidJob : Field name provided, {field} is not an External ID or indexed field for {name}");
                    wrong("INVALIDJOB", message)
                })?;
            }
        }
        let now = times::written(self.now());
        let job = Job {
            is_query,
            operation: operation.to_owned(),
            object,
            key: text("externalIdFieldName").map(str::to_owned),
            delimiter: delimiter.to_owned(),
            line_ending: text("lineEnding").unwrap_or("LF").to_owned(),
            by: self.org.user.clone(),
            made: now.clone(),
            changed: now,
            version: call.version,
            state: "Open",
            error: None,
            data: None,
            successful: Vec::new(),
            failed: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
        };
        Ok((self.org.ids.next("750"), job))
    }
}

/// The value at a dotted path, as a table has it.
fn cell(row: &Value, path: &str) -> String {
    let value = path.split('.').try_fold(row, |row, part| row.get(part));
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
