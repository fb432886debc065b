//! Two records into one, and a person forgotten.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::portal::Portal;
use super::super::times;
use super::Call;

const MORE_EMAILS: &str = "hs_additional_emails";

/// `POST …/merge`: what the first record lacks comes from the second, which goes to the bin.
pub(super) fn merge(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let body = call.body()?;
    let id = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(kept), Some(gone)) = (id("primaryObjectId"), id("objectIdToMerge")) else {
        let names = ["objectIdToMerge", "primaryObjectId"];
        return Err(Refusal::fields_missing(&names));
    };
    if kept == gone {
        return Err(Refusal::validation("A record cannot be merged with itself"));
    }
    let live = |portal: &Portal, id: &str| {
        let found = id.parse().ok().and_then(|id| portal.store.live(kind, id));
        found.cloned().ok_or_else(Refusal::not_found)
    };
    let (mut record, other) = (live(portal, kept)?, live(portal, gone)?);
    let linked: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|to| {
            let of = portal.links.of((kind, other.id), to);
            of.map(move |(id, tags)| ((to, id), tags.clone()))
        })
        .collect();
    portal.archive(kind, other.id);
    let modified = portal.object(kind).modified.clone();
    for (name, value) in &other.values {
        let unique = portal.schema.property(kind, name).is_some_and(|p| p.unique);
        if !unique && !record.values.contains_key(name) {
            record.values.insert(name.clone(), value.clone());
            let history = record.history.entry(name.clone()).or_default();
            history.push((portal.now, value.clone()));
        }
    }
    let addresses = [other.values.get("email"), other.values.get(MORE_EMAILS)];
    let mut more: Vec<String> = record
        .values
        .get(MORE_EMAILS)
        .cloned()
        .into_iter()
        .collect();
    more.extend(addresses.into_iter().flatten().cloned());
    if kind == Kind::Contact && !more.is_empty() {
        record.values.insert(MORE_EMAILS.to_owned(), more.join(";"));
    }
    record.updated = portal.now;
    record.values.insert(modified, times::value(portal.now));
    let id = record.id;
    portal.store.put(&portal.schema, kind, record);
    for (to, tags) in linked.into_iter().filter(|(to, _)| *to != (kind, id)) {
        for tag in tags {
            portal.link((kind, id), to, tag);
        }
    }
    portal.settle();
    let record = portal.store.live(kind, id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, portal.shown(kind, record, None)))
}

/// `POST …/contacts/gdpr-delete`: the contact goes, with every value.
pub(super) fn forget(portal: &mut Portal, call: &Call) -> Outcome<Answer> {
    let body = call.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = text("objectId").ok_or_else(|| Refusal::fields_missing(&["objectId"]))?;
    if let Some(id) = portal.find(Kind::Contact, id, text("idProperty"))? {
        portal.archive(Kind::Contact, id);
        if let Some(mut record) = portal.store.get(Kind::Contact, id).cloned() {
            record.values.retain(|name, _| name == "hs_object_id");
            record.history = BTreeMap::new();
            portal.store.put(&portal.schema, Kind::Contact, record);
        }
    }
    Ok(Answer::empty(204))
}
