//! The samples of `events/`, filled in and signed.
//!
//! A sample holds placeholders like `{{webhook-id}}`, since signatures expire and ids are made.
//! `{{payloads/<file>}}` stands for a file of `events/payloads`.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::{INGEST, World};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");

/// A file of `events/payloads`: an event as liveprompt sends it.
pub fn payload(file: &str) -> Value {
    serde_json::from_str(&read(&format!("payloads/{file}"))).expect("a payload in JSON")
}

/// The HTTP request that an API Gateway event stands for.
pub fn request(event: &Value) -> Request<Bytes> {
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let query = text("/rawQueryString");
    let separator = if query.is_empty() { "" } else { "?" };
    let mut request = Request::builder()
        .method(text("/requestContext/http/method"))
        .uri(format!("{}{separator}{query}", text("/rawPath")));
    for (name, value) in event["headers"].as_object().expect("headers") {
        request = request.header(name, value.as_str().expect("a header"));
    }
    for cookie in event["cookies"].as_array().into_iter().flatten() {
        request = request.header("cookie", cookie.as_str().expect("a cookie"));
    }
    request
        .body(text("/body").to_owned().into())
        .expect("a request")
}

impl World {
    /// A sample as Lambda gets it, signed now. `fills` are placeholders and their values.
    pub fn event(&self, file: &str, fills: &[(&str, &str)]) -> Value {
        let mut event: Value = serde_json::from_str(&read(file)).expect("an event in JSON");
        let sent_at = self.clock.now().as_millisecond().to_string();
        let known = [("sent-at-ms", sent_at.as_str()), ("ingest-sender", INGEST)];
        fill(&mut event, &|name| {
            if name.starts_with("payloads/") {
                return Some(read(name));
            }
            let found = fills.iter().chain(&known).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        match event.get_mut("Records").and_then(Value::as_array_mut) {
            Some(records) => records
                .iter_mut()
                .for_each(|record| self.fill_signature(record)),
            None => self.fill_signature(&mut event),
        }
        assert!(
            !event.to_string().contains("{{"),
            "not all is filled in: {event:#}"
        );
        event
    }

    fn fill_signature(&self, signed: &mut Value) {
        if signed.to_string().contains("{{webhook-") {
            let body = signed["body"].as_str().unwrap_or_default().to_owned();
            let signature = self.sign(body.as_bytes());
            fill(signed, &|name| signature.get(name).cloned());
        }
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{file}")).expect("a sample of events/")
}

/// Puts values into all texts; a name without a value stays.
fn fill(value: &mut Value, of: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => *text = filled(text, of),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, of)),
        Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, of: &impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split("{{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let found = part
            .split_once("}}")
            .and_then(|(name, rest)| Some((of(name)?, rest)));
        match found {
            Some((value, rest)) => whole.extend([value.as_str(), rest]),
            None => whole.extend(["{{", part]),
        }
    }
    whole
}
