//! Checks one value of a body, and gives it the form in which it is kept.

use serde_json::{Map, Value, json};

use super::company::Company;
use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};
use super::times;

/// The longest HTML of a note.
const MOST_HTML: usize = 100_000;
const PLACE: [&str; 10] = [
    "value",
    "country",
    "admin_area_level_1",
    "admin_area_level_2",
    "locality",
    "sublocality",
    "route",
    "street_number",
    "subpremise",
    "postal_code",
];

pub(super) fn checked(
    company: &Company,
    kind: Kind,
    (name, shape): (&str, Shape),
    value: &Value,
) -> Outcome<Value> {
    let wrong = |why: &str| Err(Refusal::invalid(name, why));
    match shape {
        Shape::PrimaryPerson => {
            return Err(Refusal::bad(
                "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. For example: \
                 \"participants\": [{ \"person_id\": 1, \"primary\": true }]",
            ));
        }
        Shape::Synced if !company.settings.contact_sync => {
            let error = format!("The field {name} needs contact sync");
            return Err(Refusal::new(403, "ERR_FORBIDDEN", error));
        }
        Shape::Synced => return Ok(value.clone()),
        Shape::Nowhere if !value.is_null() => return wrong("This value was not found."),
        _ => {}
    }
    if value.is_null() {
        let needed = matches!(
            shape,
            Shape::Name | Shape::Flag | Shape::ActivityType | Shape::Status | Shape::Custom
        );
        return if needed {
            wrong("This value should not be null.")
        } else {
            Ok(Value::Null)
        };
    }
    match shape {
        Shape::Name => text(name, value, 255).and_then(|text| match text.trim() {
            "" => wrong("This value should not be blank."),
            _ => Ok(json!(text)),
        }),
        Shape::Text(most) => text(name, value, most).map(|text| json!(text)),
        Shape::Html => {
            let text = text(name, value, MOST_HTML)?;
            Ok(json!(sanitised(text, company.settings.strip_comments)))
        }
        Shape::Flag if value.is_boolean() => Ok(value.clone()),
        Shape::Flag => wrong("This value should be of type bool."),
        Shape::Whole if value.is_i64() || value.is_u64() => Ok(value.clone()),
        Shape::Whole => wrong("This value should be of type int."),
        Shape::Number if value.is_number() => Ok(value.clone()),
        Shape::Number => wrong("This value should be of type numeric."),
        Shape::Date if value.as_str().is_some_and(times::is_date) => Ok(value.clone()),
        Shape::Date => wrong("This value is not a valid date."),
        Shape::Time | Shape::Duration => {
            let clock = value.as_str();
            let clock = clock.and_then(|text| times::clock(text, shape == Shape::Duration));
            clock.map_or_else(
                || wrong("This value is not a valid datetime."),
                |clock| Ok(json!(clock)),
            )
        }
        Shape::Moment => match value.as_str().and_then(times::moment) {
            Some(at) => Ok(json!(times::written(at))),
            None => wrong("This value is not a valid datetime."),
        },
        Shape::User => match value.as_u64() {
            Some(id) if company.is_user(id) => Ok(value.clone()),
            Some(_) => wrong("This user was not found."),
            None => wrong("This value should be of type int."),
        },
        Shape::Of(other) => there(company, name, other, value),
        Shape::ActivityType => match value.as_str() {
            Some(key) if company.settings.activity_types.iter().any(|one| one == key) => {
                Ok(value.clone())
            }
            Some(_) => wrong("This activity type does not exist."),
            None => wrong("This value should be of type string."),
        },
        Shape::Address => place(name, value),
        Shape::Channels => channels(name, value),
        Shape::Participants => participants(company, value),
        Shape::Attendees => attendees(company, value),
        Shape::Numbers => match value.as_array() {
            Some(ids) if ids.iter().all(Value::is_u64) => Ok(value.clone()),
            _ => wrong("This value should be a list of ids."),
        },
        Shape::Visible if [1, 3, 5, 7].map(Some).contains(&value.as_u64()) => Ok(value.clone()),
        Shape::Status if ["open", "won", "lost"].map(Some).contains(&value.as_str()) => {
            Ok(value.clone())
        }
        Shape::Visible | Shape::Status => wrong("The value you selected is not a valid choice."),
        Shape::Currency => match value.as_str() {
            Some(code) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                Ok(value.clone())
            }
            _ => wrong("This value is not a valid currency."),
        },
        Shape::Custom => company.fields.custom(kind, value),
        Shape::Synced | Shape::Nowhere | Shape::PrimaryPerson => Ok(value.clone()),
    }
}

fn text<'a>(name: &str, value: &'a Value, most: usize) -> Outcome<&'a str> {
    let text = value.as_str();
    let text =
        text.ok_or_else(|| Refusal::invalid(name, "This value should be of type string."))?;
    if text.chars().count() > most {
        let why = format!("This value is too long. It should have {most} characters or less.");
        return Err(Refusal::invalid(name, &why));
    }
    Ok(text)
}

/// A record that is there.
fn there(company: &Company, name: &str, kind: Kind, value: &Value) -> Outcome<Value> {
    let Some(id) = value.as_u64() else {
        return Err(Refusal::invalid(name, "This value should be of type int."));
    };
    if company.store.live(kind, id).is_none() {
        let why = format!("{} {id} was not found.", kind.title());
        return Err(Refusal::invalid(name, &why));
    }
    Ok(value.clone())
}

fn place(name: &str, value: &Value) -> Outcome<Value> {
    let known = value.as_object().is_some_and(|members| {
        let mut members = members.iter();
        members.all(|(name, value)| {
            PLACE.contains(&name.as_str()) && (value.is_string() || value.is_null())
        })
    });
    if !known {
        return Err(Refusal::invalid(name, "This value is not a valid address."));
    }
    let shown = PLACE.map(|part| {
        let value = value.get(part).cloned().unwrap_or_default();
        (part.to_owned(), value)
    });
    Ok(Value::Object(shown.into_iter().collect()))
}

/// The members of each entry of a list, none of which is unknown.
fn entries<'a>(
    name: &str,
    value: &'a Value,
    known: &[&str],
) -> Outcome<Vec<&'a Map<String, Value>>> {
    let wrong = |why: &str| Refusal::invalid(name, why);
    let list = value
        .as_array()
        .ok_or_else(|| wrong("This value should be of type array."))?;
    list.iter()
        .map(|entry| {
            let entry = entry
                .as_object()
                .ok_or_else(|| wrong("Each entry should be an object."))?;
            match entry.keys().find(|key| !known.contains(&key.as_str())) {
                Some(key) => Err(wrong(&format!("The field {key} was not expected."))),
                None => Ok(entry),
            }
        })
        .collect()
}

fn flag(entry: &Map<String, Value>, name: &str) -> Outcome<bool> {
    match entry.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::invalid(name, "This value should be of type bool.")),
    }
}

/// Addresses and numbers: one of them is the primary one.
fn channels(name: &str, value: &Value) -> Outcome<Value> {
    let mut shown = Vec::new();
    for entry in entries(name, value, &["value", "primary", "label"])? {
        let value = entry.get("value").and_then(Value::as_str);
        let value = value.filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| Refusal::invalid(name, "Each entry needs a value."))?;
        let label = entry.get("label").and_then(Value::as_str).unwrap_or("work");
        shown.push((value, flag(entry, "primary")?, label));
    }
    if shown.iter().filter(|(_, primary, _)| *primary).count() > 1 {
        return Err(Refusal::invalid(name, "Only one entry can be primary."));
    }
    let none = !shown.iter().any(|(_, primary, _)| *primary);
    let shown = shown
        .into_iter()
        .enumerate()
        .map(|(place, (value, primary, label))| {
            json!({ "value": value, "primary": primary || (none && place == 0), "label": label })
        });
    Ok(shown.collect())
}

fn participants(company: &Company, value: &Value) -> Outcome<Value> {
    let name = "participants";
    let mut shown: Vec<(u64, bool)> = Vec::new();
    for entry in entries(name, value, &["person_id", "primary"])? {
        let person = entry.get("person_id").cloned().unwrap_or_default();
        there(company, "participants.person_id", Kind::Person, &person)?;
        let id = person.as_u64().unwrap_or_default();
        if shown.iter().any(|(known, _)| *known == id) {
            return Err(Refusal::invalid(name, "A person is there twice."));
        }
        shown.push((id, flag(entry, "primary")?));
    }
    if shown.iter().filter(|(_, primary)| *primary).count() > 1 {
        return Err(Refusal::invalid(
            name,
            "Only one participant can be primary.",
        ));
    }
    let none = !shown.iter().any(|(_, primary)| *primary);
    if let (true, Some(first)) = (none, shown.first_mut()) {
        first.1 = true;
    }
    let shown = shown.into_iter();
    Ok(shown
        .map(|(id, primary)| json!({ "person_id": id, "primary": primary }))
        .collect())
}

fn attendees(company: &Company, value: &Value) -> Outcome<Value> {
    let name = "attendees";
    let known = [
        "email",
        "name",
        "status",
        "is_organizer",
        "person_id",
        "user_id",
    ];
    let mut shown = Vec::new();
    for entry in entries(name, value, &known)? {
        let email = entry.get("email").and_then(Value::as_str);
        let Some(email) = email.filter(|email| email.contains('@')) else {
            return Err(Refusal::invalid(
                name,
                "Each attendee needs an e-mail address.",
            ));
        };
        let person = entry.get("person_id").cloned().unwrap_or_default();
        if !person.is_null() {
            there(company, "attendees.person_id", Kind::Person, &person)?;
        }
        shown.push(json!({
            "email": email,
            "name": entry.get("name").and_then(Value::as_str).unwrap_or(email),
            "status": entry.get("status").and_then(Value::as_str).unwrap_or("noreply"),
            "is_organizer": flag(entry, "is_organizer")?,
            "person_id": person,
            "user_id": entry.get("user_id"),
        }));
    }
    Ok(Value::Array(shown))
}

/// HTML without scripts, styles and handlers, and without comments where `comments` says so.
pub(super) fn sanitised(html: &str, comments: bool) -> String {
    let mut clean = html.to_owned();
    let mut pairs = vec![("<script", "</script>"), ("<style", "</style>")];
    if comments {
        pairs.push(("<!--", "-->"));
    }
    for (open, close) in pairs {
        while let Some(start) = clean.to_ascii_lowercase().find(open) {
            let rest = clean.get(start..).unwrap_or_default().to_ascii_lowercase();
            let end = rest
                .find(close)
                .map_or(clean.len(), |at| start + at + close.len());
            clean.replace_range(start..end, "");
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::sanitised;

    #[test]
    fn scripts_go_and_words_stay() {
        let html = "<b>a</b><!-- key --><SCRIPT>x()</script>b<style>p{}";
        assert_eq!(sanitised(html, true), "<b>a</b>b");
        assert_eq!(sanitised(html, false), "<b>a</b><!-- key -->b");
        assert_eq!(sanitised("1 < 2 & ß", true), "1 < 2 & ß");
    }
}
