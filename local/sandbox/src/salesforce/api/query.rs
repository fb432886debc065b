//! SOQL over REST: pages with locators, and a rough query plan.

use serde_json::{Value, json};

use super::super::answer::{Answer, Body};
use super::super::errors::{Outcome, Refusal};
use super::super::soql;
use super::{Api, Call};

const PAGE: usize = 2000;
const PAGE_MIN: usize = 200;
/// Locators a user can hold at a time.
const CURSORS: usize = 10;

impl Api {
    pub(super) fn query(&mut self, call: &Call, all: bool) -> Outcome<Answer> {
        let text = call
            .parameter("q")
            .ok_or_else(|| Refusal::new(400, "MALFORMED_QUERY", "SOQL query is missing"))?;
        let mut found = soql::run(&self.org, text, all, call.version)?;
        let size = page_size(call);
        while self.cursors.len() >= CURSORS {
            self.cursors.pop_first();
        }
        for record in &mut found.records {
            self.page_children(call, record, size);
        }
        if found.records.len() <= size {
            return Ok(Answer::json(
                200,
                json!({ "totalSize": found.total, "done": true, "records": found.records }),
            ));
        }
        let locator = self.org.ids.next("01g");
        self.cursors.insert(locator.clone(), found.records);
        self.page(call, &locator, 0)
    }

    /// A subquery's rows come in pages too, each with a locator of its own.
    fn page_children(&mut self, call: &Call, record: &mut Value, size: usize) {
        let children = record.as_object_mut().into_iter().flatten();
        for (_, child) in children {
            let Some(Value::Array(rows)) = child.get_mut("records") else {
                continue;
            };
            if rows.len() <= size {
                continue;
            }
            let locator = self.org.ids.next("01g");
            self.cursors.insert(locator.clone(), std::mem::take(rows));
            if let Ok(Answer {
                body: Body::Json(page),
                ..
            }) = self.page(call, &locator, 0)
            {
                *child = page;
            }
        }
    }

    /// The next page of an earlier query.
    pub(super) fn more(&self, call: &Call, locator: &str) -> Outcome<Answer> {
        let place = locator
            .rsplit_once('-')
            .and_then(|(id, from)| Some((id, from.parse().ok()?)));
        let (id, from) = place.ok_or_else(bad_locator)?;
        self.page(call, id, from)
    }

    fn page(&self, call: &Call, locator: &str, from: usize) -> Outcome<Answer> {
        let rows = self
            .cursors
            .get(locator)
            .filter(|rows| from < rows.len())
            .ok_or_else(bad_locator)?;
        let records: Vec<&Value> = rows.iter().skip(from).take(page_size(call)).collect();
        let next = from + records.len();
        let mut body =
            json!({ "totalSize": rows.len(), "done": next >= rows.len(), "records": records });
        if let (true, Some(body)) = (next < rows.len(), body.as_object_mut()) {
            let url = format!("/services/data/v{}.0/query/{locator}-{next}", call.version);
            body.insert("nextRecordsUrl".to_owned(), json!(url));
        }
        Ok(Answer::json(200, body))
    }

    pub(super) fn explain(&self, call: &Call) -> Outcome<Answer> {
        let text = call.parameter("explain").unwrap_or_default();
        let found = soql::run(&self.org, text, false, call.version)?;
        let plan = json!({ "cardinality": found.total, "fields": [], "leadingOperationType": "TableScan", "notes": [],
            "relativeCost": 1.0, "sobjectCardinality": found.total, "sobjectType": "" });
        Ok(Answer::json(
            200,
            json!({ "plans": [plan], "sourceQuery": text }),
        ))
    }
}

fn bad_locator() -> Refusal {
    Refusal::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
}

fn page_size(call: &Call) -> usize {
    let options = call.header("sforce-query-options").unwrap_or_default();
    let size = options.split(',').find_map(|option| {
        option
            .trim()
            .strip_prefix("batchSize=")?
            .parse::<usize>()
            .ok()
    });
    size.map_or(PAGE, |size| size.clamp(PAGE_MIN, PAGE))
}
