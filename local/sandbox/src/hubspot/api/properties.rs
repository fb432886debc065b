//! Properties and their groups: list, read, make, change, take away.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::portal::Portal;
use super::super::schema::Property;
use super::super::times;
use super::{Access, BATCH_MOST, Call, method_not_allowed};

const TYPES: &[&str] = &[
    "bool",
    "date",
    "datetime",
    "enumeration",
    "number",
    "phone_number",
    "string",
];
const FIELDS: &[&str] = &[
    "booleancheckbox",
    "calculation_equation",
    "checkbox",
    "date",
    "file",
    "html",
    "number",
    "phonenumber",
    "radio",
    "select",
    "text",
    "textarea",
];
const UNIQUE_MOST: usize = 10;
const NAME_LONGEST: usize = 100;

pub(super) fn answer(
    portal: &mut Portal,
    call: &Call,
    access: &Access,
    kind: Kind,
    rest: &[&str],
) -> Outcome<Answer> {
    let method = call.method.as_str();
    if method == "GET" || rest == ["batch", "read"] {
        // The vendor lets any right to any type of record read all definitions.
        if !access
            .scopes
            .iter()
            .any(|s| s.starts_with("crm.") || s == "tickets")
        {
            return Err(Refusal::missing_scopes(&[
                "crm.schemas.contacts.read",
                kind.scope(false),
            ]));
        }
    } else {
        access.any(&[
            "crm.schemas.contacts.write",
            "crm.schemas.companies.write",
            "crm.schemas.deals.write",
            "tickets",
        ])?;
    }
    match (method, rest) {
        ("GET", []) => {
            let all = portal
                .object(kind)
                .properties
                .iter()
                .filter(|_| !call.flag("archived"));
            Ok(Answer::json(
                200,
                json!({ "results": all.map(Property::shown).collect::<Vec<_>>() }),
            ))
        }
        ("POST", []) => Ok(Answer::json(201, make(portal, kind, call.body()?)?)),
        ("GET", ["groups"]) => {
            let groups = portal.object(kind).groups.iter().enumerate();
            let groups: Vec<Value> = groups
                .map(|(order, group)| group_shown(group, order))
                .collect();
            Ok(Answer::json(200, json!({ "results": groups })))
        }
        ("POST", ["groups"]) => make_group(portal, call, kind),
        ("GET", ["groups", name]) => {
            let mut groups = portal.object(kind).groups.iter();
            let group = groups
                .find(|(group, _)| group == name)
                .ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, group_shown(group, 0)))
        }
        ("POST", ["batch", "read"]) => read_batch(portal, call, kind),
        ("POST", ["batch", "create"]) => {
            let (mut results, mut errors) = (Vec::new(), Vec::new());
            for input in call.inputs(BATCH_MOST)? {
                match make(portal, kind, input) {
                    Ok(made) => results.push(made),
                    Err(refusal) => errors.push(refusal.entry(None)),
                }
            }
            let status = if call.version.dated() { 200 } else { 201 };
            Ok(super::batch(portal, call, status, results, errors))
        }
        ("POST", ["batch", "archive"]) => {
            for input in call.inputs(BATCH_MOST)? {
                let name = input.get("name").and_then(Value::as_str);
                let name = name.ok_or_else(|| Refusal::fields_missing(&["name"]))?;
                take_away(portal, kind, name)?;
            }
            Ok(Answer::empty(204))
        }
        ("PATCH" | "DELETE", ["groups", name]) => {
            let object = portal.schema.object_mut(kind);
            let mut groups = object.groups.iter_mut().enumerate();
            let (order, group) = groups
                .find(|(_, (group, _))| group == name)
                .ok_or_else(Refusal::not_found)?;
            if method == "DELETE" {
                object.groups.remove(order);
                return Ok(Answer::empty(204));
            }
            if let Some(label) = call.body()?.get("label").and_then(Value::as_str) {
                label.clone_into(&mut group.1);
            }
            Ok(Answer::json(200, group_shown(group, order)))
        }
        ("GET", [name]) => {
            let property = portal
                .schema
                .property(kind, name)
                .ok_or_else(|| absent(name))?;
            Ok(Answer::json(200, property.shown()))
        }
        ("PATCH", [name]) => change(portal, call, kind, name),
        ("DELETE", [name]) => {
            take_away(portal, kind, name)?;
            Ok(Answer::empty(204))
        }
        (_, [] | [_] | ["groups", _]) => Err(method_not_allowed()),
        _ => Err(Refusal::not_found()),
    }
}

fn absent(name: &str) -> Refusal {
    let message = format!("Property {name} does not exist");
    Refusal::new(404, "OBJECT_NOT_FOUND", message).with("propertyName", &[name])
}

/// A property that a caller may change or take away.
fn own<'a>(portal: &'a Portal, kind: Kind, name: &str) -> Outcome<&'a Property> {
    let property = portal
        .schema
        .property(kind, name)
        .ok_or_else(|| absent(name))?;
    if property.defined {
        let message = format!("Property {name} is defined by HubSpot and cannot be changed");
        return Err(Refusal::validation(message));
    }
    Ok(property)
}

fn take_away(portal: &mut Portal, kind: Kind, name: &str) -> Outcome<()> {
    own(portal, kind, name)?;
    let object = portal.schema.object_mut(kind);
    object.properties.retain(|property| property.name != name);
    portal.store.reindex(&portal.schema);
    Ok(())
}

fn group_shown((name, label): &(String, String), order: usize) -> Value {
    json!({ "name": name, "label": label, "displayOrder": order, "archived": false })
}

fn make_group(portal: &mut Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let body = call.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(name), Some(label)) = (text("name"), text("label")) else {
        return Err(Refusal::fields_missing(&["label", "name"]));
    };
    let object = portal.schema.object_mut(kind);
    if object.groups.iter().any(|(known, _)| *known == name) {
        let message = format!("Property group {name} already exists");
        return Err(Refusal::new(409, "OBJECT_ALREADY_EXISTS", message));
    }
    let (group, order) = ((name, label), object.groups.len());
    let shown = group_shown(&group, order);
    object.groups.push(group);
    Ok(Answer::json(201, shown))
}

fn read_batch(portal: &Portal, call: &Call, kind: Kind) -> Outcome<Answer> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for input in call.inputs(BATCH_MOST)? {
        let name = input.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| Refusal::fields_missing(&["name"]))?;
        match portal.schema.property(kind, name) {
            Some(property) => results.push(property.shown()),
            None => errors.push(absent(name).entry(None)),
        }
    }
    Ok(super::batch(portal, call, 200, results, errors))
}

fn options(body: &Value) -> Outcome<Vec<(String, String)>> {
    let list = match body.get("options") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Refusal::shape("options")),
    };
    let read = |option: &Value| {
        let text = |name: &str| option.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((text("value")?, text("label")?))
    };
    let read: Option<Vec<_>> = list.iter().map(read).collect();
    read.ok_or_else(|| Refusal::fields_missing(&["label", "value"]))
}

/// Makes a property; gives it as it leaves.
fn make(portal: &mut Portal, kind: Kind, body: &Value) -> Outcome<Value> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let needed = ["fieldType", "groupName", "label", "name", "type"];
    let missing: Vec<&str> = needed
        .into_iter()
        .filter(|name| text(name).is_empty())
        .collect();
    if !missing.is_empty() {
        return Err(Refusal::fields_missing(&missing));
    }
    let yes = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    let property = Property {
        name: text("name").to_owned(),
        label: text("label").to_owned(),
        description: text("description").to_owned(),
        is: text("type").to_owned(),
        field: text("fieldType").to_owned(),
        group: text("groupName").to_owned(),
        options: options(body)?,
        unique: yes("hasUniqueValue"),
        hidden: yes("hidden"),
        made: Some(times::written(portal.now)),
        ..Property::default()
    };
    let name = property.name.as_str();
    let shape = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= NAME_LONGEST;
    if !shape {
        let message = format!(
            "Property name {name} is invalid: lower-case letters, digits and underscores only"
        );
        return Err(Refusal::validation(message));
    }
    if !TYPES.contains(&property.is.as_str()) || !FIELDS.contains(&property.field.as_str()) {
        let message = format!(
            "Property type {} does not go with field type {}",
            property.is, property.field
        );
        return Err(Refusal::validation(message));
    }
    let object = portal.object(kind);
    if object.property(name).is_some() {
        let message = format!("Property {name} already exists");
        return Err(Refusal::new(409, "OBJECT_ALREADY_EXISTS", message).with("name", &[name]));
    }
    if !object
        .groups
        .iter()
        .any(|(group, _)| *group == property.group)
    {
        let message = format!("Property group {} does not exist", property.group);
        return Err(Refusal::validation(message).with("groupName", &[&property.group]));
    }
    if property.unique {
        if kind.is_activity() && !portal.settings.unique_property {
            let message = format!("{} does not support unique properties", kind.name());
            return Err(Refusal::validation(message));
        }
        if !matches!(property.is.as_str(), "string" | "number") {
            return Err(Refusal::validation("Only text and numbers may be unique"));
        }
        let own = object.properties.iter().filter(|p| p.unique && !p.defined);
        if own.count() >= UNIQUE_MOST {
            let message = format!(
                "{} has {UNIQUE_MOST} unique properties already",
                kind.name()
            );
            return Err(Refusal::new(400, "PROPERTY_LIMIT_REACHED", message));
        }
    }
    let shown = property.shown();
    portal.schema.object_mut(kind).properties.push(property);
    Ok(shown)
}

fn change(portal: &mut Portal, call: &Call, kind: Kind, name: &str) -> Outcome<Answer> {
    let body = call.body()?;
    let mut changed = own(portal, kind, name)?.clone();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    for (place, value) in [
        (&mut changed.label, text("label")),
        (&mut changed.description, text("description")),
        (&mut changed.field, text("fieldType")),
    ] {
        if let Some(value) = value {
            *place = value;
        }
    }
    if body.get("options").is_some() {
        changed.options = options(body)?;
    }
    // Whether it is unique can not be changed: the member is not looked at.
    let shown = changed.shown();
    let mut all = portal.schema.object_mut(kind).properties.iter_mut();
    if let Some(place) = all.find(|p| p.name == name) {
        *place = changed;
    }
    Ok(Answer::json(200, shown))
}
