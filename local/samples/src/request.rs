//! An API Gateway event as the request it stands for.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::SampleError;

/// The HTTP request that an API Gateway event stands for.
///
/// # Errors
/// It stands for none.
pub fn request(event: &Value) -> Result<Request<Bytes>, SampleError> {
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
    let headers = event.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let cookies = event.get("cookies").and_then(Value::as_array);
    for cookie in cookies.into_iter().flatten() {
        request = request.header("cookie", cookie.as_str().unwrap_or_default());
    }
    request
        .body(text("/body").to_owned().into())
        .map_err(|error| SampleError::Unfit(format!("the event is no HTTP request: {error}")))
}
