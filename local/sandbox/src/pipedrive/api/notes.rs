//! Notes, which only v1 has: flags are 0 and 1, times have no zone, pages have a start.

use serde_json::{Map, Value, json};

use super::super::company::Company;
use super::super::errors::{Outcome, Refusal, success};
use super::super::kinds::Kind;
use super::super::store::Row;
use super::super::times;
use super::super::values::sanitised;
use super::{Call, Route, number};
use crate::oauth::{Answer, get};

/// What a note can hang on: the member, the type, and where its answer has the name.
const PARENTS: [(&str, Kind, &str, &str); 3] = [
    ("deal_id", Kind::Deal, "deal", "title"),
    ("person_id", Kind::Person, "person", "name"),
    ("org_id", Kind::Organization, "organization", "name"),
];
const PINS: [&str; 3] = [
    "pinned_to_deal_flag",
    "pinned_to_person_flag",
    "pinned_to_organization_flag",
];
const LONGEST: usize = 100_000;

pub(super) fn answer(company: &mut Company, call: &Call) -> Outcome<Answer> {
    match &call.route {
        Route::Create(_) => {
            if let Some(refusal) = company.disarm(Kind::Note) {
                return Err(refusal);
            }
            let id = company.store.next(Kind::Note);
            let mut row = Row::new();
            let now = times::v1(company.now);
            row.insert("id".to_owned(), json!(id));
            row.insert("active_flag".to_owned(), json!(true));
            row.insert("user_id".to_owned(), json!(call.user));
            row.insert("add_time".to_owned(), json!(now));
            for (name, ..) in PARENTS {
                row.insert(name.to_owned(), Value::Null);
            }
            for name in PINS {
                row.insert(name.to_owned(), json!(false));
            }
            write(company, call, row, id)
        }
        Route::Update(_, id) => {
            let row = company.store.live(Kind::Note, *id).cloned();
            let row = row.ok_or_else(|| Refusal::not_found("Note"))?;
            if let Some(refusal) = company.disarm(Kind::Note) {
                return Err(refusal);
            }
            write(company, call, row, *id)
        }
        Route::One(_, id) => {
            let row = company.store.get(Kind::Note, *id);
            let row = row.ok_or_else(|| Refusal::not_found("Note"))?;
            Ok(success(shown(company, call, row)))
        }
        Route::Delete(_, id) => {
            let row = company.store.live(Kind::Note, *id).cloned();
            let mut row = row.ok_or_else(|| Refusal::not_found("Note"))?;
            row.insert("active_flag".to_owned(), json!(false));
            row.insert("update_time".to_owned(), json!(times::v1(company.now)));
            company.store.put(Kind::Note, *id, row, company.now);
            Ok(success(json!(true)))
        }
        _ => list(company, call),
    }
}

fn write(company: &mut Company, call: &Call, mut row: Row, id: u64) -> Outcome<Answer> {
    take(company, &call.body, &mut row)?;
    let hangs = PARENTS
        .iter()
        .any(|(name, ..)| row.get(*name).is_some_and(|id| !id.is_null()));
    if !hangs {
        let error = "One of deal_id, person_id, org_id, lead_id, project_id or task_id is needed";
        return Err(Refusal::bad(error));
    }
    if row
        .get("content")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(Refusal::bad("content: should not be empty"));
    }
    row.insert("last_update_user_id".to_owned(), json!(call.user));
    row.insert("update_time".to_owned(), json!(times::v1(company.now)));
    let answer = shown(company, call, &row);
    company.store.put(Kind::Note, id, row, company.now);
    Ok(success(answer))
}

fn take(company: &Company, body: &Map<String, Value>, row: &mut Row) -> Outcome<()> {
    if let Some(content) = body.get("content") {
        let content = content
            .as_str()
            .filter(|text| text.chars().count() <= LONGEST);
        let content = content.ok_or_else(|| Refusal::bad("content: this value is not valid"))?;
        let content = sanitised(content, company.settings.strip_comments);
        row.insert("content".to_owned(), json!(content));
    }
    for (name, kind, ..) in PARENTS {
        let Some(id) = body.get(name) else { continue };
        let known = id
            .as_u64()
            .is_some_and(|id| company.store.live(kind, id).is_some());
        if !(known || id.is_null()) {
            return Err(Refusal::not_found(kind.title()));
        }
        row.insert(name.to_owned(), id.clone());
    }
    for name in PINS {
        match body.get(name).map(Value::as_u64) {
            None => {}
            Some(Some(flag @ (0 | 1))) => {
                row.insert(name.to_owned(), json!(flag == 1));
            }
            Some(_) => return Err(Refusal::bad(format!("{name}: should be 0 or 1"))),
        }
    }
    if let Some(at) = body.get("add_time").and_then(Value::as_str) {
        row.insert("add_time".to_owned(), json!(times::to_v1(at)));
    }
    Ok(())
}

fn shown(company: &Company, call: &Call, row: &Row) -> Value {
    let mut row = row.clone();
    for (member, kind, name, of) in PARENTS {
        let id = row.get(member).and_then(Value::as_u64);
        let parent = id.and_then(|id| company.store.get(kind, id));
        let parent = parent.map(|parent| json!({ of: parent.get(of) }));
        row.insert(name.to_owned(), json!(parent));
    }
    let user = row.get("user_id").and_then(Value::as_u64);
    let user = user.and_then(|id| company.user(id, call.user));
    let user = user.map(|user| {
        json!({ "email": user.get("email"), "icon_url": null, "is_you": user.get("is_you"), "name": user.get("name") })
    });
    row.insert("user".to_owned(), json!(user));
    Value::Object(row)
}

fn list(company: &Company, call: &Call) -> Outcome<Answer> {
    let query = &call.query;
    let start = usize::try_from(number(query, "start")?.unwrap_or_default()).unwrap_or_default();
    let limit = number(query, "limit")?.unwrap_or(100).clamp(1, 500);
    let limit = usize::try_from(limit).unwrap_or(500);
    let mut equal = Vec::new();
    for name in ["deal_id", "person_id", "org_id", "user_id"] {
        if let Some(id) = number(query, name)? {
            equal.push((name, json!(id)));
        }
    }
    let since = get(query, "updated_since").map(times::to_v1);
    let notes = company.store.all(Kind::Note).map(|(_, row)| row);
    let mut notes: Vec<&Row> = notes
        .filter(|row| row.get("active_flag") == Some(&json!(true)))
        .filter(|row| equal.iter().all(|(name, id)| row.get(*name) == Some(id)))
        .filter(|row| {
            let updated = row.get("update_time").and_then(Value::as_str);
            since
                .as_deref()
                .is_none_or(|since| updated.unwrap_or_default() >= since)
        })
        .collect();
    if let Some(sort) = get(query, "sort") {
        let (name, direction) = sort.split_once(' ').unwrap_or((sort, "ASC"));
        if !["id", "add_time", "update_time", "content"].contains(&name) {
            return Err(Refusal::bad("sort: this field cannot be sorted by"));
        }
        let place = |row: &&Row| {
            row.get(name).map(|value| match value.as_u64() {
                Some(number) => format!("{number:020}"),
                None => value.to_string(),
            })
        };
        notes.sort_by_key(place);
        if direction.eq_ignore_ascii_case("desc") {
            notes.reverse();
        }
    }
    let more = notes.len() > start + limit;
    let rows = notes.into_iter().skip(start).take(limit);
    let rows: Vec<Value> = rows.map(|row| shown(company, call, row)).collect();
    let mut pagination =
        json!({ "start": start, "limit": limit, "more_items_in_collection": more });
    if let (true, Some(pagination)) = (more, pagination.as_object_mut()) {
        pagination.insert("next_start".to_owned(), json!(start + limit));
    }
    Ok(Answer::json(
        200,
        json!({ "success": true, "data": rows, "additional_data": { "pagination": pagination } }),
    ))
}
