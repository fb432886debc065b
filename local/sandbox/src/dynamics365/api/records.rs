//! Calls on records: their sets, one of them, a property, what they refer to.

mod references;

use serde_json::{Map, Value, json};

use super::{Call, done, link, ok, refuse_method, with_body};
use crate::dynamics365::address::{Key, keyed};
use crate::dynamics365::environment::{Environment, Row};
use crate::dynamics365::query::Options;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::Table;
use crate::oauth::Answer;

/// The union of all activities, which can only be read.
const POINTERS: &str = "activitypointers";

pub(super) fn respond(env: &mut Environment, call: &Call<'_>) -> Outcome<Answer> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some((first, rest)) = segments.split_first() else {
        return refuse_method(call);
    };
    if *first == POINTERS {
        return pointers(env, call);
    }
    let Some((set, key)) = keyed(first) else {
        let table = env.set(first)?;
        return match (call.method, rest) {
            ("GET", []) => list(env, call, &table, env.rows(&table.name).map(|(_, row)| row)),
            ("GET", ["$count"]) => {
                let options = Options::parse(&call.options)?;
                let rows = env.rows(&table.name).map(|(_, row)| row);
                let count = env.found(&table, rows, &options)?.len();
                Ok(Answer::new(200, "text/plain", count.min(5_000).to_string())
                    .with("odata-version", "4.0"))
            }
            ("POST", []) => create(env, call, &table),
            _ => refuse_method(call),
        };
    };
    let table = env.set(&set)?;
    let id = match &key {
        Key::Id(id) => Some(id.clone()),
        Key::Alternate(values) => env.by_key(&table, values)?,
    };
    match (call.method, rest) {
        ("PATCH", []) => upsert(env, call, &table, &key, id.as_ref()),
        ("GET", []) => one(
            env,
            call,
            &table,
            &existing(env, &table, id.as_ref(), first)?,
        ),
        ("DELETE", []) => {
            let id = existing(env, &table, id.as_ref(), first)?;
            matched(env, call, &table, &id)?;
            if table.name == "activityparty" {
                return refuse_method(call);
            }
            env.delete(&table, &id)?;
            Ok(done())
        }
        (_, [property]) => property_call(
            env,
            call,
            &table,
            &existing(env, &table, id.as_ref(), first)?,
            property,
        ),
        ("GET", [property, "$value"]) => {
            let id = existing(env, &table, id.as_ref(), first)?;
            let row = env
                .row(&table.name, &id)
                .ok_or_else(|| Refusal::gone(&table.name, &id))?;
            let (_, value) = env.at(&table, row, property)?;
            let text = match value {
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
                None => return Ok(done()),
            };
            Ok(Answer::new(200, "text/plain", text).with("odata-version", "4.0"))
        }
        (_, [navigation, "$ref"]) => {
            let id = existing(env, &table, id.as_ref(), first)?;
            references::respond(env, call, &table, &id, navigation)
        }
        _ => refuse_method(call),
    }
}

/// The record that has to be there.
fn existing(env: &Environment, table: &Table, id: Option<&String>, shown: &str) -> Outcome<String> {
    let there = id.filter(|id| env.row(&table.name, id).is_some());
    match (there, id) {
        (Some(id), _) => Ok(id.clone()),
        (None, Some(id)) => Err(Refusal::gone(&table.name, id)),
        (None, None) => {
            let message = format!(
                "A record with the specified key values does not exist in {} entity ({shown})",
                table.name
            );
            Err(Refusal::new(404, "0x80060891", message))
        }
    }
}

/// Whether the caller's `If-Match` still holds.
fn matched(env: &Environment, call: &Call<'_>, table: &Table, id: &str) -> Outcome<()> {
    let Some(wanted) = call.header("if-match").filter(|tag| *tag != "*") else {
        return Ok(());
    };
    match env.row(&table.name, id) {
        Some(row) if row.etag() != wanted => Err(Refusal::stale()),
        _ => Ok(()),
    }
}

fn list<'a>(
    env: &'a Environment,
    call: &Call<'_>,
    table: &Table,
    among: impl Iterator<Item = &'a Row>,
) -> Outcome<Answer> {
    let options = Options::parse(&call.options)?;
    let rows = env.found(table, among, &options)?;
    Ok(ok(env.page(
        table,
        &rows,
        &options,
        &call.prefer,
        &call.address,
    )?))
}

/// A row with its context.
fn whole(env: &Environment, call: &Call<'_>, table: &Table, id: &str) -> Outcome<Value> {
    let options = Options::parse(&call.options)?;
    let row = env
        .row(&table.name, id)
        .ok_or_else(|| Refusal::gone(&table.name, id))?;
    let selected = match &options.select {
        Some(names) => format!("({})", names.join(",")),
        None => String::new(),
    };
    let context = format!(
        "{}/api/data/v9.2/$metadata#{}{selected}/$entity",
        env.base_url, table.set
    );
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(env.shown(table, row, &options, &call.prefer)?);
    Ok(Value::Object(body))
}

fn one(env: &Environment, call: &Call<'_>, table: &Table, id: &str) -> Outcome<Answer> {
    let etag = env.row(&table.name, id).map(Row::etag).unwrap_or_default();
    if call.header("if-none-match") == Some(etag.as_str()) {
        return Ok(Answer::empty(304).with("odata-version", "4.0"));
    }
    Ok(ok(whole(env, call, table, id)?).with("etag", etag))
}

/// The answer to a write: the record if it is wanted, else where it is.
fn written(
    env: &Environment,
    call: &Call<'_>,
    table: &Table,
    id: &str,
    new: bool,
) -> Outcome<Answer> {
    if call.prefer.representation {
        let status = if new { 201 } else { 200 };
        return Ok(with_body(status, whole(env, call, table, id)?)
            .with("odata-entityid", link(env, &table.set, id)));
    }
    Ok(done().with("odata-entityid", link(env, &table.set, id)))
}

fn create(env: &mut Environment, call: &Call<'_>, table: &Table) -> Outcome<Answer> {
    if table.name == "activityparty" {
        return refuse_method(call);
    }
    let body = call.body(&table.set)?;
    duplicate(env, call, table, &body)?;
    let id = env.create(table, None, &body)?;
    written(env, call, table, &id, true)
}

/// PATCH: changes what is there, makes what is not, as far as the conditions allow.
fn upsert(
    env: &mut Environment,
    call: &Call<'_>,
    table: &Table,
    key: &Key,
    id: Option<&String>,
) -> Outcome<Answer> {
    if table.name == "activityparty" {
        return refuse_method(call);
    }
    let body = call.body(&table.set)?;
    let there = id.filter(|id| env.row(&table.name, id).is_some());
    if let Some(id) = there {
        if call.header("if-none-match") == Some("*") {
            return Err(Refusal::exists());
        }
        matched(env, call, table, id)?;
        duplicate(env, call, table, &body)?;
        env.update(table, id, &body)?;
        return written(env, call, table, id, false);
    }
    if call.header("if-match").is_some() {
        existing(env, table, id, &call.segments.join("/"))?;
        return Err(Refusal::segment(&table.set));
    }
    duplicate(env, call, table, &body)?;
    let id = match key {
        Key::Id(id) => env.create(table, Some(id), &body)?,
        Key::Alternate(values) => {
            let mut body = body;
            for (name, value) in values {
                let number = table.column(name).is_some_and(|column| column.max == 0);
                let value = match value.parse::<i64>() {
                    Ok(whole) if number => json!(whole),
                    _ => json!(value),
                };
                body.entry(name.clone()).or_insert(value);
            }
            env.create(table, None, &body)?
        }
    };
    written(env, call, table, &id, true)
}

/// Duplicate detection is off unless the caller turns it on; the rules are those a new environment has.
fn duplicate(
    env: &Environment,
    call: &Call<'_>,
    table: &Table,
    body: &Map<String, Value>,
) -> Outcome<()> {
    let header = call.header("mscrm.suppressduplicatedetection");
    if !header.is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Ok(());
    }
    let column = match table.name.as_str() {
        "contact" | "lead" => "emailaddress1",
        "account" => "name",
        _ => return Ok(()),
    };
    let value = body.get(column).and_then(Value::as_str).unwrap_or_default();
    let same = |row: &Row| !value.is_empty() && row.text(column).eq_ignore_ascii_case(value);
    if !env.rows(&table.name).any(|(_, row)| same(row)) {
        return Ok(());
    }
    let message = "A record was not created or updated because a duplicate of the current record already exists.";
    Err(Refusal::new(
        env.settings.duplicate_status,
        "0x80040333",
        message,
    ))
}

/// A single property, or the record or records behind a navigation property.
fn property_call(
    env: &mut Environment,
    call: &Call<'_>,
    table: &Table,
    id: &str,
    property: &str,
) -> Outcome<Answer> {
    let row = env.row(&table.name, id).cloned();
    let row = row.ok_or_else(|| Refusal::gone(&table.name, id))?;
    match call.method {
        "GET" => {
            if let Some((column, _)) = table.navigation(property) {
                let Some((to, id)) = row.reference(&column.name) else {
                    return Ok(done());
                };
                let target = env.schema.table(to).cloned();
                let target = target.ok_or_else(|| Refusal::segment(property))?;
                return one(env, call, &target, id);
            }
            if let Some((target, rows)) = env.related(table, &row, property)? {
                return list(env, call, &target, rows.into_iter());
            }
            let (_, value) = env.at(table, &row, property)?;
            let context = format!(
                "{}/api/data/v9.2/$metadata#{}({id})/{property}",
                env.base_url, table.set
            );
            Ok(match value {
                Some(value) => ok(json!({ "@odata.context": context, "value": value })),
                None => done(),
            })
        }
        "PUT" => {
            let body = call.body(&table.set)?;
            let value = body.get("value").cloned().unwrap_or_default();
            env.update(table, id, &Map::from_iter([(property.to_owned(), value)]))?;
            Ok(done())
        }
        "DELETE" => {
            let known = table
                .column(property)
                .filter(|column| !column.is.is_lookup());
            known.ok_or_else(|| Refusal::no_property(property, &table.name))?;
            env.update(
                table,
                id,
                &Map::from_iter([(property.to_owned(), Value::Null)]),
            )?;
            Ok(done())
        }
        _ => refuse_method(call),
    }
}

/// All activities, by what they have in common.
fn pointers(env: &Environment, call: &Call<'_>) -> Outcome<Answer> {
    if call.method != "GET" || call.segments.len() > 1 {
        return refuse_method(call);
    }
    let mut union = env.set("tasks")?;
    POINTERS.clone_into(&mut union.set);
    let own = ["percentcomplete"];
    union
        .columns
        .retain(|column| !own.contains(&column.name.as_str()));
    let activities = env.schema.tables.iter().filter(|table| table.is_activity());
    let rows = activities.flat_map(|table| env.rows(&table.name).map(|(_, row)| row));
    list(env, call, &union, rows)
}
