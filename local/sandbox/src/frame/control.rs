//! The control endpoints under `/__sandbox/`. They are not part of any CRM, are not logged and take
//! no fault.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{FaultError, Sandbox};

pub(super) const PREFIX: &str = "/__sandbox/";

pub(super) fn answer(sandbox: &Sandbox, request: &Request<Bytes>) -> Response<Bytes> {
    let what = request
        .uri()
        .path()
        .strip_prefix(PREFIX)
        .unwrap_or_default();
    match (request.method(), what) {
        (&Method::GET, "state") => json_answer(StatusCode::OK, &sandbox.state()),
        (&Method::GET, "requests") => json_answer(StatusCode::OK, &json!(sandbox.requests())),
        (&Method::GET, "credentials") => json_answer(StatusCode::OK, &sandbox.credentials()),
        (&Method::GET, "settings") => json_answer(StatusCode::OK, &sandbox.settings()),
        (&Method::GET, "faults") => json_answer(StatusCode::OK, &sandbox.faults()),
        (&Method::POST, "faults") => given(request, |body| sandbox.add_fault(body)),
        (&Method::POST, "settings") => given(request, |body| sandbox.set(&body)),
        (&Method::POST, "reset") => {
            sandbox.reset();
            empty()
        }
        (_, "state" | "requests" | "credentials" | "settings" | "faults" | "reset") => problem(
            StatusCode::METHOD_NOT_ALLOWED,
            None,
            "this endpoint has another method",
        ),
        _ => problem(StatusCode::NOT_FOUND, None, "no such control endpoint"),
    }
}

fn given(
    request: &Request<Bytes>,
    act: impl FnOnce(Value) -> Result<(), FaultError>,
) -> Response<Bytes> {
    let body = match serde_json::from_slice(request.body()) {
        Ok(body) => body,
        Err(error) => {
            return problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(""),
                &error.to_string(),
            );
        }
    };
    match act(body) {
        Ok(()) => empty(),
        Err(error) => problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(&error.field),
            &error.detail,
        ),
    }
}

fn empty() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn problem(status: StatusCode, field: Option<&str>, detail: &str) -> Response<Bytes> {
    let title = status.canonical_reason().unwrap_or_default();
    let mut body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    if let (Some(field), Some(body)) = (field, body.as_object_mut()) {
        body.insert("field".to_owned(), json!(field));
    }
    let mut answer = json_answer(status, &body);
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    answer
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    answer
}
