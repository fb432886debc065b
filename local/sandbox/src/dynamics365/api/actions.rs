//! Functions and actions: who is calling, the version, closing an opportunity, several records at once.

use serde_json::{Map, Value, json};

use super::{Call, done, ok, refuse_method};
use crate::dynamics365::environment::Environment;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::Table;
use crate::oauth::Answer;

/// What `RetrieveVersion` says.
const VERSION: &str = "9.2.25104.00180";

/// The answer to a call that is none on records; `None` for one that is.
pub(super) fn respond(
    env: &mut Environment,
    call: &Call<'_>,
    first: &str,
    rest: &[&str],
) -> Option<Outcome<Answer>> {
    let name = first.strip_suffix("()").unwrap_or(first);
    let answer = match (call.method, name, rest) {
        ("GET", "RetrieveVersion", []) => {
            let context = format!(
                "{}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse",
                env.base_url
            );
            Ok(ok(json!({ "@odata.context": context, "Version": VERSION })))
        }
        ("POST", "WinOpportunity", []) => close(env, call, 1),
        ("POST", "LoseOpportunity", []) => close(env, call, 2),
        ("POST", set, [action]) => {
            let action = action.strip_prefix("Microsoft.Dynamics.CRM.")?;
            let table = match env.set(set) {
                Ok(table) => table,
                Err(refusal) => return Some(Err(refusal)),
            };
            several(env, call, &table, action)
        }
        (_, "RetrieveVersion" | "WinOpportunity" | "LoseOpportunity", _) => refuse_method(call),
        _ => return None,
    };
    Some(answer)
}

/// Closes an opportunity as won or lost.
fn close(env: &mut Environment, call: &Call<'_>, state: i64) -> Outcome<Answer> {
    let table = env.set("opportunities")?;
    let body = call.body("opportunities")?;
    let uri = body
        .get("OpportunityClose")
        .and_then(|close| close.get("opportunityid@odata.bind"))
        .and_then(Value::as_str)
        .ok_or_else(|| {
            Refusal::payload(
                "opportunities",
                "The parameter 'OpportunityClose' names no opportunity.",
            )
        })?;
    let (_, id) = env.record_at(uri)?;
    let status = body
        .get("Status")
        .and_then(Value::as_i64)
        .filter(|status| *status > 0);
    let known = |status: &i64| {
        let column = table.column("statuscode");
        let mut choices = column.into_iter().flat_map(|column| &column.choices);
        choices.any(|choice| choice.value == *status && choice.state == Some(state))
    };
    let status = match status {
        None => table.default_status(state),
        Some(status) if known(&status) => Some(status),
        Some(status) => {
            let message =
                format!("{status} is not a valid status code on opportunity with Id {id}.");
            return Err(Refusal::new(400, "0x80048408", message));
        }
    };
    let row = env
        .row("opportunity", &id)
        .ok_or_else(|| Refusal::gone("opportunity", &id))?;
    if row.number("statecode") != Some(0) {
        let message = "The opportunity has already been closed.";
        return Err(Refusal::new(400, "0x80040203", message));
    }
    let mut values = row.values.clone();
    values.insert("statecode".to_owned(), json!(state));
    values.insert("statuscode".to_owned(), json!(status));
    values.insert("modifiedon".to_owned(), json!(env.now_text()));
    env.put("opportunity", &id, Some(values));
    Ok(done())
}

/// `CreateMultiple` and its kin: all or none.
fn several(env: &mut Environment, call: &Call<'_>, table: &Table, action: &str) -> Outcome<Answer> {
    let body = call.body(&table.set)?;
    let targets = body.get("Targets").and_then(Value::as_array);
    let targets = targets
        .ok_or_else(|| Refusal::payload(&table.set, "The parameter 'Targets' is missing."))?;
    let kind = format!("Microsoft.Dynamics.CRM.{}", table.name);
    env.begin();
    let mut ids = Vec::new();
    for target in targets {
        let written = target
            .as_object()
            .filter(|target| target.get("@odata.type").and_then(Value::as_str) == Some(&kind))
            .ok_or_else(|| Refusal::payload(&table.set, "Each target needs its '@odata.type'."))
            .and_then(|target| written(env, table, action, target));
        match written {
            Ok(id) => ids.push(id),
            Err(refusal) => {
                env.take_back();
                return Err(refusal);
            }
        }
    }
    env.keep();
    if action == "CreateMultiple" {
        let context = format!(
            "{}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse",
            env.base_url
        );
        return Ok(ok(json!({ "@odata.context": context, "Ids": ids })));
    }
    Ok(done())
}

fn written(
    env: &mut Environment,
    table: &Table,
    action: &str,
    target: &Map<String, Value>,
) -> Outcome<String> {
    let own = target.get(&table.id).and_then(Value::as_str);
    let named = target.get("@odata.id").and_then(Value::as_str);
    let id = match (own, named) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(uri)) => match env.record_at(uri) {
            Ok((_, id)) => Some(id),
            Err(refusal) if refusal.status == 404 => None,
            Err(refusal) => return Err(refusal),
        },
        (None, None) => None,
    };
    let there = id.clone().filter(|id| env.row(&table.name, id).is_some());
    match (action, there) {
        ("CreateMultiple", _) => env.create(table, None, target),
        ("UpdateMultiple" | "UpsertMultiple", Some(id)) => {
            env.update(table, &id, target)?;
            Ok(id)
        }
        ("UpsertMultiple", None) => {
            let mut target = target.clone();
            if let Some((_, crate::dynamics365::address::Key::Alternate(values))) =
                named.and_then(crate::dynamics365::address::keyed)
            {
                for (name, value) in values {
                    target.entry(name).or_insert(json!(value));
                }
            }
            env.create(table, id.as_deref(), &target)
        }
        ("UpdateMultiple", None) => Err(Refusal::gone(
            &table.name,
            id.as_deref().unwrap_or_default(),
        )),
        _ => Err(Refusal::segment(action)),
    }
}
