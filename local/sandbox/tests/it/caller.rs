//! A caller of any fake CRM with a clock of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use hub_sandbox::Sandbox;
use jiff::Timestamp;
use serde_json::Value;

pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-indeed";
pub const STATE: &str = "st&te";

pub struct Caller {
    pub sandbox: Sandbox,
    pub base: String,
    pub redirect: String,
    seconds: Arc<AtomicI64>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub text: String,
    pub headers: http::HeaderMap,
}

impl Caller {
    /// A fresh CRM at 2026-11-20T09:00:00Z.
    pub fn new(crm: &str) -> Self {
        let start: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        let seconds = Arc::new(AtomicI64::new(start.as_second()));
        let read = Arc::clone(&seconds);
        let clock = Arc::new(move || Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap());
        let base = format!("http://127.0.0.1:{}", Sandbox::default_port(crm));
        Self {
            sandbox: Sandbox::new(crm, &base, clock, 7).unwrap(),
            redirect: format!("http://127.0.0.1:3000/api/integrations/{crm}/callback"),
            base,
            seconds,
        }
    }

    pub fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn set(&self, settings: Value) {
        self.sandbox.set(&settings).unwrap();
    }

    pub fn fault(&self, fault: Value) {
        self.sandbox.add_fault(fault).unwrap();
    }

    /// One of the credentials.
    pub fn has(&self, name: &str) -> String {
        text(&self.sandbox.credentials()[name])
    }

    pub async fn send(&self, request: Request<Bytes>) -> Reply {
        read(self.sandbox.handle(request).await.expect("an answer"))
    }

    /// A GET with a query; `authorization` as the header where it is not empty.
    pub async fn get(&self, path: &str, authorization: &str) -> Reply {
        let request = Request::get(format!("{}{path}", self.base));
        let request = if authorization.is_empty() {
            request
        } else {
            request.header("authorization", authorization)
        };
        self.send(request.body(Bytes::new()).unwrap()).await
    }

    /// A visit to the authorize page.
    pub async fn visit(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.get(&format!("{path}?{}", encoded(fields)), "").await
    }

    pub async fn post(&self, path: &str, kind: &str, authorization: &str, body: String) -> Reply {
        let request = Request::post(format!("{}{path}", self.base)).header("content-type", kind);
        let request = if authorization.is_empty() {
            request
        } else {
            request.header("authorization", authorization)
        };
        self.send(request.body(Bytes::from(body)).unwrap()).await
    }

    pub async fn form(&self, path: &str, authorization: &str, fields: &[(&str, &str)]) -> Reply {
        let kind = "application/x-www-form-urlencoded";
        self.post(path, kind, authorization, encoded(fields)).await
    }

    /// The app's credentials as a header.
    pub fn basic(&self) -> String {
        basic(&self.has("client_id"), &self.has("client_secret"))
    }
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Fields with some of them replaced.
pub fn replaced<'a>(
    fields: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut fields = fields.to_vec();
    for (name, value) in more {
        fields.retain(|(other, _)| other != name);
        fields.push((name, value));
    }
    fields
}

/// The same; an empty value takes one away.
pub fn changed<'a>(
    fields: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut fields = replaced(fields, more);
    fields.retain(|(_, value)| !value.is_empty());
    fields
}

/// A parameter of the redirect.
pub fn parameter(reply: &Reply, name: &str) -> Option<String> {
    let location = reply.headers.get("location")?.to_str().unwrap();
    let url = url::Url::parse(location).unwrap();
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The code of a consent that was given.
pub fn code_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 302, "{}", reply.text);
    assert_eq!(parameter(reply, "state").as_deref(), Some(STATE));
    parameter(reply, "code").unwrap()
}

/// The value of a hidden field of a page.
pub fn field(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    let value = rest.split('"').next().unwrap();
    Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
}

/// What a JSON web token claims.
pub fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

pub fn read(response: Response<Bytes>) -> Reply {
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Reply {
        status: parts.status.as_u16(),
        body,
        text,
        headers: parts.headers,
    }
}

/// `base` with more fields.
pub fn with(base: Value, more: Value) -> Value {
    let (Value::Object(mut base), Value::Object(more)) = (base, more) else {
        panic!("two objects")
    };
    base.extend(more);
    Value::Object(base)
}
