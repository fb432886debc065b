//! Up to a hundred records at a time. A batch whose inputs all carry a trace id of their own may
//! succeed in part; any other fails as a whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::portal::Portal;
use super::super::write::{Draft, Taken, id_of};
use super::call::texts;
use super::{BATCH_MOST, Call, Version, objects};

pub(super) fn answer(portal: &mut Portal, call: &Call, kind: Kind, what: &str) -> Outcome<Answer> {
    match what {
        "create" => create(portal, call, kind),
        "read" => read(portal, call, kind),
        "update" => update(portal, call, kind),
        "upsert" => upsert(portal, call, kind),
        "archive" => archive(portal, call, kind),
        _ => Err(Refusal::not_found()),
    }
}

fn trace(input: &Value) -> Option<&str> {
    input.get("objectWriteTraceId").and_then(Value::as_str)
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input
        .get(name)
        .and_then(Value::as_str)
        .filter(|t| !t.is_empty())
}

fn create(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let strict = call.version == Version::September2026;
    let write = run(portal, call, |portal, input, taken| {
        portal.draft_new(kind, input, strict, taken)
    })?;
    Ok(write.answer(portal, call, kind, 201, false))
}

fn update(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let write = run(portal, call, |portal, input, taken| {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        let found = portal.find(kind, &id, text(input, "idProperty"))?;
        let found = found.ok_or_else(|| absent(kind, &[&id]))?;
        portal.draft_change(kind, found, input, taken)
    })?;
    Ok(write.answer(portal, call, kind, 200, false))
}

fn upsert(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let strict = call.version == Version::September2026;
    // Two inputs that mean the same record are refused before anything else.
    let mut seen = BTreeSet::new();
    for input in call.inputs(BATCH_MOST)? {
        let id = id_of(Some(input)).unwrap_or_default();
        if !seen.insert((text(input, "idProperty").map(str::to_owned), id.clone())) {
            let message = format!(
                "Duplicate IDs found in batch input: [{id}]. IDs must be unique in the batch"
            );
            return Err(Refusal::validation(message).with("ids", &[&id]));
        }
    }
    let write = run(portal, call, |portal, input, taken| {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        let Some(by) = text(input, "idProperty") else {
            let id = portal
                .find(kind, &id, None)?
                .ok_or_else(|| absent(kind, &[&id]))?;
            return portal.draft_change(kind, id, input, taken);
        };
        if let Some(found) = portal.find(kind, &id, Some(by))? {
            return portal.draft_change(kind, found, input, taken);
        }
        // The key is a value of the new record; associations are not taken here.
        let mut properties = input
            .get("properties")
            .cloned()
            .unwrap_or_else(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.entry(by).or_insert_with(|| json!(id));
        }
        portal.draft_new(kind, &json!({ "properties": properties }), strict, taken)
    })?;
    Ok(write.answer(portal, call, kind, 200, true))
}

fn archive(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    for input in call.inputs(BATCH_MOST)? {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        if let Some(id) = portal.find(kind, &id, None)? {
            portal.archive(kind, id);
        }
    }
    Ok(Answer::empty(204))
}

fn read(portal: &Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let body = call.body()?;
    let by = text(body, "idProperty");
    let (wanted, past) = (
        texts(body, "properties")?,
        texts(body, "propertiesWithHistory")?,
    );
    let (mut found, mut missing, mut results) = (BTreeSet::new(), Vec::new(), Vec::new());
    for input in call.inputs(BATCH_MOST)? {
        let id = id_of(Some(input)).ok_or_else(|| Refusal::fields_missing(&["id"]))?;
        let archived = call.flag("archived");
        let at = if archived {
            id.parse().ok()
        } else {
            portal.find(kind, &id, by)?
        };
        let record = at.and_then(|at| portal.store.get(kind, at));
        match record.filter(|record| record.archived.is_some() == archived) {
            None => missing.push(id),
            // The same record is given once, however often it is asked for.
            Some(record) if found.insert(record.id) => {
                let mut shown = portal.shown(kind, record, Some(&wanted));
                objects::add_history(portal, kind, record, &past, &mut shown);
                results.push(shown);
            }
            Some(_) => {}
        }
    }
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    let errors = if missing.is_empty() {
        Vec::new()
    } else {
        vec![absent(kind, &missing).entry(None)]
    };
    // The vendor promises no order; the order of ids is rarely that of the inputs.
    results.sort_by(|a, b| {
        a.get("id")
            .and_then(Value::as_str)
            .cmp(&b.get("id").and_then(Value::as_str))
    });
    Ok(super::batch(portal, call, 200, results, errors))
}

fn absent(kind: Kind, ids: &[&str]) -> Refusal {
    let message = format!(
        "Could not get some {} objects, they may be deleted or not exist. Check that ids are valid.",
        kind.name()
    );
    Refusal::new(404, "OBJECT_NOT_FOUND", message).with("ids", ids)
}

/// What a batch wrote: the records with trace id and whether they are new, and what was refused.
struct Written {
    done: Vec<(u64, Option<String>, bool)>,
    errors: Vec<Value>,
}

/// Checks every input, then writes what may be written.
fn run(
    portal: &mut Portal,
    call: &Call,
    mut draft: impl FnMut(&mut Portal, &Value, &mut Taken) -> Outcome<Draft>,
) -> Outcome<Written> {
    let inputs = call.inputs(BATCH_MOST)?;
    let traces: BTreeSet<&str> = inputs.iter().filter_map(trace).collect();
    let partial = traces.len() == inputs.len();
    let (mut taken, mut drafts, mut errors) = (Taken::new(), Vec::new(), Vec::new());
    for input in inputs {
        match draft(portal, input, &mut taken) {
            Ok(draft) => drafts.push((draft, trace(input).map(str::to_owned))),
            // Ids nobody has never stop the others.
            Err(refusal) if partial || refusal.status == 404 => {
                errors.push(refusal.entry(trace(input)));
            }
            Err(refusal) => return Err(refusal),
        }
    }
    let written = drafts.into_iter().map(|(draft, trace)| {
        let new = draft.id.is_none();
        (portal.write(draft), trace, new)
    });
    let done = written.collect();
    Ok(Written { done, errors })
}

impl Written {
    fn answer(self, portal: &Portal, call: &Call, kind: Kind, status: u16, upsert: bool) -> Answer {
        let mut results = Vec::new();
        // Never the order of the inputs: callers have to join by trace id or unique value.
        for (id, trace, new) in self.done.into_iter().rev() {
            let Some(record) = portal.store.live(kind, id) else {
                continue;
            };
            let mut shown = portal.shown(kind, record, None);
            if let Some(shown) = shown.as_object_mut() {
                if let Some(trace) = trace {
                    shown.insert("objectWriteTraceId".to_owned(), json!(trace));
                }
                if upsert {
                    shown.insert("new".to_owned(), json!(new));
                }
            }
            results.push(shown);
        }
        super::batch(portal, call, status, results, self.errors)
    }
}
