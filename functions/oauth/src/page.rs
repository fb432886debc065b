//! The one page: a title and a sentence, and perhaps a button, without scripts or anything from elsewhere.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub_engine::EngineError;
use hub_lambda::http::chain;
use utoipa::{
    IntoResponses, PartialSchema,
    openapi::{self, ContentBuilder, RefOr},
};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    // The address holds a code and a state.
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A page. Both texts are plain; what they quote may come from anybody.
pub(crate) fn page(status: StatusCode, title: &str, words: &str) -> Response {
    (status, HEADERS, html(title, words, "")).into_response()
}

/// A form that posts a handle to `start`, beside the address of its page.
pub(crate) struct Form<'a> {
    /// What its button says.
    pub(crate) label: &'a str,
    /// The handle.
    pub(crate) handle: &'a str,
    /// The origin that the browser is sent on to: browsers hold a form to its policy there too.
    pub(crate) then: &'a str,
}

/// A page that asks, and the cookie without which its form proves nothing.
pub(crate) fn asks(title: &str, words: &str, form: &Form<'_>, cookie: &str) -> Response {
    let (label, handle) = (escape(form.label), escape(form.handle));
    let fields = format!(
        r#"
<form method="post" action="start"><input type="hidden" name="handle" value="{handle}"><button>{label}</button></form>"#
    );
    let mut response = (HEADERS, html(title, words, &fields)).into_response();
    let policy = POLICY.replace(
        "form-action 'none'",
        &format!("form-action 'self' {}", form.then),
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::SET_COOKIE, cookie),
    ];
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_str(value) else {
            return broken();
        };
        response.headers_mut().insert(name, value);
    }
    response
}

fn broken() -> Response {
    page(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Not connected",
        "Something failed on our side.",
    )
}

fn html(title: &str, words: &str, form: &str) -> String {
    let (title, words) = (escape(title), escape(words));
    format!(
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
button {{ margin-top: 1.25rem; padding: .6rem 1.1rem; font: inherit; border: 0; border-radius: .4rem; color: #fff; background: #1456b8; cursor: pointer; }}
button:focus-visible {{ outline: 3px solid Highlight; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{words}</p>{form}
</main>
</body>
</html>
"#
    )
}

/// Sends the browser somewhere else.
pub(crate) fn away(to: &str) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else {
        return broken();
    };
    let mut response = (StatusCode::SEE_OTHER, HEADERS).into_response();
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// The pages that say what failed, for the document of the API.
pub(crate) struct Failed;

impl IntoResponses for Failed {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let proofless =
            "It proves nothing: the handle, the state or the cookie is unknown, used or too old";
        let all = [
            ("403", proofless),
            ("404", "There is no such CRM"),
            ("500", "Something failed on our side"),
            ("503", "Something does not answer"),
        ];
        let said = |(status, words): (&str, &str)| {
            let html = ContentBuilder::new().schema(Some(String::schema()));
            let response = openapi::Response::builder()
                .description(format!("{words}; a page says so."))
                .content("text/html", html.build());
            (status.to_owned(), response.build().into())
        };
        all.map(said).into()
    }
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
