//! What a caller says of a webhook: read whole, every fault noted.

use std::collections::BTreeMap;

use hub_domain::{
    Faults,
    limits::{MAX_SHORT, MAX_URL},
    reader::Reader,
    webhook::{
        EVENT_TYPES, MAX_CONDITIONS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_RATE_LIMIT,
        header_name_fault, is_header_value,
    },
};
use serde_json::Value;
use url::Url;

use crate::hub::Hub;

const MEMBERS: &str = "name, url, events, active, only, rate_limit, asymmetric or headers";

/// A webhook to create.
#[derive(Debug)]
pub struct NewWebhook {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) active: bool,
    pub(super) only: BTreeMap<String, Vec<String>>,
    pub(super) rate_limit: Option<u32>,
    pub(super) asymmetric: bool,
    pub(super) headers: BTreeMap<String, Option<String>>,
}

/// What is to be different of a webhook; what is not named stays.
#[derive(Debug, Default)]
pub struct WebhookChange {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) events: Option<Vec<String>>,
    pub(super) active: Option<bool>,
    pub(super) only: Option<BTreeMap<String, Vec<String>>>,
    pub(super) rate_limit: Option<u32>,
    pub(super) asymmetric: Option<bool>,
    /// By name in lower case; `None` takes a header away.
    pub(super) headers: BTreeMap<String, Option<String>>,
}

impl NewWebhook {
    /// Reads `{ name, url, events, active?, headers? { name: value } }`.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(hub: &Hub, value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let read = change(hub, value, true, &mut faults);
        match read {
            Some(WebhookChange {
                name: Some(name),
                url: Some(url),
                events: Some(events),
                active,
                only,
                rate_limit,
                asymmetric,
                headers,
            }) if faults.is_empty() => Ok(Self {
                name,
                url,
                events,
                active: active.unwrap_or(true),
                only: only.unwrap_or_default(),
                rate_limit,
                asymmetric: asymmetric.unwrap_or_default(),
                headers,
            }),
            _ => Err(faults),
        }
    }
}

impl WebhookChange {
    /// Reads a part of a webhook. A header with the value `null` is taken away.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(hub: &Hub, value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let read = change(hub, value, false, &mut faults);
        match read {
            Some(read) if faults.is_empty() => Ok(read),
            _ => Err(faults),
        }
    }
}

fn change(hub: &Hub, value: &Value, new: bool, faults: &mut Faults) -> Option<WebhookChange> {
    let mut reader = Reader::new(value, "", faults)?;
    let text = |reader: &mut Reader<'_>, key: &str, most: usize, faults: &mut Faults| {
        // What is named is not blank, and a new one names it.
        if new || reader.value(key).is_some() {
            reader.required_text(key, most, faults)
        } else {
            None
        }
    };
    let name = text(&mut reader, "name", MAX_SHORT, faults);
    let url = text(&mut reader, "url", MAX_URL, faults);
    let url = url.and_then(|url| address(hub, url.trim(), faults));
    let events = events(&mut reader, new, faults);
    let active = reader.boolean("active", faults);
    let asymmetric = reader.boolean("asymmetric", faults);
    let only = reader
        .object("only", faults)
        .map(|given| only(&given.rest(), faults));
    let rate_limit = rate_limit(&mut reader, faults);
    let headers = reader
        .object("headers", faults)
        .map_or_else(BTreeMap::new, |given| headers(&given.rest(), new, faults));
    for unknown in reader.rest().keys() {
        faults.push(reader.at(unknown), "is unknown", MEMBERS);
    }
    Some(WebhookChange {
        name,
        url,
        events,
        active,
        only,
        rate_limit,
        asymmetric,
        headers,
    })
}

/// Conditions on the content: a JSON pointer into the event, and the values of which it leads to one.
fn only(
    given: &serde_json::Map<String, Value>,
    faults: &mut Faults,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    if given.len() > MAX_CONDITIONS {
        faults.push(
            "/only",
            format!("has {} conditions", given.len()),
            format!("at most {MAX_CONDITIONS}"),
        );
        return found;
    }
    for (pointer, values) in given {
        let place = format!("/only/{}", pointer.replace('~', "~0").replace('/', "~1"));
        if !pointer.starts_with("/payload/") || pointer.len() > MAX_SHORT {
            faults.push(
                place,
                "leads nowhere in an event",
                "a JSON pointer into it of at most 255 characters, like /payload/session/tags/team",
            );
            continue;
        }
        let list = values.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<String> = list
            .iter()
            .filter_map(|value| value.as_str())
            .filter(|text| text.chars().count() <= MAX_SHORT)
            .map(str::to_owned)
            .collect();
        if texts.is_empty() || texts.len() != list.len() || texts.len() > MAX_CONDITIONS {
            faults.push(
                place,
                "is no list of values",
                format!(
                    "a list of 1 to {MAX_CONDITIONS} strings of at most {MAX_SHORT} characters"
                ),
            );
            continue;
        }
        found.insert(pointer.clone(), texts);
    }
    found
}

fn rate_limit(reader: &mut Reader<'_>, faults: &mut Faults) -> Option<u32> {
    let value = reader
        .value("rate_limit")
        .filter(|value| !value.is_null())?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| (1..=MAX_RATE_LIMIT).contains(number));
    if number.is_none() {
        faults.push(
            "/rate_limit",
            "is no number of messages a second",
            format!("a whole number from 1 to {MAX_RATE_LIMIT}"),
        );
    }
    number
}

fn address(hub: &Hub, text: &str, faults: &mut Faults) -> Option<String> {
    let problem = match Url::parse(text) {
        Err(_) => "is no address".to_owned(),
        Ok(url) if url.fragment().is_some() => "has a fragment, which is never sent".to_owned(),
        Ok(url) => match hub.may_call(&url) {
            Ok(()) => return Some(url.to_string()),
            Err(refused) => format!("is refused: {refused}"),
        },
    };
    faults.push(
        "/url",
        problem,
        "an https address of a public host, on port 443 and without user and password, like https://crm.example/events",
    );
    None
}

fn events(reader: &mut Reader<'_>, new: bool, faults: &mut Faults) -> Option<Vec<String>> {
    let expected = || format!("one of {}", EVENT_TYPES.join(", "));
    if reader.value("events").is_none() {
        if new {
            faults.push(
                "/events",
                "is missing",
                format!("a list, each {}", expected()),
            );
        }
        return None;
    }
    let before = faults.0.len();
    let mut found: Vec<String> = reader.values(
        "events",
        EVENT_TYPES.len(),
        faults,
        |value, pointer, faults| match value.as_str() {
            Some(event) if EVENT_TYPES.contains(&event) => Some(event.to_owned()),
            Some(event) => {
                let event = hub_domain::text::cut(event, 100);
                faults.push(pointer, format!("is '{event}'"), expected());
                None
            }
            None => {
                faults.push(pointer, "is not a string", expected());
                None
            }
        },
    );
    if found.is_empty() && faults.0.len() == before {
        faults.push(
            "/events",
            "is empty",
            "at least one type; `active` turns a webhook off",
        );
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn headers(
    given: &serde_json::Map<String, Value>,
    new: bool,
    faults: &mut Faults,
) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let too_many = given.len() > MAX_HEADERS;
    let bytes: usize = given
        .iter()
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    if too_many || bytes > MAX_HEADER_BYTES {
        faults.push(
            "/headers",
            format!("has {} headers of {bytes} bytes", given.len()),
            format!("at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together"),
        );
        return found;
    }
    for (name, value) in given {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        if let Some((problem, expected)) = header_name_fault(name) {
            faults.push(pointer, problem, expected);
            continue;
        }
        let value = match value {
            Value::Null if !new => None,
            Value::String(value) if is_header_value(value) => Some(value.clone()),
            // The value is not repeated: it may be a secret.
            _ => {
                faults.push(
                    pointer,
                    "has a value that cannot be sent",
                    "a string of 1 to 2048 visible ASCII characters, without line breaks and without blanks at its ends",
                );
                continue;
            }
        };
        if found.insert(name.to_ascii_lowercase(), value).is_some() {
            faults.push(
                pointer,
                "stands there twice, in another spelling",
                "each header once; upper and lower case are the same",
            );
        }
    }
    found
}
