//! The Web API: which call a path means.

mod actions;
mod batch;
mod metadata;
mod records;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value};

use super::environment::Environment;
use super::query::Prefer;
use super::refusal::{Outcome, Refusal};
use super::{address, values};
use crate::oauth::{Answer, header};

pub(super) use batch::{Part, parts, respond as batch};

/// One request, taken apart.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) segments: Vec<String>,
    pub(super) options: Vec<(String, String)>,
    pub(super) prefer: Prefer,
    /// The address as it was sent, without a token of a page.
    pub(super) address: String,
    request: &'a Request<Bytes>,
}

impl Call<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(self.request, name)
    }

    /// The body as a JSON object.
    pub(super) fn body(&self, set: &str) -> Outcome<Map<String, Value>> {
        let kind = self.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            let message = "A supported MIME type could not be found that matches the content type of the request.";
            return Err(Refusal::new(415, "0x0", message));
        }
        let body: Option<Value> = serde_json::from_slice(self.request.body()).ok();
        let Some(Value::Object(body)) = body else {
            let inner = "An unexpected end of input was found or the body is no JSON object.";
            return Err(Refusal::payload(set, inner));
        };
        Ok(body)
    }
}

/// Takes a request apart; `None` for a path outside the Web API.
fn call<'a>(env: &Environment, request: &'a Request<Bytes>) -> Option<Call<'a>> {
    let path = request.uri().path().strip_prefix("/api/data/")?;
    let (version, path) = path.split_once('/').unwrap_or((path, ""));
    if !matches!(version, "v9.0" | "v9.1" | "v9.2") {
        return None;
    }
    let query = request.uri().query().unwrap_or_default();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| {
            !part.is_empty()
                && !part.starts_with("$skiptoken=")
                && !part.starts_with("%24skiptoken=")
        })
        .collect();
    let joint = if kept.is_empty() { "" } else { "?" };
    Some(Call {
        method: request.method().as_str(),
        segments: address::segments(path),
        options: address::options(query),
        prefer: Prefer::of(request),
        address: format!(
            "{}{}{joint}{}",
            env.base_url,
            request.uri().path(),
            kept.join("&")
        ),
        request,
    })
}

/// Answers one request; those inside a batch come here, too.
pub(super) fn respond(env: &mut Environment, request: &Request<Bytes>) -> Answer {
    let Some(call) = call(env, request) else {
        let page = "<html><body>404 - File or directory not found.</body></html>";
        return Answer::html(404, page);
    };
    let answer = route(env, &call).unwrap_or_else(|refusal| refusal.answer());
    let applied = [
        (
            call.prefer.representation,
            "return=representation".to_owned(),
        ),
        (
            !call.prefer.annotations.is_empty(),
            format!(
                "odata.include-annotations=\"{}\"",
                call.prefer.annotations.join(",")
            ),
        ),
        (
            call.prefer.page.is_some(),
            format!("odata.maxpagesize={}", call.prefer.page_size()),
        ),
    ];
    let applied: Vec<String> = applied
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, text)| text)
        .collect();
    if applied.is_empty() || answer.status >= 300 {
        answer
    } else {
        answer.with("preference-applied", applied.join(","))
    }
}

fn route(env: &mut Environment, call: &Call<'_>) -> Outcome<Answer> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some((first, rest)) = segments.split_first() else {
        return Ok(ok(metadata::service(env)));
    };
    if first.starts_with("EntityDefinitions") {
        return metadata::respond(env, call);
    }
    if let Some(answer) = actions::respond(env, call, first, rest) {
        return answer;
    }
    records::respond(env, call)
}

/// An answer with a body.
pub(super) fn ok(body: Value) -> Answer {
    with_body(200, body)
}

#[expect(clippy::needless_pass_by_value, reason = "bodies are written in place")]
pub(super) fn with_body(status: u16, body: Value) -> Answer {
    let kind = "application/json; odata.metadata=minimal";
    Answer::new(status, kind, body.to_string()).with("odata-version", "4.0")
}

/// An answer without one.
pub(super) fn done() -> Answer {
    Answer::empty(204).with("odata-version", "4.0")
}

/// The method, as one of those a path takes.
fn refuse_method<T>(call: &Call<'_>) -> Outcome<T> {
    Err(Refusal::method(call.method))
}

/// A record's own address.
pub(super) fn link(env: &Environment, set: &str, id: &str) -> String {
    format!("{}/api/data/v9.2/{set}({id})", env.base_url)
}

/// A method of its name.
fn method(name: &str) -> Option<Method> {
    Method::from_bytes(name.as_bytes()).ok()
}

/// A GUID within parentheses, as in `EntityDefinitions(guid)`.
fn guid_of(text: &str) -> Option<String> {
    values::guid(text)
}
