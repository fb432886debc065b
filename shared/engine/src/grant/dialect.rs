//! How vendors write the requests and replies of their token endpoints.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hub_connectors::Encoding;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// A token request as the endpoint wants it.
pub(super) fn written(
    mut request: http::Request<Bytes>,
    encoding: Encoding,
) -> http::Request<Bytes> {
    if encoding == Encoding::Json {
        let fields: Map<String, Value> = form_urlencoded::parse(request.body())
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        *request.body_mut() = Bytes::from(Value::Object(fields).to_string());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    request
}

/// Vendors bend the standard: an error with status 200, a lifetime as text or in milliseconds, scopes with commas, no
/// token type, a refusal whose words stand in `message`.
pub(super) fn standard(status: StatusCode, body: Bytes) -> (StatusCode, Bytes) {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&body) else {
        return (status, body);
    };
    let has_token = fields.contains_key("access_token");
    let status = if status.is_success() && !has_token && fields.contains_key("error") {
        StatusCode::BAD_REQUEST
    } else {
        status
    };
    if has_token {
        fields
            .entry("token_type")
            .or_insert_with(|| json!("bearer"));
        if let Some(seconds) = fields.remove("expires_in_sec") {
            fields.insert("expires_in".to_owned(), seconds);
        }
        // A token is not thrown away because its lifetime makes no sense.
        if let Some(lifetime) = fields.get_mut("expires_in") {
            let text = lifetime.as_str().map(str::trim);
            let seconds = text.map_or(lifetime.as_u64(), |text| text.parse().ok());
            *lifetime = json!(seconds);
        }
        if let Some(scopes) = fields.get("scope").and_then(Value::as_str) {
            let scopes = scopes.replace(',', " ");
            fields.insert("scope".to_owned(), Value::String(scopes));
        }
    } else if let (None, Some(words)) = (
        fields.get("error_description"),
        fields.get("message").cloned(),
    ) {
        fields.insert("error_description".to_owned(), words);
    }
    (status, Bytes::from(Value::Object(fields).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vendors_bend_is_straightened() {
        let cases = [
            (
                200,
                json!({ "error": "invalid_code" }),
                400,
                json!({ "error": "invalid_code" }),
            ),
            (
                400,
                json!({ "error": "invalid_grant", "message": "Invalid grant: refresh token is invalid" }),
                400,
                json!({ "error": "invalid_grant", "message": "Invalid grant: refresh token is invalid", "error_description": "Invalid grant: refresh token is invalid" }),
            ),
            (
                200,
                json!({ "access_token": "a", "expires_in": "3600", "scope": "base,deals:full" }),
                200,
                json!({ "access_token": "a", "expires_in": 3600, "scope": "base deals:full", "token_type": "bearer" }),
            ),
            (
                200,
                json!({ "access_token": "a", "expires_in": 3_600_000, "expires_in_sec": 3600 }),
                200,
                json!({ "access_token": "a", "expires_in": 3600, "token_type": "bearer" }),
            ),
            (
                200,
                json!({ "access_token": "a", "expires_in": -1, "token_type": "Bearer" }),
                200,
                json!({ "access_token": "a", "expires_in": null, "token_type": "Bearer" }),
            ),
            (
                200,
                json!({ "access_token": "a", "expires_in": "soon", "token_type": "Bearer" }),
                200,
                json!({ "access_token": "a", "expires_in": null, "token_type": "Bearer" }),
            ),
        ];
        for (status, body, expected_status, expected) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let (found, text) = standard(status, Bytes::from(body.to_string()));
            assert_eq!(found.as_u16(), expected_status, "{body}");
            assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), expected);
        }
        let html = Bytes::from_static(b"<html>");
        assert_eq!(
            standard(StatusCode::OK, html.clone()),
            (StatusCode::OK, html)
        );
    }

    #[test]
    fn a_json_endpoint_gets_json() {
        let request = http::Request::post("https://crm.example/token")
            .body(Bytes::from_static(
                b"grant_type=refresh_token&refresh_token=a%2Bb",
            ))
            .unwrap();
        let written = written(request, Encoding::Json);
        assert_eq!(written.headers()["content-type"], "application/json");
        let body: Value = serde_json::from_slice(written.body()).unwrap();
        assert_eq!(
            body,
            json!({ "grant_type": "refresh_token", "refresh_token": "a+b" })
        );
    }
}
