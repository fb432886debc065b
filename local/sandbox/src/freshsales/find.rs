//! The look-up, the searches, and the lists by page. The look-up and the searches see what is older than the
//! lag; lists are as new as the records.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Settings;
use super::account::Account;
use super::errors::{Outcome, Refusal};
use super::kinds::Kind;
use super::store::{Row, moment};
use super::values::{has_address, number};
use crate::oauth::{Answer, Form, get, words};

/// How many a page has, and how many at most.
const PAGE: usize = 25;
const MOST: usize = 100;

/// A page of rows, and how many pages there are.
fn paged(query: &Form, rows: Vec<Value>, name: &str, with_meta: bool) -> Answer {
    let whole = |name: &str| get(query, name)?.parse::<usize>().ok();
    let per_page = whole("per_page").unwrap_or(PAGE).clamp(1, MOST);
    let page = whole("page").unwrap_or(1).max(1);
    let total = rows.len();
    let shown: Vec<Value> = rows
        .into_iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .collect();
    let mut body = json!({ name: shown });
    if let Some(body) = body.as_object_mut().filter(|_| with_meta) {
        let meta = json!({ "total_pages": total.div_ceil(per_page), "total": total });
        body.insert("meta".to_owned(), meta);
    }
    Answer::json(200, body)
}

/// The kinds a parameter names.
fn kinds(query: &Form, name: &str) -> Vec<Kind> {
    let names = words(get(query, name), &[',']);
    let kinds = names.iter().filter_map(|name| Kind::by_wrapper(name));
    kinds.filter(|kind| kind.is_searched()).collect()
}

impl Account {
    /// Records by one value that is theirs alone. Nobody is an empty list.
    pub(super) fn lookup(&self, query: &Form) -> Outcome<Answer> {
        let asked = get(query, "q").ok_or_else(|| Refusal::bad("Query can't be blank"))?;
        let field = get(query, "f").unwrap_or_default();
        let mut body = Map::new();
        for kind in kinds(query, "entities") {
            let rows = self.store.searchable(kind).filter(|(_, row)| match field {
                "email" => kind == Kind::Contact && has_address(row, asked),
                "name" => row.get("name").and_then(Value::as_str) == Some(asked),
                _ => row
                    .get("custom_field")
                    .and_then(|custom| custom.get(field)?.as_str())
                    .is_some_and(|held| held == asked),
            });
            let rows: Vec<Value> = rows.map(|(_, row)| json!(row)).collect();
            body.insert(kind.plural().to_owned(), json!({ kind.plural(): rows }));
        }
        if body.is_empty() {
            return Err(Refusal::bad("Entities can't be blank"));
        }
        Ok(Answer::json(200, Value::Object(body)))
    }

    /// Whatever has the words in its names, addresses or numbers.
    pub(super) fn search(&self, query: &Form) -> Outcome<Answer> {
        let asked = get(query, "q").ok_or_else(|| Refusal::bad("Query can't be blank"))?;
        let asked = asked.to_lowercase();
        let mut found = Vec::new();
        for kind in kinds(query, "include") {
            for (id, row) in self.store.searchable(kind) {
                let names = ["display_name", "name", "email", "mobile_number"];
                let mut texts = names.iter().filter_map(|name| row.get(*name)?.as_str());
                if texts.any(|text| text.to_lowercase().contains(&asked)) {
                    let name = row.get("display_name").or(row.get("name"));
                    found.push(
                        json!({ "id": id.to_string(), "type": kind.wrapper(), "name": name,
                        "email": row.get("email") }),
                    );
                }
            }
        }
        Ok(Answer::json(200, Value::Array(found)))
    }

    /// Records that pass every rule.
    pub(super) fn filtered(&self, kind: Kind, body: &Map<String, Value>) -> Outcome<Answer> {
        let rules = body.get("filter_rule").and_then(Value::as_array);
        let rules = rules.ok_or_else(|| Refusal::bad("Filter rule can't be blank"))?;
        let mut found = Vec::new();
        for (_, row) in self.store.searchable(kind) {
            let mut passes = true;
            for rule in rules {
                passes &= fits(row, rule)?;
            }
            if passes {
                found.push(json!(row));
            }
        }
        let page = |name: &str| {
            let value = body.get(name).and_then(number);
            value.map(|value| (name.to_owned(), value.to_string()))
        };
        let pages = [page("page"), page("per_page")];
        let query: Form = pages.into_iter().flatten().collect();
        Ok(paged(&query, found, kind.plural(), true))
    }

    /// The records of a view, in an order of their own.
    pub(super) fn listed(&self, kind: Kind, view: u64, query: &Form) -> Outcome<Answer> {
        if Self::view(kind) != Some(view) {
            return Err(Refusal::not_found());
        }
        let mut rows: Vec<&Row> = self.store.all(kind).map(|(_, row)| row).collect();
        let sort = get(query, "sort").unwrap_or("updated_at");
        if !["updated_at", "created_at"].contains(&sort) {
            return Err(Refusal::invalid("sort"));
        }
        rows.sort_by_key(|row| moment(row, sort));
        if get(query, "sort_type") != Some("asc") {
            rows.reverse();
        }
        let rows = rows.into_iter().map(|row| json!(row)).collect();
        Ok(paged(query, rows, kind.plural(), true))
    }

    /// Appointments and tasks, which have lists of their own.
    pub(super) fn planned(&self, settings: &Settings, kind: Kind, query: &Form) -> Outcome<Answer> {
        let filter = get(query, "filter").unwrap_or_default();
        let (now, day) = (self.now, |at: Timestamp| {
            jiff::tz::Offset::UTC.to_datetime(at).date()
        });
        let passes = |row: &Row| {
            let is_done = row.get("status") == Some(&json!(1));
            let due = moment(row, "due_date");
            let is_on = |days: i64| {
                let wanted = super::store::shifted(now, days * 86_400);
                !is_done && due.is_some_and(|due| day(due) == day(wanted))
            };
            Some(match (kind, filter) {
                (Kind::Appointment, "past") => moment(row, "end_date") < Some(now),
                (Kind::Appointment, "upcoming") => moment(row, "end_date") >= Some(now),
                (Kind::Task, "completed") => is_done,
                (Kind::Task, "open") => !is_done,
                (Kind::Task, "overdue") => !is_done && due.is_some_and(|due| due < now),
                (Kind::Task, "due today") => is_on(0),
                (Kind::Task, "due tomorrow") => is_on(1),
                _ => return None,
            })
        };
        let mut rows = Vec::new();
        // Newest first.
        for (_, row) in self.store.all(kind).rev() {
            if passes(row).ok_or_else(|| Refusal::invalid("filter"))? {
                rows.push(json!(row));
            }
        }
        if passes(&Row::new()).is_none() {
            return Err(Refusal::invalid("filter"));
        }
        Ok(paged(query, rows, kind.plural(), settings.list_meta))
    }

    /// What belongs to a record.
    pub(super) fn belonging(&self, (of, id): (Kind, u64), kind: Kind) -> Vec<Value> {
        let rows = self.store.all(kind).filter(|(_, row)| {
            row.get("targetable_type").and_then(Value::as_str) == Some(of.class())
                && row.get("targetable_id").and_then(Value::as_u64) == Some(id)
        });
        rows.map(|(_, row)| json!(row)).collect()
    }
}

fn fits(row: &Row, rule: &Value) -> Outcome<bool> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    let value = rule.get("value").cloned().unwrap_or_default();
    let asked: Vec<String> = match &value {
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    };
    let attribute = text("attribute");
    let name = attribute.strip_prefix("contact_").unwrap_or(attribute);
    let held = row.get(name).map(|held| {
        held.as_str()
            .map_or_else(|| held.to_string(), str::to_owned)
    });
    Ok(match text("operator") {
        "is_in" if attribute == "contact_email.email" => {
            asked.iter().any(|asked| has_address(row, asked))
        }
        "is_in" | "is" => held.is_some_and(|held| asked.contains(&held)),
        "contains" => held.is_some_and(|held| asked.iter().any(|asked| held.contains(asked))),
        "is_after" => {
            let after = asked.first().map_or("", String::as_str);
            held.is_some_and(|held| held.get(..after.len().min(held.len())) > Some(after))
        }
        _ => return Err(Refusal::invalid("operator")),
    })
}
