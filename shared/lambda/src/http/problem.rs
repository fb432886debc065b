//! Refusals: the part that a caller sees, and the part that we see.
//!
//! A [`Problem`] is public in all it holds. What we need to know beyond it goes into
//! the `internal` field of [`ApiError`], which is logged once and never sent.

use std::{error::Error, fmt::Display};

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub_domain::Fault;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use tracing::{error, info};

/// An `application/problem+json` document (RFC 9457).
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The status, in the answer and in the document.
    pub status: StatusCode,
    /// The kind of problem, such as `invalid-event`; sent as `urn:hub:problem:<slug>`.
    pub slug: &'static str,
    /// What the kind means, the same for every occurrence.
    pub title: &'static str,
    /// What happened this time, and what the caller can do about it; may be empty.
    pub detail: String,
    /// What is wrong with the request, place by place.
    pub faults: Vec<Fault>,
    /// Further members. One that has the name of a member above is not sent.
    pub extra: Map<String, Value>,
    /// Headers that belong to the answer, such as `Retry-After`.
    pub headers: HeaderMap,
}

/// How long a caller waits after a 503 that knows no better.
const RETRY_AFTER_S: u32 = 10;

/// The members that [`Problem::extra`] cannot replace.
const RESERVED: [&str; 6] = ["type", "title", "status", "detail", "instance", "faults"];

impl Problem {
    /// A problem of any kind; the rest is added by the methods below.
    pub fn new(status: StatusCode, slug: &'static str, title: &'static str) -> Self {
        Self {
            status,
            slug,
            title,
            detail: String::new(),
            faults: Vec::new(),
            extra: Map::new(),
            headers: HeaderMap::new(),
        }
    }

    /// 400: the request cannot be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "The request cannot be read",
        )
        .detail(detail)
    }

    /// 401: who is asking is not known. The challenge is the `WWW-Authenticate` header that the
    /// status must bring, such as `Bearer`.
    pub fn unauthorized(challenge: &'static str, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "The request is not authenticated",
        )
        .detail(detail)
        .header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        )
    }

    /// 402: what the organization pays for does not allow it. Not who is asking, which is a 403.
    pub fn plan_limit(detail: impl Into<String>) -> Self {
        let status = StatusCode::PAYMENT_REQUIRED;
        Self::new(status, "plan-limit", "The plan does not allow more").detail(detail)
    }

    /// 403: who is asking may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The request is not permitted",
        )
        .detail(detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Nothing was found").detail(detail)
    }

    /// 405.
    pub fn method_not_allowed(detail: impl Into<String>) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method-not-allowed", "The method is not allowed").detail(detail)
    }

    /// 409: the request contradicts what is there.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "conflict",
            "The request is in conflict with what is there",
        )
        .detail(detail)
    }

    /// 412: the thing is not at the version that `If-Match` names.
    pub fn changed(detail: impl Into<String>) -> Self {
        let status = StatusCode::PRECONDITION_FAILED;
        Self::new(status, "changed", "It was changed since it was read").detail(detail)
    }

    /// 413: the body has more bytes than this.
    pub fn too_large(limit_bytes: usize) -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, "body-too-large", "The request body is too large")
            .detail(format!(
                "The request body is larger than the limit of {limit_bytes} bytes."
            ))
            .with("limit_bytes", limit_bytes)
    }

    /// 422: the request can be read, but what it says is not valid.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "The request is not valid",
        )
        .detail(detail)
    }

    /// 500: our fault, and only ours to know why.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something failed on our side",
        )
    }

    /// 503: the same request may succeed after this time.
    pub fn unavailable(retry_after_s: u32) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The hub is not available",
        )
        .detail(format!(
            "Send the same request again in {retry_after_s} seconds."
        ))
        .with("retryable", true)
        .header(header::RETRY_AFTER, HeaderValue::from(retry_after_s))
    }

    /// The kind of problem that a status stands for; an unknown status is a 500.
    pub fn of_status(status: u16, detail: impl Into<String>) -> Self {
        match status {
            400 => Self::malformed(detail),
            401 => Self::unauthorized("Bearer", detail),
            402 => Self::plan_limit(detail),
            403 => Self::forbidden(detail),
            404 => Self::not_found(detail),
            409 => Self::conflict(detail),
            412 => Self::changed(detail),
            422 => Self::invalid(detail),
            502 => Self::new(
                StatusCode::BAD_GATEWAY,
                "refused-upstream",
                "Another system refused",
            )
            .detail(detail),
            503 => Self::unavailable(RETRY_AFTER_S).detail(detail),
            _ => Self::internal(),
        }
    }

    /// Says what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds one thing that is wrong with the request.
    #[must_use]
    pub fn fault(
        mut self,
        pointer: impl Into<String>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        self.faults.push(Fault {
            pointer: pointer.into(),
            problem: problem.into(),
            expected: expected.into(),
        });
        self
    }

    /// Adds what a reader found wrong with the request.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Adds a member of the problem's own.
    #[must_use]
    pub fn with(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(member.into(), value.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// The document alone, for answers that hold several problems.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("urn:hub:problem:{}", self.slug))?;
        map.serialize_entry("title", self.title)?;
        map.serialize_entry("status", &self.status.as_u16())?;
        if !self.detail.is_empty() {
            map.serialize_entry("detail", &self.detail)?;
        }
        if !self.faults.is_empty() {
            map.serialize_entry("faults", &self.faults)?;
        }
        for (member, value) in &self.extra {
            if !RESERVED.contains(&member.as_str()) {
                map.serialize_entry(member, value)?;
            }
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        let document = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, document);
        // A cache may otherwise keep a 404 or 405 by itself (RFC 9110, section 15.1).
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Why a request was not served: the public part and ours.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// What the caller sees. Boxed, because it is the error of most handlers.
    pub problem: Box<Problem>,
    /// What we see, in the log. It holds no payload, token, e-mail address or name (STYLE 9).
    pub internal: Option<String>,
}

impl ApiError {
    /// A 500 that tells the caller nothing and us this.
    pub fn internal(reason: impl Display) -> Self {
        Self::from(Problem::internal()).because(reason)
    }

    /// Adds the part that only we see.
    #[must_use]
    pub fn because(mut self, reason: impl Display) -> Self {
        self.internal = Some(reason.to_string());
        self
    }

    /// Adds an error and all its causes to the part that only we see.
    #[must_use]
    pub fn caused_by(self, error: &(dyn Error + 'static)) -> Self {
        self.because(chain(error))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            internal: None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (problem, status) = (self.problem.slug, self.problem.status.as_u16());
        let internal = self.internal.as_deref();
        if self.problem.status.is_server_error() {
            error!(problem, status, internal, "a request failed on our side");
        } else {
            info!(problem, status, internal, "a request was refused");
        }
        self.problem.into_response()
    }
}

/// An error and its causes on one line, for the log.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&cause: &&(dyn Error + 'static)| {
        cause.source()
    });
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    async fn text_of(response: Response) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_document_is_as_rfc_9457_wants_it() {
        let problem = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-event",
            "An event is not valid",
        )
        .detail("1 of 2 events cannot be accepted.")
        .fault(
            "/1/payload/sessionId",
            "is missing",
            "a session id such as ses_7Kq",
        )
        .with("event_ids", json!(["evt_2"]))
        .with("status", 200)
        .with("type", "about:blank");

        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(
            text_of(response).await,
            concat!(
                r#"{"type":"urn:hub:problem:invalid-event","title":"An event is not valid","#,
                r#""status":422,"detail":"1 of 2 events cannot be accepted.","#,
                r#""faults":[{"pointer":"/1/payload/sessionId","problem":"is missing","#,
                r#""expected":"a session id such as ses_7Kq"}],"event_ids":["evt_2"]}"#
            )
        );
    }

    #[tokio::test]
    async fn what_is_empty_is_left_out() {
        let document = text_of(Problem::internal().into_response()).await;
        assert_eq!(
            document,
            r#"{"type":"urn:hub:problem:internal","title":"Something failed on our side","status":500}"#
        );
    }

    #[test]
    fn statuses_bring_the_headers_they_need() {
        let response = Problem::unauthorized("Bearer", "Send a token.").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let response = Problem::unavailable(30).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "30");
    }

    #[test]
    fn a_status_stands_for_its_kind_of_problem() {
        for (status, slug) in [
            (400, "malformed"),
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not-found"),
            (409, "conflict"),
            (422, "invalid"),
            (502, "refused-upstream"),
            (503, "unavailable"),
            (500, "internal"),
        ] {
            let problem = Problem::of_status(status, "words");
            assert_eq!((problem.status.as_u16(), problem.slug), (status, slug));
        }
        assert_eq!(Problem::of_status(418, "ours").detail, "");
    }

    #[test]
    fn all_causes_are_named_for_us() {
        let error = ApiError::from(Problem::internal()).caused_by(&Outer(std::fmt::Error));
        assert_eq!(
            error.internal.as_deref(),
            Some("the table: an error occurred when formatting an argument")
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the table")]
    struct Outer(#[source] std::fmt::Error);

    #[tokio::test]
    async fn the_internal_part_is_logged_once_and_never_sent() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || Lines(Arc::clone(&writer)))
            .finish();
        let errors = [
            ApiError::internal("table hub is gone"),
            ApiError::from(Problem::conflict("It exists.")).because("hash differs"),
            ApiError::from(Problem::not_found("No such delivery.")),
        ];
        let responses = tracing::subscriber::with_default(subscriber, || {
            errors.map(IntoResponse::into_response)
        });
        for response in responses {
            let body = text_of(response).await;
            assert!(
                !body.contains("hub is gone") && !body.contains("hash differs"),
                "{body}"
            );
        }
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = log
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| {
                json!([
                    line["level"],
                    line["problem"],
                    line["status"],
                    line["internal"]
                ])
            })
            .collect();
        assert_eq!(
            seen,
            [
                json!(["ERROR", "internal", 500, "table hub is gone"]),
                json!(["INFO", "conflict", 409, "hash differs"]),
                json!(["INFO", "not-found", 404, null]),
            ]
        );
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
