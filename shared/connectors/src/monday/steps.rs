//! What a record takes beyond its item: an update below it, and an entry on a contact's timeline.

use hub_domain::{
    Plan, Verdict, Write,
    mapping::{Overwrite, RecordKind, Source},
    plan::Step,
};
use serde_json::Value;

use super::{
    body::{NAME, contact},
    bug, digits,
    document::Document,
};

use crate::{mapped::is_left, marker::marker};

/// The field of the mapping that becomes an update; the object of that step, and its name.
const UPDATE: &str = "update";
pub(super) const UPDATES: &str = "updates";
const NOTES: &str = "notes";
/// The object of an entry on a timeline, and the name of that step.
pub(super) const TIMELINE: &str = "timeline";
/// The longest title on a timeline.
const TITLE_MOST: usize = 255;

/// Takes what is mapped to an update out of the items, and adds the steps.
pub(super) fn add(plan: &mut Plan, has_timeline: bool) {
    let mut steps = Vec::new();
    for write in plan.writes.iter_mut().filter(|write| write.step.is_none()) {
        let step = |name: &str, object: &str, write: &Write| {
            let step = Step {
                name: name.to_owned(),
                creates: true,
            };
            Write {
                object: object.to_owned(),
                ..Write::step(&plan.session, step, write)
            }
        };
        let update = write.fields.remove(UPDATE);
        let has_words = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        if let Some(update) = update.filter(|update| has_words(&update.value)) {
            let mut notes = step(NOTES, UPDATES, write);
            notes.fields.insert(UPDATE.to_owned(), update);
            steps.push(notes);
        }
        let has_contact = write.people.iter().any(|person| contact(person).is_some());
        let is_session = matches!(write.kind, RecordKind::Meeting | RecordKind::Call);
        if has_timeline && has_contact && is_session && start(write).is_some() {
            let mut entry = step(TIMELINE, TIMELINE, write);
            entry.optional = true;
            let kept = [
                Source::SessionTitle,
                Source::SessionStartedAt,
                Source::SessionUrl,
            ];
            let fields = write.fields.iter();
            let fields = fields.filter(|(_, field)| kept.contains(&field.from));
            entry.fields = fields
                .map(|(name, field)| (name.clone(), field.clone()))
                .collect();
            steps.push(entry);
        }
    }
    plan.writes.extend(steps);
}

/// Whether nothing of a record that is there can or may be changed, so that it is only looked at.
pub(super) fn is_fixed(write: &Write) -> bool {
    let is_kept = |write: &Write| {
        let mut fields = write.fields.values();
        fields.all(|field| field.overwrite == Overwrite::OnCreate)
    };
    write.object == TIMELINE || (write.object == UPDATES && is_kept(write))
}

/// The keys of the items that an update with this key may be below: a session's id may look like a step.
pub(super) fn items_of(key: &str) -> Vec<String> {
    let name = format!("-{NOTES}");
    let places = key.match_indices(&name);
    let whole = places.map(|(at, name)| {
        let (before, rest) = key.split_at(at);
        format!("{before}{}", rest.get(name.len()..).unwrap_or_default())
    });
    whole.collect()
}

/// The item that a step comes after.
fn item_of(write: &Write) -> Result<&str, Verdict> {
    let of = write.after.keys().next();
    let id = of.and_then(|key| write.id_of(key));
    digits(id.ok_or_else(|| bug("a step without its item"))?)
}

/// An update below an item: made, changed or looked at.
pub(super) fn update(write: &Write, document: &mut Document) -> Result<String, Verdict> {
    let Some(field) = write.fields.get(UPDATE) else {
        return Err(bug("an update without words"));
    };
    let fault = |why: &str| Verdict::Misconfigured {
        reason: format!("the field {UPDATE} {why}"),
    };
    let is_kept = is_left(field.overwrite, write).map_err(fault)?;
    let words = field.value.as_str().unwrap_or_default();
    let body = format!("{words}<br><br>{}", marker(&write.key));
    Ok(match &write.id {
        None => {
            let item = document.variable("ID!", item_of(write)?.into());
            let body = document.variable("String!", body.into());
            format!("create_update(item_id:{item},body:{body})")
        }
        Some(id) if is_kept => {
            let id = document.variable("[ID!]", digits(id)?.into());
            format!("updates(ids:{id})")
        }
        Some(id) => {
            let id = document.variable("ID!", digits(id)?.into());
            let body = document.variable("String!", body.into());
            format!("edit_update(id:{id},body:{body})")
        }
    })
}

/// The moment a session began, as its mapping has it.
fn start(write: &Write) -> Option<&str> {
    let mut fields = write.fields.values();
    let field = fields.find(|field| field.from == Source::SessionStartedAt);
    field?.value.as_str().filter(|text| text.contains('T'))
}

/// An entry on the timeline of the first contact: made, or looked at.
pub(super) fn entry(
    write: &Write,
    activity: &str,
    document: &mut Document,
) -> Result<String, Verdict> {
    if let Some(id) = &write.id {
        let id = document.variable("ID!", id.as_str().into());
        return Ok(format!("timeline_item(id:{id})"));
    }
    let contact = write.people.iter().find_map(contact);
    let (Some(contact), Some(start)) = (contact, start(write)) else {
        return Err(bug("an entry on a timeline without a contact or a start"));
    };
    let text = |of: Source| {
        let mut fields = write.fields.values();
        let field = fields.find(|field| field.from == of);
        field
            .and_then(|field| field.value.as_str())
            .unwrap_or_default()
    };
    let title = write
        .fields
        .get(NAME)
        .and_then(|field| field.value.as_str());
    let title: String = title
        .unwrap_or(&write.key)
        .chars()
        .take(TITLE_MOST)
        .collect();
    let content = marker(&write.key);
    let mut args = vec![
        ("item_id", "ID!", contact.to_string()),
        ("custom_activity_id", "String!", activity.to_owned()),
        ("title", "String!", title),
        ("timestamp", "ISO8601DateTime!", start.to_owned()),
        ("content", "String", content),
    ];
    let url = text(Source::SessionUrl);
    if !url.is_empty() {
        args.push(("url", "String", url.to_owned()));
    }
    let args: Vec<String> = args
        .into_iter()
        .map(|(name, of, value)| format!("{name}:{}", document.variable(of, value.into())))
        .collect();
    Ok(format!("create_timeline_item({})", args.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_leads_to_its_item() {
        for (key, items) in [
            ("ses_1-notes", vec!["ses_1"]),
            ("ses_1-notes-task-a1", vec!["ses_1-task-a1"]),
            ("ses-notes-notes", vec!["ses-notes", "ses-notes"]),
            (
                "s-notes-notes-task-a",
                vec!["s-notes-task-a", "s-notes-task-a"],
            ),
            ("ses_1", vec![]),
        ] {
            assert_eq!(items_of(key), items, "{key}");
        }
    }
}
