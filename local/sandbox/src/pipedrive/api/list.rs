//! Lists of v2: filters, order, pages by a cursor that names the first record of the next one.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::company::Company;
use super::super::errors::{Outcome, Refusal, page};
use super::super::kinds::Kind;
use super::super::store::{Row, is_deleted};
use super::super::times;
use super::{Call, flag, limit, number};
use crate::oauth::{Answer, Form, get, words};

const IDS_MOST: usize = 100;
const CUSTOM_MOST: usize = 15;

pub(in super::super) fn sealed(cursor: &Value) -> String {
    URL_SAFE_NO_PAD.encode(cursor.to_string())
}

pub(in super::super) fn opened(cursor: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

pub(super) fn answer(
    company: &Company,
    call: &Call,
    kind: Kind,
    archived: bool,
) -> Outcome<Answer> {
    let query = &call.query;
    let (field, descending) = order(query, kind)?;
    let limit = limit(query)?;
    let wanted = filter(query, kind, archived)?;
    let mut rows: Vec<(u64, &Row)> = company
        .store
        .all(kind)
        .filter(|(id, row)| wanted.fits(*id, row))
        .collect();
    let place = |row: &Row| row.get(field).map(Value::to_string).unwrap_or_default();
    let compare = |(one, one_row): &(u64, &Row), (other, other_row): &(u64, &Row)| {
        let by_field = if field == "id" {
            Ordering::Equal
        } else {
            place(one_row).cmp(&place(other_row))
        };
        let order = by_field.then(one.cmp(other));
        if descending { order.reverse() } else { order }
    };
    rows.sort_by(compare);
    if let Some(cursor) = get(query, "cursor") {
        let known = opened(cursor).filter(|cursor| cursor.get("field") == Some(&json!(field)));
        let known = known.and_then(|cursor| {
            Some((
                cursor.get("id")?.as_u64()?,
                cursor.get("fieldValue")?.clone(),
            ))
        });
        let Some((id, value)) = known else {
            return Err(Refusal::invalid("cursor", "This cursor is not valid."));
        };
        let mut first = Row::new();
        first.insert(field.to_owned(), value);
        rows.retain(|row| compare(row, &(id, &first)) != Ordering::Less);
    }
    let direction = if descending { "desc" } else { "asc" };
    let next = rows.get(limit).map(|(id, row)| {
        sealed(&json!({ "field": field, "fieldValue": row.get(field), "sortDirection": direction, "id": id }))
    });
    let rows = rows.into_iter().take(limit);
    let rows: Outcome<Vec<Value>> = rows.map(|(_, row)| shown(call, kind, row)).collect();
    Ok(page(Value::Array(rows?), next))
}

/// A record as reading calls show it.
pub(super) fn shown(call: &Call, kind: Kind, row: &Row) -> Outcome<Value> {
    let mut row = row.clone();
    let included = words(get(&call.query, "include_fields"), &[',']);
    if kind == Kind::Activity && !included.iter().any(|name| name == "attendees") {
        row.remove("attendees");
    }
    let keys = words(get(&call.query, "custom_fields"), &[',']);
    if keys.len() > CUSTOM_MOST {
        let why = "This collection should contain 15 elements or less.";
        return Err(Refusal::invalid("custom_fields", why));
    }
    if let (false, Some(Value::Object(custom))) = (keys.is_empty(), row.get_mut("custom_fields")) {
        custom.retain(|code, _| keys.contains(code));
    }
    Ok(Value::Object(row))
}

fn order(query: &Form, kind: Kind) -> Outcome<(&'static str, bool)> {
    let wrong = |name: &str| {
        let why = "The value you selected is not a valid choice.";
        Err(Refusal::invalid(name, why))
    };
    let field = match (get(query, "sort_by"), kind) {
        (None | Some("id"), _) => "id",
        (Some("update_time"), _) => "update_time",
        (Some("add_time"), _) => "add_time",
        (Some("due_date"), Kind::Activity) => "due_date",
        (Some("order_nr"), Kind::Stage) => "order_nr",
        _ => return wrong("sort_by"),
    };
    match get(query, "sort_direction") {
        None | Some("asc") => Ok((field, false)),
        Some("desc") => Ok((field, true)),
        Some(_) => wrong("sort_direction"),
    }
}

/// What a list is asked for.
struct Wanted {
    ids: Option<Vec<u64>>,
    /// Members that must have exactly this value.
    equal: Vec<(&'static str, Value)>,
    since: Option<String>,
    until: Option<String>,
    deleted: bool,
}

fn filter(query: &Form, kind: Kind, archived: bool) -> Outcome<Wanted> {
    let members: &[&str] = match kind {
        // Of a person's activities those, in which it is the primary participant.
        Kind::Activity => &["owner_id", "deal_id", "person_id", "org_id"],
        Kind::Person => &["owner_id", "org_id"],
        Kind::Organization => &["owner_id"],
        Kind::Deal => &["owner_id", "person_id", "org_id", "pipeline_id", "stage_id"],
        Kind::Stage => &["pipeline_id"],
        Kind::Pipeline | Kind::Note => &[],
    };
    if number(query, "filter_id")?.is_some() {
        return Err(Refusal::not_found("Filter"));
    }
    let mut equal = Vec::new();
    for name in members.iter().copied() {
        if let Some(id) = number(query, name)? {
            equal.push((name, json!(id)));
        }
    }
    if kind == Kind::Activity {
        if let Some(done) = flag(query, "done")? {
            equal.push(("done", json!(done)));
        }
        if let Some(lead) = get(query, "lead_id") {
            equal.push(("lead_id", json!(lead)));
        }
    }
    let mut deleted = false;
    if kind == Kind::Deal {
        equal.push(("is_archived", json!(archived)));
        match get(query, "status") {
            None => {}
            Some("deleted") => deleted = true,
            Some(status @ ("open" | "won" | "lost")) => equal.push(("status", json!(status))),
            Some(_) => {
                let why = "The value you selected is not a valid choice.";
                return Err(Refusal::invalid("status", why));
            }
        }
    }
    let ids = words(get(query, "ids"), &[',']);
    let ids: Option<Vec<u64>> = ids.iter().map(|id| id.parse().ok()).collect();
    let ids = ids.filter(|ids| ids.len() <= IDS_MOST);
    let ids = ids.ok_or_else(|| Refusal::invalid("ids", "Up to 100 ids are taken."))?;
    let moment = |name: &str| match get(query, name) {
        None => Ok(None),
        Some(text) => match times::moment(text) {
            Some(at) => Ok(Some(times::written(at))),
            None => Err(Refusal::invalid(
                name,
                "This value is not a valid datetime.",
            )),
        },
    };
    Ok(Wanted {
        ids: (!ids.is_empty()).then_some(ids),
        equal,
        since: moment("updated_since")?,
        until: moment("updated_until")?,
        deleted,
    })
}

impl Wanted {
    fn fits(&self, id: u64, row: &Row) -> bool {
        let updated = row.get("update_time").and_then(Value::as_str);
        let updated = updated.unwrap_or_default();
        is_deleted(row) == self.deleted
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && self
                .equal
                .iter()
                .all(|(name, value)| row.get(*name) == Some(value))
            && self.since.as_deref().is_none_or(|since| updated >= since)
            && self.until.as_deref().is_none_or(|until| updated < until)
    }
}
