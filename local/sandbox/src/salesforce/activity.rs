//! Events and tasks: who and what they are related to. With Shared Activities on,
//! the people of an activity are rows of `EventRelation` or `TaskRelation`, and `WhoId` is the
//! first of them.

use serde_json::{Value, json};

use super::errors::{Outcome, Refusal};
use super::org::Org;
use super::schema::Object;
use super::store::{self, Row, text};
use super::times;

const CONTACTS_MAX: usize = 50;

/// Whether an object is an activity.
pub(super) fn is_activity(object: &str) -> bool {
    matches!(object, "Event" | "Task")
}

/// The relation object of an activity object, and its field that names the activity.
fn relation(object: &str) -> (&'static str, &'static str) {
    if object == "Event" {
        ("EventRelation", "EventId")
    } else {
        ("TaskRelation", "TaskId")
    }
}

fn yes(row: &Row, field: &str) -> bool {
    row.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// The relation rows of an activity, oldest first.
fn relations(org: &Org, object: &str, id: &str) -> Vec<(String, Row)> {
    let (relation, key) = relation(object);
    let ids = org.store.find(relation, key, id);
    let rows = ids
        .into_iter()
        .filter_map(|id| Some((id.clone(), org.store.get(relation, &id)?.clone())));
    rows.filter(|(_, row)| !store::is_deleted(row)).collect()
}

/// The people an activity is with; the one in `WhoId` first.
pub(super) fn whos(org: &Org, object: &str, id: &str) -> Vec<String> {
    let who = org
        .store
        .get(object, id)
        .and_then(|row| text(row, "WhoId"))
        .map(str::to_owned);
    let mut whos: Vec<String> = who.into_iter().collect();
    for (_, row) in relations(org, object, id) {
        // Task relations have no IsParent: all of them are.
        let parent = object == "Task" || yes(&row, "IsParent");
        let related = text(&row, "RelationId").map(str::to_owned);
        if let Some(related) =
            related.filter(|related| parent && !yes(&row, "IsWhat") && !whos.contains(related))
        {
            whos.push(related);
        }
    }
    whos
}

/// Settles `WhoId` and the list of people from what the caller set. Returns the list.
pub(super) fn settle_whos(
    org: &Org,
    object: &str,
    row: &mut Row,
    changes: &Row,
    listed: Option<Vec<String>>,
) -> Outcome<Vec<String>> {
    let id = text(row, "Id").unwrap_or_default().to_owned();
    let before = org
        .store
        .get(object, &id)
        .and_then(|row| text(row, "WhoId"))
        .map(str::to_owned);
    let named = changes
        .contains_key("WhoId")
        .then(|| text(row, "WhoId").map(str::to_owned));
    let mut whos = match (listed, &named) {
        (Some(list), _) => list,
        (None, Some(_)) => {
            let kept = whos(org, object, &id);
            kept.into_iter()
                .filter(|who| Some(who) != before.as_ref())
                .collect()
        }
        (None, None) => whos(org, object, &id),
    };
    let mut seen = std::collections::BTreeSet::new();
    whos.retain(|who| seen.insert(who.clone()));
    let first = match named {
        Some(Some(who)) => Some(who),
        Some(None) => whos.first().cloned(),
        None => match before {
            Some(who) if whos.is_empty() || whos.contains(&who) => Some(who),
            _ => whos.first().cloned(),
        },
    };
    if let Some(first) = &first {
        whos.retain(|who| who != first);
        whos.insert(0, first.clone());
    }
    row.insert("WhoId".to_owned(), json!(first));
    check_whos(row, &whos)?;
    Ok(whos)
}

fn check_whos(row: &Row, whos: &[String]) -> Outcome<()> {
    let refuse = |message: &str| {
        Err(Refusal::fields(
            "FIELD_INTEGRITY_EXCEPTION",
            message,
            &["WhoId"],
        ))
    };
    let has_lead = whos.iter().any(|who| who.starts_with("00Q"));
    if has_lead && whos.len() > 1 {
        return refuse(
            "An activity can be related to one lead or up to 50 contacts, not to several of both.",
        );
    }
    if whos.len() > CONTACTS_MAX {
        return refuse("An activity can be related to up to 50 contacts.");
    }
    if has_lead && text(row, "WhatId").is_some() {
        let message =
            "Related To ID: a lead can't be related to another record in the same activity";
        return Err(Refusal::fields(
            "FIELD_INTEGRITY_EXCEPTION",
            message,
            &["WhatId"],
        ));
    }
    Ok(())
}

/// Fields that follow from the others: the account, the counts, and what a task's status means.
pub(super) fn derive(org: &Org, object: &str, row: &mut Row, whos: &[String]) {
    let account = |id: &str| {
        let (object, row) = org.any(id)?;
        if object.name == "Account" {
            Some(id.to_owned())
        } else {
            text(row, "AccountId").map(str::to_owned)
        }
    };
    let what = text(row, "WhatId").and_then(account);
    let account = what.or_else(|| text(row, "WhoId").and_then(account));
    row.insert("AccountId".to_owned(), json!(account));
    row.insert("WhoCount".to_owned(), json!(whos.len()));
    row.insert(
        "WhatCount".to_owned(),
        json!(u8::from(text(row, "WhatId").is_some())),
    );
    if object == "Task" {
        let closed = text(row, "Status") == Some("Completed");
        let completed =
            text(row, "CompletedDateTime").map_or_else(|| times::written(org.now), str::to_owned);
        row.insert("IsClosed".to_owned(), json!(closed));
        row.insert(
            "IsHighPriority".to_owned(),
            json!(text(row, "Priority") == Some("High")),
        );
        row.insert(
            "CompletedDateTime".to_owned(),
            if closed {
                json!(completed)
            } else {
                Value::Null
            },
        );
    }
}

/// Brings the relation rows in line with the activity after it was written.
pub(super) fn relate(org: &mut Org, object: &str, id: &str, whos: &[String]) {
    let (relation, key) = relation(object);
    let what = org
        .store
        .get(object, id)
        .and_then(|row| text(row, "WhatId"))
        .map(str::to_owned);
    let mut wanted: Vec<(String, bool)> = whos.iter().map(|who| (who.clone(), false)).collect();
    wanted.extend(what.map(|what| (what, true)));
    for (row_id, mut row) in relations(org, object, id) {
        let related = text(&row, "RelationId").unwrap_or_default().to_owned();
        let is_wanted = wanted.iter().any(|(id, _)| *id == related);
        wanted.retain(|(id, _)| *id != related);
        let parent = object == "Task" || yes(&row, "IsParent");
        if parent && !is_wanted && !yes(&row, "IsInvitee") {
            org.store.remove(&org.schema, relation, &row_id);
        } else if object == "Event" && parent != is_wanted {
            row.insert("IsParent".to_owned(), json!(is_wanted));
            org.store.put(&org.schema, relation, &row_id, &row);
        }
    }
    for (related, is_what) in wanted {
        let prefix = if object == "Event" { "0RE" } else { "0RT" };
        let row_id = org.ids.next(prefix);
        let mut row = org.stamped(&row_id, None);
        row.insert(key.to_owned(), json!(id));
        row.insert("RelationId".to_owned(), json!(related));
        row.insert("IsWhat".to_owned(), json!(is_what));
        if object == "Event" {
            row.insert("IsParent".to_owned(), json!(true));
            row.insert("IsInvitee".to_owned(), json!(false));
            row.insert("Status".to_owned(), json!("New"));
        }
        org.store.put(&org.schema, relation, &row_id, &row);
    }
}

/// Checks a relation row a caller wants to add.
pub(super) fn check_relation(org: &Org, object: &str, row: &Row) -> Outcome<()> {
    let (activity, key) = if object == "EventRelation" {
        ("Event", "EventId")
    } else {
        ("Task", "TaskId")
    };
    let (id, related) = (
        text(row, key).unwrap_or_default(),
        text(row, "RelationId").unwrap_or_default(),
    );
    let twin = relations(org, activity, id)
        .into_iter()
        .find(|(_, other)| text(other, "RelationId") == Some(related));
    if let Some((twin, _)) = twin {
        let message =
            format!("duplicate value found: {key} duplicates value on record with id: {twin}");
        return Err(Refusal::fields("DUPLICATE_VALUE", message, &[]));
    }
    if org.settings.shared_activities
        && !yes(row, "IsWhat")
        && (activity == "Task" || yes(row, "IsParent"))
    {
        let mut whos = whos(org, activity, id);
        whos.push(related.to_owned());
        let activity = org.store.get(activity, id).cloned().unwrap_or_default();
        check_whos(&activity, &whos)?;
    }
    Ok(())
}

/// After a relation row came or went: the activity's `WhoId`, counts and group flag follow.
pub(super) fn relation_changed(org: &mut Org, relation: &str, row: &Row) {
    let (activity, key) = if relation == "EventRelation" {
        ("Event", "EventId")
    } else {
        ("Task", "TaskId")
    };
    let id = text(row, key).unwrap_or_default().to_owned();
    let Some(mut owner) = org.store.get(activity, &id).cloned() else {
        return;
    };
    let rows = relations(org, activity, &id);
    let group = rows
        .iter()
        .any(|(_, row)| yes(row, "IsInvitee") || !org.settings.shared_activities);
    if org.settings.shared_activities {
        let related = |what: bool| {
            let parents = rows
                .iter()
                .filter(|(_, row)| activity == "Task" || yes(row, "IsParent"));
            let ids = parents.filter(|(_, row)| yes(row, "IsWhat") == what);
            ids.filter_map(|(_, row)| text(row, "RelationId").map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let (whos, whats) = (related(false), related(true));
        let who = text(&owner, "WhoId").filter(|who| whos.iter().any(|id| id == who));
        owner.insert(
            "WhoId".to_owned(),
            json!(who.or(whos.first().map(String::as_str))),
        );
        owner.insert("WhatId".to_owned(), json!(whats.first()));
        derive(org, activity, &mut owner, &whos);
    }
    if activity == "Event" {
        owner.insert("IsGroupEvent".to_owned(), json!(group));
        owner.insert(
            "GroupEventType".to_owned(),
            json!(if group { "1" } else { "0" }),
        );
    }
    org.store.put(&org.schema, activity, &id, &owner);
}

/// The day of the latest past event or finished task of a person, company or deal.
pub(super) fn last_day(org: &Org, object: &Object, row: &Row) -> Option<String> {
    let id = text(row, "Id")?;
    let by = match object.name.as_str() {
        "Account" => "AccountId",
        "Opportunity" => "WhatId",
        _ => "WhoId",
    };
    let today = times::day(org.now);
    let mut days: Vec<&str> = Vec::new();
    for activity in ["Event", "Task"] {
        let rows = org.store.find(activity, by, id).into_iter();
        let rows = rows.filter_map(|id| org.store.get(activity, &id));
        let done = |row: &&Row| activity == "Event" || yes(row, "IsClosed");
        let live = rows.filter(|row| !store::is_deleted(row)).filter(done);
        days.extend(live.filter_map(|row| text(row, "ActivityDate")));
    }
    let past = days.into_iter().filter(|day| *day <= today.as_str());
    past.max().map(str::to_owned)
}
