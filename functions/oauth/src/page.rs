//! The one page: a title and a sentence, without scripts or anything from elsewhere.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub_engine::EngineError;
use hub_lambda::http::chain;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    // The address holds a code and a state.
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A page. Both texts are plain; what they quote may come from anybody.
pub(crate) fn page(status: StatusCode, title: &str, words: &str) -> Response {
    let (title, words) = (escape(title), escape(words));
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · liveprompt</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; }}
main {{ box-sizing: border-box; max-width: 32rem; padding: 2rem 1.25rem; overflow-wrap: anywhere; }}
h1 {{ margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }}
p {{ margin: 0; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{words}</p>
</main>
</body>
</html>
"#
    );
    (status, HEADERS, html).into_response()
}

/// Sends the browser somewhere else.
pub(crate) fn away(to: &str, cookie: Option<&str>) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else {
        return page(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Not connected",
            "Something failed on our side.",
        );
    };
    let mut response = (StatusCode::SEE_OTHER, HEADERS).into_response();
    response.headers_mut().insert(header::LOCATION, to);
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A failure, as a person reads it.
pub(crate) fn failed(error: &EngineError) -> Response {
    let public = error.public();
    let (status, reason) = (public.status, chain(error));
    if status >= 500 {
        tracing::error!(status, reason, "an authorization failed");
    } else {
        tracing::info!(status, reason, "an authorization was refused");
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = page(status, "Not connected", &public.detail);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = HeaderValue::from_static("60");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escape(r#"<script>alert("1 & 'x'")</script> Ünï🙂"#),
            "&lt;script&gt;alert(&quot;1 &amp; &#39;x&#39;&quot;)&lt;/script&gt; Ünï🙂"
        );
    }
}
