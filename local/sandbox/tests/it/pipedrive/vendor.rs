//! A caller of the fake Pipedrive, whose answers are checked against the vendor's specification.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::caller::{Caller, Reply};
use crate::spec;

pub struct Vendor {
    pub caller: Caller,
    pub token: String,
    specs: Option<[Value; 2]>,
}

/// The vendor's examples have null where the specification does not say so.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

impl Vendor {
    pub fn new(name: &str) -> Self {
        let caller = Caller::new("pipedrive");
        let token = caller.has("access_token");
        // The vendor's own examples of v1 have times without a zone where it says `date-time`.
        let read = |folder: &std::path::Path, file: &str| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let text = if file.contains("-v1-") {
                text.replace("\"date-time\"", "\"text\"")
            } else {
                text
            };
            serde_json::from_str(&text).unwrap()
        };
        let specs = spec::specs(name).map(|folder| {
            ["pipedrive-v1-trimmed.json", "pipedrive-v2.json"].map(|file| read(&folder, file))
        });
        Self {
            caller,
            token,
            specs,
        }
    }

    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.caller.base))
            .header("authorization", format!("Bearer {}", self.token));
        let request = if body.is_null() {
            request.body(Bytes::new())
        } else {
            let request = request.header("content-type", "application/json");
            request.body(Bytes::from(body.to_string()))
        };
        request.unwrap()
    }

    /// A call whose answer, if it is a success, must be as the specification says.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let reply = self.caller.send(self.request(method, path, &body)).await;
        let plain = path.split('?').next().unwrap();
        // A webhook's `is_active` is an object by the specification, and 1 in its example.
        let is_checked = reply.status < 300 && !plain.contains("/webhooks");
        if let (true, Some([v1, v2])) = (is_checked, &self.specs) {
            let (spec, rest) = match plain.strip_prefix("/api/v2") {
                Some(rest) => (v2, rest),
                None => (
                    v1,
                    plain.trim_start_matches("/api").trim_start_matches("/v1"),
                ),
            };
            let paths = spec["paths"].as_object().unwrap();
            let fits = |template: &str| {
                let (one, other) = (template.split('/'), rest.split('/'));
                template.split('/').count() == rest.split('/').count()
                    && one
                        .zip(other)
                        .all(|(one, other)| one == other || one.starts_with('{'))
            };
            let exact = paths.keys().find(|template| *template == rest);
            let template = exact.or_else(|| paths.keys().find(|template| fits(template)));
            let template = template.unwrap_or_else(|| panic!("{rest} is not the vendor's"));
            let responses = &paths[template][method.to_lowercase()]["responses"];
            let body = without_nulls(&reply.body);
            spec::check(spec, responses, reply.status, &body, path);
        }
        reply
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    /// What a successful call answers as `data`.
    pub async fn data(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        assert_eq!(reply.body["success"], true);
        reply.body["data"].clone()
    }

    /// The id of a seed person.
    pub async fn person(&self, email: &str) -> u64 {
        let path = format!("/api/v2/persons/search?term={email}&fields=email&exact_match=true");
        let found = self.data("GET", &path, Value::Null).await;
        found["items"][0]["item"]["id"].as_u64().unwrap()
    }
}
