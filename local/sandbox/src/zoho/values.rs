//! Checks one value of a record, and gives it the form in which it is kept.

use serde_json::{Map, Value, json};

use super::modules::{Field, Kind, module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};
use super::store::Row;
use super::times;

/// The module that a link of no fixed module leads to.
pub(super) const SE_MODULE: &str = "$se_module";

/// What is kept of a value; nothing where the link is lost.
pub(super) fn checked(
    org: &Org,
    field: &Field,
    value: &Value,
    related: Option<&str>,
) -> Outcome<Option<Value>> {
    let name = field.name;
    let expected = |what: &str| Err(Refusal::type_of(name, what));
    if value.is_null() || value == "" {
        return if field.mandatory {
            Err(Refusal::mandatory(name))
        } else {
            Ok(Some(Value::Null))
        };
    }
    let kept = match field.kind {
        Kind::Text(_) | Kind::Area(_) | Kind::Phone | Kind::Url => {
            let (_, _, most) = field.kind.types();
            json!(text(name, value, most)?)
        }
        Kind::Email => match text(name, value, 100)? {
            text if text.contains('@') && !text.contains(' ') => json!(text),
            _ => return expected("email"),
        },
        Kind::Pick(options) => match value.as_str() {
            Some(text) if org.settings.strict_picklists && !options.contains(&text) => {
                return expected("picklist");
            }
            Some(text) => json!(text),
            None => return expected("text"),
        },
        Kind::Flag if value.is_boolean() => value.clone(),
        Kind::Flag => return expected("boolean"),
        Kind::Whole if value.is_i64() => value.clone(),
        Kind::Whole => return expected("integer"),
        Kind::Money if value.is_number() => value.clone(),
        Kind::Money => return expected("double"),
        Kind::Date if value.as_str().is_some_and(times::is_date) => value.clone(),
        Kind::Date => return expected("date"),
        Kind::Moment => {
            let text = value.as_str().unwrap_or_default();
            let Some(at) = times::moment(text, org.settings.refuse_zulu) else {
                return expected("datetime");
            };
            json!(times::written(at, org.settings.offset_hours))
        }
        Kind::Minutes if value.as_str().and_then(times::seconds).is_some() => value.clone(),
        Kind::Minutes => return expected("mm:ss"),
        Kind::Of(other) => link(org, name, other, value)?,
        Kind::Related => match related {
            Some(other) if module(other).is_some() => link(org, name, other, value)?,
            Some(_) => return Err(Refusal::invalid(SE_MODULE)),
            None if org.settings.refuse_untyped_links => return Err(Refusal::invalid(name)),
            // The vendor says nothing, and keeps nothing.
            None => return Ok(None),
        },
        Kind::User => match id_in(value).and_then(|id| org.user(id)) {
            Some(user) => Value::Object(user),
            None => return Err(Refusal::no_id(name)),
        },
        Kind::People => people(org, name, value)?,
        Kind::Noted => return Ok(None),
    };
    Ok(Some(kept))
}

fn text<'a>(name: &str, value: &'a Value, most: usize) -> Outcome<&'a str> {
    let text = value.as_str();
    let text = text.ok_or_else(|| Refusal::type_of(name, "text"))?;
    if text.chars().count() > most {
        return Err(Refusal::invalid(name).with("maximum_length", most));
    }
    Ok(text)
}

/// The id in `{"id": "…"}`, or a plain one.
pub(super) fn id_in(value: &Value) -> Option<&str> {
    value.get("id").unwrap_or(value).as_str()
}

/// The name that a record goes by.
pub(super) fn title(row: &Row) -> Value {
    let names = [
        "Full_Name",
        "Account_Name",
        "Deal_Name",
        "Event_Title",
        "Subject",
    ];
    let mut names = names.iter().filter_map(|name| row.get(*name));
    names
        .find(|name| name.is_string())
        .cloned()
        .unwrap_or_default()
}

fn link(org: &Org, name: &str, module: &str, value: &Value) -> Outcome<Value> {
    let id = id_in(value).ok_or_else(|| Refusal::type_of(name, "jsonobject"))?;
    let row = org.store.get(module, id);
    let row = row.ok_or_else(|| Refusal::no_id(name))?;
    Ok(json!({ "name": title(row), "id": id }))
}

fn people(org: &Org, name: &str, value: &Value) -> Outcome<Value> {
    let list = value.as_array();
    let list = list.ok_or_else(|| Refusal::type_of(name, "jsonarray"))?;
    let mut people = Vec::new();
    for one in list {
        let who = one.get("participant").and_then(Value::as_str);
        let who = who.ok_or_else(|| Refusal::mandatory("participant"))?;
        let kind = one.get("type").and_then(Value::as_str).unwrap_or_default();
        let (shown, email) = match kind {
            "email" => (json!(null), json!(who)),
            "user" => {
                let user = org.user(who).ok_or_else(|| Refusal::no_id(name))?;
                let member = |of: &str| user.get(of).cloned().unwrap_or_default();
                (member("name"), member("email"))
            }
            "contact" | "lead" => {
                let module = if kind == "lead" { "Leads" } else { "Contacts" };
                let row = org.store.get(module, who);
                let row = row.ok_or_else(|| Refusal::no_id(name))?;
                (title(row), row.get("Email").cloned().unwrap_or_default())
            }
            _ => return Err(Refusal::invalid("type")),
        };
        let invited = one.get("invited") == Some(&json!(true));
        people.push(
            json!({ "type": kind, "participant": who, "name": shown, "Email": email,
            "invited": invited, "status": "not_known" }),
        );
    }
    Ok(Value::Array(people))
}

/// What the vendor's own members of a record say; they are kept beside the fields.
pub(super) fn meta(body: &Map<String, Value>, row: &Row) -> Option<String> {
    let named = body.get(SE_MODULE).or_else(|| row.get(SE_MODULE))?;
    named.as_str().map(str::to_owned)
}
