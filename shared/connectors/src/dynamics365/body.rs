//! One record as a change set: its content, its people, its state.

use hub_domain::{Verdict, Write};
use serde_json::{Map, Value, json};

use super::{
    batch::{Inner, Part},
    id_of, identifier, primary_key,
    read::{CONTACTS, LEADS},
};

use crate::mapped::mapped;

/// What an activity is called, the state and status it is reopened with, and who may take part in which role.
struct Activity {
    set: &'static str,
    table: &'static str,
    reopened: (u8, u8),
    /// The role of the person who holds it, and of the others.
    roles: Option<(u8, u8)>,
}

/// Organizer 7 and required attendee 5, sender 1 and recipient 2
/// (<https://learn.microsoft.com/power-apps/developer/data-platform/activityparty-entity>).
const ACTIVITIES: [Activity; 3] = [
    Activity {
        set: "appointments",
        table: "appointment",
        reopened: (3, 5),
        roles: Some((7, 5)),
    },
    Activity {
        set: "phonecalls",
        table: "phonecall",
        reopened: (0, 1),
        roles: Some((1, 2)),
    },
    Activity {
        set: "tasks",
        table: "task",
        reopened: (0, 2),
        roles: None,
    },
];

fn activity(set: &str) -> Option<&'static Activity> {
    ACTIVITIES.iter().find(|activity| activity.set == set)
}

pub(super) fn is_activity(set: &str) -> bool {
    activity(set).is_some()
}

/// The state is a step of its own.
const STATE: [&str; 2] = ["statecode", "statuscode"];

/// Whether the mapping says in which state the record is.
pub(super) fn has_state(write: &Write) -> bool {
    write.fields.contains_key("statecode")
}

/// The requests of one record.
///
/// # Errors
/// A mapping that cannot be carried out.
pub(super) fn change_set(write: &Write, user: &str) -> Result<Part, Verdict> {
    let set = identifier(&write.object)?;
    let address = format!("{set}({})", id_of(write));
    let patch = |headers, body| Inner {
        method: "PATCH",
        path: address.clone(),
        headers,
        body: Some(Value::Object(body)),
    };
    let (mut content, mut state) = (Map::new(), Map::new());
    for (name, value) in fields(write)? {
        let step = if STATE.contains(&name.as_str()) {
            &mut state
        } else {
            &mut content
        };
        step.insert(name, value);
    }
    let there: &[&str] = &["If-Match: *"];
    let mut requests = Vec::new();
    if write.id.is_none() {
        relate(&mut content, write, user)?;
        requests.push(patch(&["If-None-Match: *"], content));
    } else {
        if let (Some(activity), false) = (activity(set), state.is_empty()) {
            let (code, status) = activity.reopened;
            let reopened = [("statecode", code), ("statuscode", status)];
            let reopened = reopened.map(|(name, value)| (name.to_owned(), json!(value)));
            requests.push(patch(there, Map::from_iter(reopened)));
        }
        requests.push(patch(there, content));
    }
    if !state.is_empty() {
        requests.push(patch(there, state));
    }
    Ok(Part::ChangeSet(requests))
}

/// The columns to write.
fn fields(write: &Write) -> Result<Map<String, Value>, Verdict> {
    let key = primary_key(&write.object);
    let ours = |name: &str| {
        if name == key {
            Some("is the record's key and cannot be mapped")
        } else if is_property(name) {
            None
        } else {
            Some("is not the name of a column or of a binding (like ownerid_task@odata.bind)")
        }
    };
    mapped(write, ours, |_, field| {
        let nothing = field.value.is_null() || field.value.as_str() == Some("");
        Ok((!nothing).then(|| field.value.clone()))
    })
}

fn is_property(name: &str) -> bool {
    let name = name.strip_suffix("@odata.bind").unwrap_or(name);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Relates an activity to its people and to what it is about: the company, else the first person.
fn relate(content: &mut Map<String, Value>, write: &Write, user: &str) -> Result<(), Verdict> {
    let Some(activity) = activity(&write.object) else {
        return Ok(());
    };
    let mut people: Vec<(&str, String)> = Vec::new();
    for person in &write.people {
        let table = match person.object.as_str() {
            CONTACTS => "contact",
            LEADS => "lead",
            _ => continue,
        };
        let record = (table, format!("/{}({})", person.object, person.id));
        if !people.contains(&record) {
            people.push(record);
        }
    }
    let company = write
        .company
        .as_ref()
        .map(|id| ("account", format!("/accounts({id})")));
    if let Some((table, record)) = company.as_ref().or(people.first()) {
        let name = format!("regardingobjectid_{table}_{}@odata.bind", activity.table);
        content.entry(name).or_insert_with(|| json!(record));
    }
    let Some((holder, other)) = activity.roles else {
        return Ok(());
    };
    let party = |role: u8, table: &str, record: &str| {
        let mut party = Map::new();
        party.insert("participationtypemask".to_owned(), json!(role));
        party.insert(format!("partyid_{table}@odata.bind"), json!(record));
        Value::Object(party)
    };
    let mut parties: Vec<Value> = people
        .iter()
        .map(|(table, record)| party(other, table, record))
        .collect();
    if !user.is_empty() {
        if !user.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            let reason = "the setting user is not the id of a user (systemuserid)".to_owned();
            return Err(Verdict::Misconfigured { reason });
        }
        parties.push(party(
            holder,
            "systemuser",
            &format!("/systemusers({user})"),
        ));
    }
    if !parties.is_empty() {
        let name = format!("{}_activity_parties", activity.table);
        content.insert(name, Value::Array(parties));
    }
    Ok(())
}
