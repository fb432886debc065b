//! The calls there are, and who answers them.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::errors::{Outcome, Refusal, too_large};
use super::kinds::Kind;
use super::{search, setup};
use crate::oauth::Answer;

/// Whether a call counts as a bulk one.
pub(super) fn is_bulk(path: &str) -> bool {
    path.ends_with("/bulk_create") || path.ends_with("/bulk_update")
}

fn body(request: &Request<Bytes>) -> Outcome<Map<String, Value>> {
    if request.body().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Refusal::bad()),
    }
}

/// Answers a call that was let in. `path` follows the version.
pub(super) fn answer(
    account: &mut Account,
    request: &Request<Bytes>,
    path: &str,
    user: u64,
) -> Outcome<Answer> {
    account.settle();
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let method = request.method().as_str();
    let body = body(request)?;
    if let Some(answer) = setup::answer(account, method, &parts, &body, user) {
        return answer;
    }
    let kind = |name: &str| Kind::by_path(name).ok_or_else(Refusal::not_found);
    let number = |id: &str| id.parse::<u64>().map_err(|_| Refusal::not_found());
    match (method, parts.as_slice()) {
        ("POST", ["people", "fetch_by_email"]) => {
            let email = body.get("email").and_then(Value::as_str);
            let found = email.and_then(|email| account.by_email(email));
            shown(account, Kind::Person, found.ok_or_else(Refusal::not_found)?)
        }
        ("POST", [name, "search"]) => search::answer(account, kind(name)?, &body),
        ("POST", [name, "bulk_create"]) => bulk(account, kind(name)?, &body, user, false),
        ("POST", [name, "bulk_update"]) => bulk(account, kind(name)?, &body, user, true),
        ("POST", [name]) => {
            let kind = kind(name)?;
            let id = account.create(kind, &body, user)?;
            shown(account, kind, id)
        }
        ("GET", [name, id]) => shown(account, kind(name)?, number(id)?),
        ("PUT", [name, id]) => {
            let (kind, id) = (kind(name)?, number(id)?);
            account.update(kind, id, &body)?;
            shown(account, kind, id)
        }
        ("DELETE", [name, id]) => {
            let stub = account.delete(kind(name)?, number(id)?)?;
            Ok(Answer::json(200, stub))
        }
        ("POST", [name, id, "activities"]) => {
            let (kind, id) = (kind(name)?, number(id)?);
            account
                .store
                .live(kind, id)
                .ok_or_else(Refusal::not_found)?;
            let mut body = body;
            let parent = json!({ "id": id, "type": kind.name() });
            body.insert("parent".to_owned(), parent);
            search::answer(account, Kind::Activity, &body)
        }
        _ => Err(Refusal::not_found()),
    }
}

fn shown(account: &Account, kind: Kind, id: u64) -> Outcome<Answer> {
    let row = account.store.get(kind, id);
    let row = row.ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, json!(row)))
}

/// Each row for itself: the answer is a success whatever becomes of them, in the order of the request.
fn bulk(
    account: &mut Account,
    kind: Kind,
    body: &Map<String, Value>,
    user: u64,
    is_update: bool,
) -> Outcome<Answer> {
    let has_bulk = match kind {
        Kind::Task => account.settings.bulk_tasks,
        Kind::Project => false,
        Kind::Person | Kind::Lead | Kind::Company | Kind::Opportunity | Kind::Activity => true,
    };
    if !has_bulk {
        return Err(Refusal::not_found());
    }
    let rows = body.get(kind.plural()).and_then(Value::as_array);
    let rows = rows.ok_or_else(|| Refusal::invalid(kind.plural(), "missing"))?;
    if rows.len() > account.settings.bulk_size {
        return Ok(too_large(account.settings.bulk_size));
    }
    let none = Map::new();
    let answered = rows.iter().map(|row| {
        let row = row.as_object().unwrap_or(&none);
        let named = row.get("id").and_then(Value::as_u64).unwrap_or_default();
        let written = if is_update {
            account.update(kind, named, row).map(|()| named)
        } else {
            account.create(kind, row, user)
        };
        match written {
            Ok(id) => json!(account.store.get(kind, id)),
            Err(refusal) => refusal.row(is_update.then_some(named)),
        }
    });
    let answered: Vec<Value> = answered.collect();
    Ok(Answer::json(200, Value::Array(answered)))
}
