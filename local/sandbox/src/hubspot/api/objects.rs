//! One record at a time: create, read, change, archive, list.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::links::{Links, Tag};
use super::super::portal::Portal;
use super::super::store::Record;
use super::super::times;
use super::super::write::Taken;
use super::{
    Access, Call, Version, associations, batch, merge, method_not_allowed, paging, search,
};

pub(super) fn answer(
    portal: &mut Portal,
    call: &Call,
    access: &Access,
    kind: Kind,
    rest: &[&str],
) -> Outcome<Answer> {
    let method = call.method.as_str();
    let reads = method == "GET" || matches!(rest, ["search"] | ["batch", "read"]);
    access.needs(kind, !reads)?;
    match (method, rest) {
        ("GET", []) => list(portal, call, kind),
        ("POST", []) => create(portal, call, kind),
        ("POST", ["search"]) => search::answer(portal, call, kind),
        ("POST", ["batch", what]) => batch::answer(portal, call, kind, what),
        ("POST", ["merge"]) if !kind.is_activity() => merge::merge(portal, call, kind),
        ("POST", ["gdpr-delete"]) if kind == Kind::Contact => merge::forget(portal, call),
        ("GET", [id]) => read(portal, call, kind, id),
        ("PATCH", [id]) => change(portal, call, kind, id),
        ("DELETE", [id]) => {
            if let Some(id) = portal.find(kind, id, call.parameter("idProperty"))? {
                portal.archive(kind, id);
            }
            Ok(Answer::empty(204))
        }
        (_, [id, "associations", rest @ ..]) => {
            associations::of_record(portal, call, kind, id, rest)
        }
        (_, [] | [_] | ["batch", _]) => Err(method_not_allowed()),
        _ => Err(Refusal::not_found()),
    }
}

fn create(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let strict = call.version == Version::September2026;
    let draft = portal.draft_new(kind, call.body()?, strict, &mut Taken::new())?;
    let id = portal.write(draft);
    let record = portal.store.live(kind, id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(201, portal.shown(kind, record, None)))
}

fn change(portal: &mut Portal, call: &Call, kind: Kind, id: &str) -> Outcome<Answer> {
    let id = portal.find(kind, id, call.parameter("idProperty"))?;
    let id = id.ok_or_else(Refusal::not_found)?;
    let draft = portal.draft_change(kind, id, call.body()?, &mut Taken::new())?;
    let id = portal.write(draft);
    let record = portal.store.live(kind, id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, portal.shown(kind, record, None)))
}

fn read(portal: &Portal, call: &Call, kind: Kind, id: &str) -> Outcome<Answer> {
    let by = call.parameter("idProperty");
    let record = if call.flag("archived") {
        let id = id.parse().ok();
        let record = id.and_then(|id| portal.store.get(kind, id));
        record.filter(|record| record.archived.is_some())
    } else {
        let id = portal.find(kind, id, by)?;
        id.and_then(|id| portal.store.live(kind, id))
    };
    let record = record.ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, whole(portal, call, kind, record)?))
}

fn list(portal: &Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let limit = call.limit(10, 100)?;
    let after = call.parameter("after").unwrap_or("0");
    let after = after
        .parse()
        .map_err(|_| Refusal::validation(format!("{after} is no paging cursor")))?;
    let archived = call.flag("archived");
    let rows = portal.store.after(kind, after);
    let mut rows = rows.filter(|record| record.archived.is_some() == archived);
    let mut results = Vec::new();
    let mut last = 0;
    for record in rows.by_ref().take(limit) {
        last = record.id;
        results.push(whole(portal, call, kind, record)?);
    }
    let mut body = json!({ "results": results });
    if let (true, Some(body)) = (rows.next().is_some(), body.as_object_mut()) {
        body.insert("paging".to_owned(), paging(portal, call, &last.to_string()));
    }
    Ok(Answer::json(200, body))
}

/// A record with whatever the query asks for.
fn whole(portal: &Portal, call: &Call, kind: Kind, record: &Record) -> Outcome<Value> {
    let mut shown = portal.shown(kind, record, Some(&call.list("properties")));
    let (asked, past) = (
        call.list("associations"),
        call.list("propertiesWithHistory"),
    );
    add_history(portal, kind, record, &past, &mut shown);
    let mut linked = serde_json::Map::new();
    for name in asked {
        let to = super::kind(&name)?;
        let results: Vec<Value> = portal
            .links
            .of((kind, record.id), to)
            .flat_map(|(id, tags)| {
                tags.iter().map(move |tag| {
                    json!({ "id": id.to_string(), "type": type_name(portal, kind, to, *tag) })
                })
            })
            .collect();
        if !results.is_empty() {
            linked.insert(to.plural().to_owned(), json!({ "results": results }));
        }
    }
    if let (false, Some(shown)) = (linked.is_empty(), shown.as_object_mut()) {
        shown.insert("associations".to_owned(), Value::Object(linked));
    }
    Ok(shown)
}

/// Adds `propertiesWithHistory`, the newest value first.
pub(super) fn add_history(
    portal: &Portal,
    kind: Kind,
    record: &Record,
    names: &[String],
    shown: &mut Value,
) {
    let known = names
        .iter()
        .filter(|name| portal.schema.property(kind, name).is_some());
    let past: serde_json::Map<String, Value> = known
        .map(|name| {
            let past = record.history.get(name).into_iter().flatten().rev();
            let past = past.map(|(at, value)| {
                json!({ "value": value, "timestamp": times::written(*at), "sourceType": "INTEGRATION",
                    "sourceId": portal.app_id.to_string() })
            });
            (name.clone(), Value::Array(past.collect()))
        })
        .collect();
    if let (false, Some(shown)) = (past.is_empty(), shown.as_object_mut()) {
        shown.insert("propertiesWithHistory".to_owned(), Value::Object(past));
    }
}

/// `meeting_event_to_contact`; where a pair also has a main one, the plain type says so.
pub(super) fn type_name(portal: &Portal, from: Kind, to: Kind, tag: Tag) -> String {
    let name = format!("{}_to_{}", from.word(), to.word());
    if Links::primary(from, to).is_some() && Links::plain(from, to) == Some(tag) {
        return format!("{name}_unlabeled");
    }
    if !tag.own {
        return name;
    }
    let types = portal.links.types(from, to);
    let label = types.into_iter().find(|(known, _)| *known == tag);
    label.and_then(|(_, label)| label).unwrap_or(name)
}
