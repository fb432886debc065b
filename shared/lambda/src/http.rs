//! HTTP functions: running a router, refusing in one format, reading a body with a limit.
//!
//! Routes and their rules belong to the functions. What is here makes every refusal look alike
//! and keeps what is meant for us away from callers.

mod problem;
mod segment;

use std::panic::AssertUnwindSafe;

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

pub use problem::{ApiError, Problem, chain};
pub use segment::Segment;

/// Serves a router behind API Gateway until the process ends. Base64 bodies arrive decoded.
pub async fn run(router: Router) -> Result<(), crate::Error> {
    lambda_http::run(router).await
}

/// The router, with a problem for unknown paths, for wrong methods and for a handler that panics.
/// Call it last: it covers the routes that exist by then.
pub fn guarded(router: Router) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(catch_panic))
}

/// Answers a path that no route has.
pub async fn not_found() -> ApiError {
    Problem::not_found("There is nothing at this path.").into()
}

/// Answers a method that a route does not have; axum adds the `Allow` header.
pub async fn method_not_allowed() -> ApiError {
    Problem::method_not_allowed("This path does not take this method.").into()
}

async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => ApiError::internal("the handler panicked").into_response(),
    }
}

/// The whole body, or a 413 as soon as it has more than `limit_bytes`. It counts what arrives, so
/// a `Content-Length` that is wrong or missing makes no difference.
pub async fn read_body(body: Body, limit_bytes: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_long(error.as_ref()) => Err(Problem::too_large(limit_bytes).into()),
        Err(error) => {
            let problem = Problem::malformed("The request body ended before it was complete.");
            Err(ApiError::from(problem).because(error))
        }
    }
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use axum::{
        http::{Method, StatusCode, header},
        routing::{get, post},
    };
    use futures_util::stream;
    use lambda_http::{Adapter, Context, LambdaEvent, Service as _, request::LambdaRequest};
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    async fn echo(request: Request) -> Result<Bytes, ApiError> {
        read_body(request.into_body(), 16).await
    }

    fn router() -> Router {
        let panics = get(async || -> StatusCode { panic!("a secret of ours") });
        guarded(
            Router::new()
                .route("/echo", post(echo))
                .route("/panics", panics),
        )
    }

    async fn ask(method: Method, path: &str, body: Body) -> Response {
        let request = Request::builder().method(method).uri(path);
        // Says three bytes, whatever comes.
        let request = request
            .header(header::CONTENT_LENGTH, "3")
            .body(body)
            .unwrap();
        router().oneshot(request).await.unwrap()
    }

    async fn json_of(response: Response) -> Value {
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    fn chunks(count: usize, size: usize) -> Body {
        Body::from_stream(stream::iter(
            (0..count).map(move |_| Ok::<_, Infallible>(Bytes::from(vec![b'x'; size]))),
        ))
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whatever_its_length_says() {
        for body in [chunks(5, 4), chunks(1, 17), Body::from("seventeen bytes!!")] {
            let response = ask(Method::POST, "/echo", body).await;
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            let expected = json!({
                "type": "urn:hub:problem:body-too-large",
                "title": "The request body is too large",
                "status": 413,
                "detail": "The request body is larger than the limit of 16 bytes.",
                "limit_bytes": 16
            });
            assert_eq!(json_of(response).await, expected);
        }
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_read() {
        for body in [chunks(4, 4), chunks(1, 16), Body::empty()] {
            let response = ask(Method::POST, "/echo", body).await;
            assert_eq!(response.status(), StatusCode::OK);
        }
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(b"x")));
        let refused = read_body(Body::from_stream(endless), 1000)
            .await
            .unwrap_err();
        assert_eq!(refused.problem.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_callers_fault() {
        let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(io::Error::other("reset"))]);
        let refused = read_body(Body::from_stream(broken), 16).await.unwrap_err();
        assert_eq!(refused.problem.status, StatusCode::BAD_REQUEST);
        assert!(refused.internal.unwrap().contains("reset"));
    }

    #[tokio::test]
    async fn unknown_paths_wrong_methods_and_panics_are_problems() {
        let response = ask(Method::GET, "/nowhere", Body::empty()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(response).await["type"], "urn:hub:problem:not-found");

        let response = ask(Method::GET, "/echo", Body::empty()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
        assert_eq!(
            json_of(response).await["type"],
            "urn:hub:problem:method-not-allowed"
        );

        let response = ask(Method::GET, "/panics", Body::empty()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = json_of(response).await;
        assert_eq!(problem["type"], "urn:hub:problem:internal");
        assert!(!problem.to_string().contains("secret"));
    }

    /// What API Gateway's HTTP API sends and gets, through the adapter that [`run`] uses.
    async fn gateway(body: &str, base64: bool) -> Value {
        let event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/echo",
            "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "requestContext": {
                "accountId": "123456789012", "apiId": "api", "stage": "$default",
                "domainName": "api.execute-api.eu-central-1.amazonaws.com",
                "domainPrefix": "api", "requestId": "id", "routeKey": "$default",
                "time": "20/Nov/2026:15:46:00 +0000", "timeEpoch": 1_795_275_960_000_u64,
                "http": {
                    "method": "POST", "path": "/echo", "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7", "userAgent": "test"
                }
            },
            "body": body,
            "isBase64Encoded": base64
        });
        let request: LambdaRequest = serde_json::from_str(&event.to_string()).unwrap();
        let response = Adapter::from(router())
            .call(LambdaEvent::new(request, Context::default()))
            .await;
        serde_json::to_value(response.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn bodies_pass_the_gateway_in_both_directions() {
        let answer = gateway("aGVsbG8=", true).await;
        // `echo` answers bytes without saying which: binary, so base64 again.
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(
            (&answer["body"], &answer["isBase64Encoded"]),
            (&json!("aGVsbG8="), &json!(true))
        );

        let answer = gateway("c2V2ZW50ZWVuIGJ5dGVzISE=", true).await;
        assert_eq!(answer["statusCode"], 413);
        assert_eq!(answer["isBase64Encoded"], false);
        assert_eq!(
            answer["headers"]["content-type"],
            "application/problem+json"
        );
        assert!(
            answer["body"]
                .as_str()
                .unwrap()
                .contains("limit of 16 bytes")
        );
    }
}
