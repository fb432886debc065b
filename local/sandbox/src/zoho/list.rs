//! Reading records: one, a page of a module, the search, and what was deleted.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::modules::{Kind, Module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};
use super::store::Row;
use super::times;
use super::values::id_in;
use crate::oauth::{Form, get};

const PAGE: usize = 200;
/// Pages beyond this many records are told by their token alone.
const DEEPEST: usize = 2_000;
const FIELDS_MOST: usize = 50;

/// The page that a caller wants: where it begins, and how many records it has.
fn page(query: &Form) -> Outcome<(usize, usize, usize)> {
    let number = |name: &str, usual: usize, most: usize| match get(query, name) {
        None => Ok(usual),
        Some(text) => match text.parse::<usize>() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(Refusal::type_of(name, "integer")),
        },
    };
    let per_page = number("per_page", PAGE, PAGE)?;
    let page = number("page", 1, usize::MAX)?;
    let first = match get(query, "page_token") {
        Some(token) => {
            let first = token
                .strip_prefix("after-")
                .and_then(|text| text.parse().ok());
            first.ok_or_else(|| Refusal::invalid("page_token"))?
        }
        None => (page - 1).saturating_mul(per_page),
    };
    if get(query, "page_token").is_none() && first >= DEEPEST {
        let message = "You can only get the first 2000 records without using page_token param.";
        return Err(Refusal::new(
            400,
            "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
            message,
        ));
    }
    Ok((first, per_page, page))
}

/// One page of these rows; `None` where there is nothing.
fn paged(rows: &[Value], query: &Form) -> Outcome<Option<Value>> {
    let (first, per_page, page) = page(query)?;
    let data: Vec<&Value> = rows.iter().skip(first).take(per_page).collect();
    let end = first + data.len();
    let more = rows.len() > end;
    let token = more.then(|| format!("after-{end}"));
    let info = json!({ "per_page": per_page, "count": data.len(), "page": page, "more_records": more,
        "next_page_token": token });
    Ok((!data.is_empty()).then(|| json!({ "data": data, "info": info })))
}

/// A record with the fields that were asked for, and its id.
fn shown(row: &Row, fields: Option<&str>) -> Value {
    let Some(fields) = fields else {
        return json!(row);
    };
    let names = fields.split(',').map(str::trim).chain(["id"]);
    // A name that the module does not have is passed over.
    let members = names.filter_map(|name| Some((name.to_owned(), row.get(name)?.clone())));
    Value::Object(members.collect())
}

/// One record by its id.
pub(super) fn one(org: &Org, module: &Module, id: &str, query: &Form) -> Option<Value> {
    let row = org.store.get(module.name, id)?;
    Some(json!({ "data": [shown(row, get(query, "fields"))] }))
}

/// The moment of `If-Modified-Since`.
fn since(header: Option<&str>) -> Option<Timestamp> {
    times::moment(header?, false)
}

fn moment(row: &Row, name: &str) -> Option<Timestamp> {
    times::moment(row.get(name)?.as_str()?, false)
}

/// What a list with `If-Modified-Since` answers.
#[derive(Debug)]
pub(super) enum Listed {
    Found(Value),
    Nothing,
    NotModified,
}

/// A page of a module.
pub(super) fn list(
    org: &Org,
    module: &Module,
    query: &Form,
    modified: Option<&str>,
) -> Outcome<Listed> {
    let Some(fields) = get(query, "fields") else {
        let message = "One of the expected parameter is missing";
        return Err(
            Refusal::new(400, "REQUIRED_PARAM_MISSING", message).with("param_name", "fields")
        );
    };
    if fields.split(',').count() > FIELDS_MOST {
        let refusal = Refusal::new(400, "LIMIT_EXCEEDED", "limit exceeded");
        return Err(refusal.with("limit", FIELDS_MOST));
    }
    let mut rows: Vec<&Row> = org.store.all(module.name).collect();
    if let Some(ids) = get(query, "ids") {
        rows.retain(|row| ids.split(',').any(|id| row.get("id") == Some(&json!(id))));
    }
    if let Some(since) = since(modified) {
        rows.retain(|row| moment(row, "Modified_Time").is_some_and(|at| at > since));
        if rows.is_empty() {
            return Ok(Listed::NotModified);
        }
    }
    match get(query, "sort_by") {
        None | Some("id") => {}
        Some(by @ ("Created_Time" | "Modified_Time")) => rows.sort_by_key(|row| moment(row, by)),
        Some(_) => return Err(Refusal::invalid("sort_by")),
    }
    // The newest come first, unless the caller says otherwise.
    if get(query, "sort_order") != Some("asc") {
        rows.reverse();
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| shown(row, Some(fields)))
        .collect();
    Ok(paged(&rows, query)?.map_or(Listed::Nothing, Listed::Found))
}

/// What lies in the recycle bin.
pub(super) fn deleted(org: &Org, module: &Module, query: &Form) -> Outcome<Option<Value>> {
    let rows: Vec<Value> = org
        .store
        .bin(module.name)
        .map(|(at, row)| {
            let at = times::written(at, org.settings.offset_hours);
            json!({ "id": row.get("id"), "deleted_time": at, "type": "recycle",
                "display_name": super::values::title(row), "deleted_by": row.get("Modified_By"),
                "created_by": row.get("Created_By") })
        })
        .collect();
    paged(&rows, query)
}

/// The search, which is behind what was written.
pub(super) fn search(org: &Org, module: &Module, query: &Form) -> Outcome<Option<Value>> {
    let has = |row: &Row, wanted: &dyn Fn(Kind) -> bool, is: &dyn Fn(&str) -> bool| {
        let fields = module.fields(&org.settings);
        let mut fields = fields.iter().filter(|field| wanted(field.kind));
        fields.any(|field| row.get(field.name).and_then(Value::as_str).is_some_and(is))
    };
    let lower = |name: &str| get(query, name).map(str::to_lowercase);
    let mut rows: Vec<&Row> = org.store.searchable(module.name).collect();
    if let Some(criteria) = get(query, "criteria") {
        let parts = parts(org, module, criteria)?;
        rows.retain(|row| parts.iter().any(|all| all.iter().all(|one| one.holds(row))));
    } else if let Some(email) = lower("email") {
        rows.retain(|row| {
            has(row, &|kind| kind == Kind::Email, &|text| {
                text.to_lowercase() == email
            })
        });
    } else if let Some(phone) = lower("phone") {
        rows.retain(|row| has(row, &|kind| kind == Kind::Phone, &|text| text == phone));
    } else if let Some(word) = lower("word") {
        rows.retain(|row| has(row, &|_| true, &|text| text.to_lowercase().contains(&word)));
    } else {
        let message = "One of the expected parameter is missing";
        return Err(Refusal::new(400, "REQUIRED_PARAM_MISSING", message));
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| shown(row, get(query, "fields")))
        .collect();
    paged(&rows, query)
}

/// One part of criteria: a field, and what it has to be.
struct Part {
    name: String,
    starts: bool,
    values: Vec<String>,
}

impl Part {
    fn holds(&self, row: &Row) -> bool {
        let held = row.get(&self.name).unwrap_or(&Value::Null);
        let held = id_in(held).unwrap_or_default().to_lowercase();
        let is = |value: &String| {
            if self.starts {
                held.starts_with(value.as_str())
            } else {
                held == *value
            }
        };
        self.values.iter().any(is)
    }
}

/// Criteria: any of these, each of which is all of those. Brackets within brackets are not read.
fn parts(org: &Org, module: &Module, criteria: &str) -> Outcome<Vec<Vec<Part>>> {
    let wrong = |name: &str| {
        let reason = "the field is not available in search criteria";
        let refusal = Refusal::new(400, "INVALID_QUERY", "Invalid query formed");
        refusal.with("reason", reason).with("api_name", name)
    };
    let part = |text: &str| -> Outcome<Part> {
        let text = text.trim_matches(['(', ')']);
        let mut of = text.splitn(3, ':');
        let (name, how, value) = (of.next(), of.next(), of.next());
        let (Some(name), Some(how), Some(value)) = (name, how, value) else {
            return Err(wrong(text));
        };
        if module.field(name, &org.settings).is_none() {
            return Err(wrong(name));
        }
        let values = match how {
            "in" => value.split(',').map(str::to_lowercase).collect(),
            "equals" | "starts_with" => vec![value.to_lowercase()],
            _ => return Err(wrong(name)),
        };
        Ok(Part {
            name: name.to_owned(),
            starts: how == "starts_with",
            values,
        })
    };
    criteria
        .split(")or(")
        .map(|all| all.split(")and(").map(part).collect())
        .collect()
}
