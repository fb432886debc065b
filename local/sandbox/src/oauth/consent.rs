//! The consent page and the ways back to the app. `__sandbox_consent=allow` or `deny` in the query
//! answers the page at once, for automation; its form posts the same parameters with the decision.

use http::{Method, Request};

use super::params::{Form, get};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
    Ask,
}

/// What the person decided, if they did.
pub(crate) fn decision<B>(request: &Request<B>, form: &Form) -> Decision {
    let asked = if request.method() == Method::POST {
        "decision"
    } else {
        "__sandbox_consent"
    };
    match get(form, asked) {
        Some("allow") => Decision::Allow,
        Some("deny") => Decision::Deny,
        _ => Decision::Ask,
    }
}

/// The redirect address with parameters.
pub(crate) fn location(to: &str, parameters: &[(&str, &str)], state: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let joint = if to.contains('?') { '&' } else { '?' };
    format!("{to}{joint}{}", query.finish())
}

/// The page that asks: a title, what is asked for, and the words on the two buttons.
pub(crate) fn page(title: &str, action: &str, form: &Form, asks: &str, words: [&str; 2]) -> String {
    let hidden = hidden(
        form.iter()
            .filter(|(name, _)| name != "decision" && name != "__sandbox_consent")
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let [allow, deny] = words;
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n\
         <p>This is a sandbox, not the real CRM. The app is asking to: {}</p>\n\
         <form method=\"post\" action=\"{}\">\n{hidden}\
         <button name=\"decision\" value=\"allow\">{allow}</button>\n\
         <button name=\"decision\" value=\"deny\">{deny}</button>\n</form></body></html>\n",
        escaped(asks),
        escaped(action),
    )
}

/// A page that posts fields to the app at once, for vendors that answer by POST.
pub(crate) fn posting(to: &str, fields: &[(&str, &str)], state: Option<&str>) -> String {
    let hidden = hidden(
        fields
            .iter()
            .copied()
            .chain(state.map(|state| ("state", state))),
    );
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>Working...</title></head>\
         <body onload=\"document.forms[0].submit()\">\n<form method=\"post\" action=\"{}\">\n{hidden}\
         <noscript><button>Continue</button></noscript>\n</form></body></html>\n",
        escaped(to)
    )
}

/// A page that says what is wrong with the app's request.
pub(crate) fn problem(message: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>Error</title></head><body><p>{}</p></body></html>\n",
        escaped(message)
    )
}

fn hidden<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    fields.fold(String::new(), |html, (name, value)| {
        let (name, value) = (escaped(name), escaped(value));
        html + &format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
