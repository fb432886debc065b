//! The REST API below `/services/data/vXX.0/`: one call in, one answer out. Composite calls come
//! through here again.

mod batch;
mod bulk;
mod bulk_csv;
mod bulk_load;
mod collections;
mod composite;
mod describe;
mod query;
mod records;
mod references;
mod search;
mod tooling;
mod tree;

use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::errors::{Outcome, Refusal};
use super::org::Org;

/// One call, from the wire or from inside a composite call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) version: u32,
    /// The path after the version, decoded, without empty segments.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

/// The API over one org.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) org: Org,
    pub(super) cursors: BTreeMap<String, Vec<Value>>,
    jobs: bulk::Jobs,
    /// Requests of the last 24 hours, as the limits resource shows them.
    pub(super) used: usize,
}

impl Call {
    /// Splits a URL below `/services/data/`; `None` when it has another form.
    pub(super) fn from_url(method: &str, url: &str) -> Option<Self> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let rest = path.strip_prefix("/services/data/v")?;
        let (version, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let version = version.strip_suffix(".0")?.parse().ok()?;
        let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        Some(Self {
            method: method.to_uppercase(),
            version,
            path: rest
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(decoded)
                .collect(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: Vec::new(),
            body: None,
        })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn object(&self) -> Outcome<&Map<String, Value>> {
        let object = self.body.as_ref().and_then(Value::as_object);
        object.ok_or_else(|| Refusal::json("The request body must be a JSON object"))
    }

    /// Whether the body is a table: the data of a bulk job.
    pub(super) fn takes_csv(&self) -> bool {
        matches!(self.path.as_slice(), [jobs, ingest, _, batches]
            if jobs == "jobs" && ingest == "ingest" && batches == "batches")
    }

    fn wrong_method(&self, allowed: &str) -> Refusal {
        Refusal::method(&self.method, allowed)
    }
}

impl Api {
    pub(super) fn new(org: Org) -> Self {
        Self {
            org,
            cursors: BTreeMap::new(),
            jobs: bulk::Jobs::default(),
            used: 0,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.org.now
    }

    /// Answers a call, refusals in the vendor's form.
    pub(super) fn answer(&mut self, call: &Call) -> Answer {
        self.route(call)
            .unwrap_or_else(|refusal| Answer::refused(&refusal, call.version))
    }

    fn route(&mut self, call: &Call) -> Outcome<Answer> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (path.as_slice(), call.method.as_str()) {
            ([], "GET" | "HEAD") => Ok(Answer::json(200, self.resources(call.version))),
            (["sobjects"], "GET" | "HEAD") => Ok(self.describe_global(call.version)),
            (["sobjects", name, "describe"], "GET" | "HEAD") => self.describe(call, name),
            (["sobjects", name, what @ ("updated" | "deleted")], "GET") => {
                self.changed(call, name, what == &"deleted")
            }
            (["sobjects", rest @ ..], _) if !rest.is_empty() => self.records(call, rest),
            (["query"], "GET") if call.parameter("explain").is_some() => self.explain(call),
            (["query" | "queryAll"], "GET") => self.query(call, path == ["queryAll"]),
            (["query" | "queryAll", locator], "GET") => self.more(call, locator),
            (["search"], "GET") => self.sosl(call),
            (["parameterizedSearch"], "GET" | "POST") => self.parameterized_search(call),
            (["limits"], "GET") => Ok(Answer::json(200, self.limits())),
            (["recent"], "GET") => Ok(Answer::json(200, self.recent(call))),
            (["jobs", "ingest", rest @ ..], _) => self.ingest_jobs(call, rest),
            (["jobs", "query", rest @ ..], _) => self.query_jobs(call, rest),
            (["composite"], "GET") => Ok(Answer::json(200, composite_resources(call.version))),
            (["composite"], "POST") => self.composite(call),
            (["composite", "batch"], "POST") => self.batch(call),
            (["composite", "graph"], "POST") => self.graph(call),
            (["composite", "tree", name], "POST") => self.tree(call, name),
            (["composite", "sobjects", rest @ ..], _) => self.collections(call, rest),
            (["tooling", "sobjects", "CustomField"], "POST") => self.custom_field(call),
            (["sobjects"] | ["sobjects", _, "describe"], _) => Err(call.wrong_method("GET,HEAD")),
            (["query" | "queryAll" | "limits" | "recent" | "search", ..], _) => {
                Err(call.wrong_method("GET"))
            }
            (["composite", "batch" | "graph"] | ["composite", "tree", _] | ["composite"], _) => {
                Err(call.wrong_method("POST"))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn resources(&self, version: u32) -> Value {
        let at = |name: &str| format!("/services/data/v{version}.0/{name}");
        let mut resources = Map::new();
        for name in [
            "sobjects",
            "query",
            "queryAll",
            "search",
            "parameterizedSearch",
            "limits",
            "recent",
            "composite",
            "jobs",
            "tooling",
        ] {
            resources.insert(name.to_owned(), json!(at(name)));
        }
        let identity = format!(
            "{}/id/{}/{}",
            self.org.base_url, self.org.organization, self.org.user
        );
        resources.insert("identity".to_owned(), json!(identity));
        Value::Object(resources)
    }

    fn limits(&self) -> Value {
        let most = self.org.settings.daily_limit;
        let left = most.saturating_sub(u64::try_from(self.used).unwrap_or(u64::MAX));
        let limit = |max: u64, remaining: u64| json!({ "Max": max, "Remaining": remaining });
        json!({
            "DailyApiRequests": limit(most, left),
            "DailyBulkV2QueryJobs": limit(10_000, 10_000),
            "DailyBulkApiBatches": limit(15_000, 15_000),
            "DailyAsyncApexExecutions": limit(250_000, 250_000),
            "DataStorageMB": limit(1_024, 1_000),
            "FileStorageMB": limit(1_024, 1_024),
            "SingleEmail": limit(5_000, 5_000),
        })
    }

    /// What was written last, newest first.
    fn recent(&self, call: &Call) -> Value {
        let most = call
            .parameter("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(200_usize);
        self.written_last(
            &["Account", "Contact", "Lead", "Opportunity"],
            most,
            call.version,
        )
    }

    fn written_last(&self, objects: &[&str], most: usize, version: u32) -> Value {
        let mut rows = Vec::new();
        for object in objects {
            let live = self
                .org
                .store
                .all(object)
                .filter(|(_, row)| !super::store::is_deleted(row));
            rows.extend(live.map(|(id, row)| (object, id, row)));
        }
        rows.sort_by_key(|(_, id, row)| {
            (
                std::cmp::Reverse(super::store::text(row, "LastModifiedDate").map(str::to_owned)),
                (*id).clone(),
            )
        });
        let shown = rows
            .into_iter()
            .take(most.min(200))
            .map(|(object, id, row)| {
                let attributes = Org::attributes(object, id, version);
                let name = row.get("Name").or(row.get("Subject"));
                json!({ "attributes": attributes, "Id": id, "Name": name })
            });
        Value::Array(shown.collect())
    }
}

fn composite_resources(version: u32) -> Value {
    let at = |name: &str| format!("/services/data/v{version}.0/composite/{name}");
    json!({ "batch": at("batch"), "graph": at("graph"), "sobjects": at("sobjects"), "tree": at("tree") })
}
