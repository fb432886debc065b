//! The associations of v3: a type has a name, and labels are not known.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::links::Tag;
use super::super::portal::Portal;
use super::super::write::id_of;
use super::associations::{WRITE_MOST, absent, end};
use super::objects::type_name;
use super::{Call, method_not_allowed};

/// Below `/associations/{from}/{to}`.
pub(super) fn answer(
    portal: &mut Portal,
    call: &Call,
    from: Kind,
    to: Kind,
    rest: &[&str],
) -> Outcome<Answer> {
    match (call.method.as_str(), rest) {
        ("GET", ["types"]) => {
            let types = portal.links.types(from, to).into_iter();
            let types: Vec<Value> = types
                .map(|(tag, _)| {
                    json!({ "id": tag.id.to_string(), "name": type_name(portal, from, to, tag) })
                })
                .collect();
            Ok(Answer::json(200, json!({ "results": types })))
        }
        ("POST", ["batch", "create"]) => create(portal, call, from, to),
        ("POST", ["batch", "read"]) => read(portal, call, from, to),
        ("POST", ["batch", "archive"]) => {
            for input in call.inputs(WRITE_MOST)? {
                let number = |end: &str| id_of(input.get(end)).and_then(|id| id.parse().ok());
                if let (Some(a), Some(b)) = (number("from"), number("to")) {
                    portal.links.remove((from, a), (to, b));
                }
            }
            Ok(Answer::empty(204))
        }
        (_, ["types"] | ["batch", _]) => Err(method_not_allowed()),
        _ => Err(Refusal::not_found()),
    }
}

/// The type of this name, or of this number.
fn tag(portal: &Portal, from: Kind, to: Kind, name: &str) -> Outcome<Tag> {
    let types = portal.links.types(from, to).into_iter();
    let mut tags = types.map(|(tag, _)| tag);
    let found = tags.find(|tag| {
        tag.id.to_string() == name || type_name(portal, from, to, *tag).eq_ignore_ascii_case(name)
    });
    found.ok_or_else(|| {
        let (from, to) = (from.name(), to.name());
        Refusal::validation(format!(
            "Invalid association type {name} from {from} to {to}"
        ))
    })
}

fn create(portal: &mut Portal, call: &Call, from: Kind, to: Kind) -> Outcome<Answer> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in call.inputs(WRITE_MOST)? {
        let name = input.get("type").and_then(Value::as_str);
        let missing = || Refusal::fields_missing(&["from", "to", "type"]);
        let tag = tag(portal, from, to, name.ok_or_else(missing)?)?;
        let a = id_of(input.get("from")).ok_or_else(missing)?;
        let b = id_of(input.get("to")).ok_or_else(missing)?;
        let ends = end(portal, from, &a).and_then(|a| Ok((a, end(portal, to, &b)?)));
        match ends {
            Ok((a, b)) => {
                portal.link(a, b, tag);
                let name = type_name(portal, from, to, tag);
                results.push(
                    json!({ "from": { "id": a.1.to_string() }, "to": { "id": b.1.to_string() },
                    "type": name }),
                );
            }
            Err(refusal) => errors.push(refusal.entry(None)),
        }
    }
    Ok(super::batch(portal, call, 201, results, errors))
}

fn read(portal: &Portal, call: &Call, from: Kind, to: Kind) -> Outcome<Answer> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in call.inputs(WRITE_MOST)? {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        let found = end(portal, from, &id);
        let linked = found.iter().flat_map(|end| portal.links.of(*end, to));
        let linked: Vec<Value> = linked
            .flat_map(|(other, tags)| {
                let one = move |tag: &Tag| {
                    json!({ "id": other.to_string(), "type": type_name(portal, from, to, *tag) })
                };
                tags.iter().map(one)
            })
            .collect();
        if linked.is_empty() {
            errors.push(absent(from, to, &id).entry(None));
        } else {
            results.push(json!({ "from": { "id": id }, "to": linked }));
        }
    }
    Ok(super::batch(portal, call, 200, results, errors))
}
