//! Associations: of one record, in batches, and their types and labels.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::links::{Links, Tag};
use super::super::portal::Portal;
use super::super::write::{id_of, tag_of};
use super::{Call, method_not_allowed, paging};

/// The most inputs of a batch that writes, and of one that reads.
pub(super) const WRITE_MOST: usize = 2_000;
const READ_MOST: usize = 1_000;
const PAGE: usize = 500;

type End = (Kind, u64);

/// Below `/objects/{type}/{id}/associations`.
pub(super) fn of_record(
    portal: &mut Portal,
    call: &Call,
    kind: Kind,
    id: &str,
    rest: &[&str],
) -> Outcome<Answer> {
    let from = end(portal, kind, id)?;
    match (call.method.as_str(), rest) {
        ("PUT", ["default", to, id]) => {
            let to = end(portal, super::kind(to)?, id)?;
            let tag = plain(from.0, to.0)?;
            portal.link(from, to, tag);
            Ok(super::batch(
                portal,
                call,
                200,
                both_ways(from, to),
                Vec::new(),
            ))
        }
        ("PUT", [to, id]) => {
            let to = end(portal, super::kind(to)?, id)?;
            let tags = tags(portal, from.0, to.0, call.body.as_ref())?;
            for tag in &tags {
                portal.link(from, to, *tag);
            }
            Ok(Answer::json(201, labelled(portal, from, to, &tags)))
        }
        ("DELETE", [to, id]) => {
            let kind = super::kind(to)?;
            if let Ok(id) = id.parse() {
                portal.links.remove(from, (kind, id));
            }
            Ok(Answer::empty(204))
        }
        // The dated versions have no such call: the object's `?associations=` and batch/read do it.
        ("GET", [to]) if !call.version.dated() => {
            let to = super::kind(to)?;
            let (rows, next) = page(
                portal,
                from,
                to,
                call.parameter("after"),
                call.limit(PAGE, PAGE)?,
            );
            let mut body = json!({ "results": rows });
            if let (Some(next), Some(body)) = (next, body.as_object_mut()) {
                body.insert("paging".to_owned(), paging(portal, call, &next));
            }
            Ok(Answer::json(200, body))
        }
        (_, [_] | [_, _] | ["default", _, _]) => Err(method_not_allowed()),
        _ => Err(Refusal::not_found()),
    }
}

/// Below `/associations/{from}/{to}`.
pub(super) fn answer(
    portal: &mut Portal,
    call: &Call,
    from: Kind,
    to: Kind,
    rest: &[&str],
) -> Outcome<Answer> {
    // v4 answers 201 and 204 where the dated versions answer 200.
    let dated = call.version.dated();
    match (call.method.as_str(), rest) {
        ("POST", ["batch", "read"]) => read(portal, call, from, to),
        ("POST", ["batch", "associate", "default"]) => {
            let tag = plain(from, to)?;
            write(portal, call, (from, to), 200, |portal, a, b, _| {
                portal.link(a, b, tag);
                Ok(both_ways(a, b))
            })
        }
        ("POST", ["batch", "create"]) => {
            let status = if dated { 200 } else { 201 };
            write(portal, call, (from, to), status, |portal, a, b, input| {
                let tags = tags(portal, from, to, input.get("types"))?;
                for tag in &tags {
                    portal.link(a, b, *tag);
                }
                Ok(vec![labelled(portal, a, b, &tags)])
            })
        }
        ("POST", ["batch", "labels", "archive"]) => {
            let answer = write(portal, call, (from, to), 200, |portal, a, b, input| {
                for tag in tags(portal, from, to, input.get("types"))? {
                    portal.links.remove_type(a, b, tag);
                }
                Ok(Vec::new())
            })?;
            Ok(if dated { answer } else { Answer::empty(204) })
        }
        ("POST", ["batch", "archive"]) => {
            for input in call.inputs(WRITE_MOST)? {
                let a = id_of(input.get("from")).and_then(|id| id.parse().ok());
                let others = input.get("to").and_then(Value::as_array);
                for other in others.into_iter().flatten() {
                    let b = id_of(Some(other)).and_then(|id| id.parse().ok());
                    if let (Some(a), Some(b)) = (a, b) {
                        portal.links.remove((from, a), (to, b));
                    }
                }
            }
            let done = super::batch(portal, call, 200, Vec::new(), Vec::new());
            Ok(if dated { done } else { Answer::empty(204) })
        }
        ("GET", ["labels"]) => Ok(Answer::json(200, types(portal, from, to, None))),
        ("POST", ["labels"]) => {
            let body = call.body()?;
            let label = body.get("label").and_then(Value::as_str);
            let label = label.ok_or_else(|| Refusal::fields_missing(&["label"]))?;
            plain(from, to)?;
            let back = body.get("inverseLabel").and_then(Value::as_str);
            let (id, _) = portal
                .links
                .make_label(from, to, label, back.unwrap_or(label));
            Ok(Answer::json(200, types(portal, from, to, Some(id))))
        }
        ("PUT", ["labels"]) => {
            let body = call.body()?;
            let id = body.get("associationTypeId").and_then(Value::as_u64);
            let id = id.and_then(|id| u32::try_from(id).ok());
            let label = body.get("label").and_then(Value::as_str);
            let (Some(id), Some(label)) = (id, label) else {
                return Err(Refusal::fields_missing(&["associationTypeId", "label"]));
            };
            own_label(portal, from, to, id)?;
            let back = body.get("inverseLabel").and_then(Value::as_str);
            portal.links.rename_label(id, label, back);
            Ok(Answer::empty(204))
        }
        ("DELETE", ["labels", id]) => {
            let id = id.parse().map_err(|_| Refusal::not_found())?;
            own_label(portal, from, to, id)?;
            portal.links.remove_label(id);
            Ok(Answer::empty(204))
        }
        _ => Err(Refusal::not_found()),
    }
}

pub(super) fn end(portal: &Portal, kind: Kind, id: &str) -> Outcome<End> {
    let found = id
        .parse()
        .ok()
        .filter(|id| portal.store.live(kind, *id).is_some());
    found.map(|id| (kind, id)).ok_or_else(|| {
        let message = format!("Object not found: {} {id}", kind.name());
        Refusal::new(404, "OBJECT_NOT_FOUND", message).with("id", &[id])
    })
}

fn plain(from: Kind, to: Kind) -> Outcome<Tag> {
    Links::plain(from, to).ok_or_else(|| {
        let (from, to) = (from.name(), to.name());
        Refusal::validation(format!("No association type exists from {from} to {to}"))
    })
}

/// Reads a list of types, of which each has to exist.
fn tags(portal: &Portal, from: Kind, to: Kind, given: Option<&Value>) -> Outcome<Vec<Tag>> {
    let given = given
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty());
    let given = given.ok_or_else(|| Refusal::fields_missing(&["types"]))?;
    let mut tags = Vec::new();
    for one in given {
        let tag = tag_of(one)?;
        if !portal.links.knows(from, to, tag) {
            let (from, to) = (from.name(), to.name());
            let message = format!(
                "Association type {} from {from} to {to} does not exist",
                tag.id
            );
            return Err(Refusal::validation(message));
        }
        tags.push(tag);
    }
    Ok(tags)
}

const fn category(tag: Tag) -> &'static str {
    if tag.own {
        "USER_DEFINED"
    } else {
        "HUBSPOT_DEFINED"
    }
}

/// The result of a plain association: one entry for each direction.
fn both_ways(a: End, b: End) -> Vec<Value> {
    let ways = [(a, b), (b, a)].into_iter();
    ways.filter_map(|(from, to)| {
        let tag = Links::plain(from.0, to.0)?;
        Some(json!({
            "from": { "id": from.1.to_string() },
            "to": { "id": to.1.to_string() },
            "associationSpec": { "associationCategory": category(tag), "associationTypeId": tag.id },
        }))
    })
    .collect()
}

fn labelled(portal: &Portal, from: End, to: End, tags: &[Tag]) -> Value {
    let types = portal.links.types(from.0, to.0);
    let set = types.into_iter().filter(|(tag, _)| tags.contains(tag));
    let labels: Vec<String> = set.filter_map(|(_, label)| label).collect();
    json!({
        "fromObjectTypeId": from.0.type_id(),
        "fromObjectId": from.1.to_string(),
        "toObjectTypeId": to.0.type_id(),
        "toObjectId": to.1.to_string(),
        "labels": labels,
    })
}

/// One page of what a record is associated with, and the cursor to the next.
fn page(
    portal: &Portal,
    from: End,
    to: Kind,
    after: Option<&str>,
    limit: usize,
) -> (Vec<Value>, Option<String>) {
    let after: u64 = after.and_then(|after| after.parse().ok()).unwrap_or(0);
    let types = portal.links.types(from.0, to);
    let mut edges = portal.links.of(from, to).filter(|(id, _)| *id > after);
    let mut last = 0;
    let mut rows = Vec::new();
    for (id, tags) in edges.by_ref().take(limit) {
        last = id;
        let shown = types.iter().filter(|(tag, _)| tags.contains(tag));
        let shown: Vec<Value> = shown
            .map(|(tag, label)| spec(*tag, label.as_deref()))
            .collect();
        rows.push(json!({ "toObjectId": id.to_string(), "associationTypes": shown }));
    }
    let next = edges.next().map(|_| last.to_string());
    (rows, next)
}

fn spec(tag: Tag, label: Option<&str>) -> Value {
    json!({ "category": category(tag), "typeId": tag.id, "label": label })
}

fn types(portal: &Portal, from: Kind, to: Kind, only: Option<u32>) -> Value {
    let types = portal.links.types(from, to).into_iter();
    let types = types.filter(|(tag, _)| only.is_none_or(|id| tag.own && tag.id == id));
    let types: Vec<Value> = types
        .map(|(tag, label)| spec(tag, label.as_deref()))
        .collect();
    json!({ "results": types })
}

/// Applies each pair of a batch; a pair that cannot be found is reported, the others are written.
fn write(
    portal: &mut Portal,
    call: &Call,
    kinds: (Kind, Kind),
    status: u16,
    mut act: impl FnMut(&mut Portal, End, End, &Value) -> Outcome<Vec<Value>>,
) -> Outcome<Answer> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in call.inputs(WRITE_MOST)? {
        let missing = || Refusal::fields_missing(&["from", "to"]);
        let from = id_of(input.get("from")).ok_or_else(missing)?;
        let to = id_of(input.get("to")).ok_or_else(missing)?;
        let ends = end(portal, kinds.0, &from).and_then(|a| Ok((a, end(portal, kinds.1, &to)?)));
        match ends {
            Ok((a, b)) => results.extend(act(portal, a, b, input)?),
            Err(refusal) => errors.push(refusal.entry(None)),
        }
    }
    Ok(super::batch(portal, call, status, results, errors))
}

/// Only a label of the account's own can be changed.
fn own_label(portal: &Portal, from: Kind, to: Kind, id: u32) -> Outcome<()> {
    if portal.links.knows(from, to, Tag { own: true, id }) {
        return Ok(());
    }
    let (from, to) = (from.name(), to.name());
    let message = format!("No label with id {id} exists from {from} to {to}");
    Err(Refusal::new(404, "OBJECT_NOT_FOUND", message))
}

/// Nothing of this kind is associated with the record.
pub(super) fn absent(from: Kind, to: Kind, id: &str) -> Refusal {
    let message = format!("No {} is associated with {} {id}.", to.word(), from.word());
    Refusal::new(404, "OBJECT_NOT_FOUND", message).with("fromObjectId", &[id])
}

fn read(portal: &Portal, call: &Call, from: Kind, to: Kind) -> Outcome<Answer> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in call.inputs(READ_MOST)? {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        let after = input.get("after").and_then(Value::as_str);
        let found = end(portal, from, &id).map(|from| page(portal, from, to, after, PAGE));
        match found {
            Ok((rows, next)) if !rows.is_empty() => {
                let mut one = json!({ "from": { "id": id }, "to": rows });
                if let (Some(next), Some(one)) = (next, one.as_object_mut()) {
                    one.insert("paging".to_owned(), json!({ "next": { "after": next } }));
                }
                results.push(one);
            }
            // The vendor says the same of a record without associations and of one that is not there.
            Ok(_) | Err(_) => {
                errors.push(absent(from, to, &id).entry(None));
            }
        }
    }
    Ok(super::batch(portal, call, 200, results, errors))
}
