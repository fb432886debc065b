//! The consent page. `__sandbox_consent=allow` or `deny` in the query answers it at once, for
//! automation; the form posts the same parameters back with the decision.

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;

use super::super::answer::Answer;
use super::super::org::Org;
use super::{Form, OAuth, SCOPE_DEFAULT, SCOPES, form, get};

impl OAuth {
    pub(super) fn authorize(
        &mut self,
        org: &Org,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        let form = form(request);
        // Before the redirect address is known to be ours nothing is sent to it.
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return shown("invalid_client_id", "client identifier invalid");
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !org.settings.redirect_uris.iter().any(|uri| uri == redirect) {
            return shown(
                "redirect_uri_mismatch",
                "redirect_uri must match configuration",
            );
        }
        let state = get(&form, "state");
        let back = |error: &str, description: &str| {
            redirected(
                redirect,
                &[("error", error), ("error_description", description)],
                state,
            )
        };
        if get(&form, "response_type") != Some("code") {
            return back("unsupported_response_type", "response type not supported");
        }
        let scope = get(&form, "scope").unwrap_or(SCOPE_DEFAULT);
        if !scope
            .split_whitespace()
            .all(|scope| SCOPES.contains(&scope))
        {
            return back("invalid_scope", "the requested scope is not allowed");
        }
        let Some(challenge) = get(&form, "code_challenge").filter(|c| c.len() == 43) else {
            return back("invalid_request", "missing required code challenge");
        };
        // jsforce sends no method and means S256.
        if get(&form, "code_challenge_method").is_some_and(|method| method != "S256") {
            return back("invalid_request", "code challenge method not supported");
        }
        let asked = if request.method() == Method::POST {
            "decision"
        } else {
            "__sandbox_consent"
        };
        match get(&form, asked) {
            Some("allow") => {
                let hint = get(&form, "login_hint");
                let named =
                    hint.and_then(|hint| self.people.iter().find(|person| person.username == hint));
                let Some(user) = named
                    .or(self.people.first())
                    .map(|person| person.id.clone())
                else {
                    return back("server_error", "nobody can log in");
                };
                let scope = scope.split_whitespace().collect::<Vec<_>>().join(" ");
                let code = self
                    .tokens
                    .give_code(&user, &scope, redirect, challenge, now);
                redirected(redirect, &[("code", &code)], state)
            }
            Some("deny") => back("access_denied", "end-user denied authorization"),
            _ => page(&form, scope),
        }
    }
}

fn shown(error: &str, description: &str) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("error", error)
        .append_pair("error_description", description)
        .finish();
    Answer::text(400, "text/html;charset=UTF-8", body)
}

fn redirected(to: &str, parameters: &[(&str, &str)], state: Option<&str>) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let joint = if to.contains('?') { '&' } else { '?' };
    let location = format!("{to}{joint}{}", query.finish());
    Answer::text(302, "text/html", "").with_header("Location", location)
}

fn page(form: &Form, scope: &str) -> Answer {
    let sent = form
        .iter()
        .filter(|(name, _)| name != "decision" && name != "__sandbox_consent");
    let hidden = sent.fold(String::new(), |html, (name, value)| {
        let (name, value) = (escaped(name), escaped(value));
        html + &format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
    });
    let scope = escaped(scope);
    Answer::text(
        200,
        "text/html;charset=UTF-8",
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><title>Allow Access?</title></head><body>\n\
             <h1>Allow Access?</h1>\n<p>This is a sandbox, not the real CRM. The app is asking to: {scope}</p>\n\
             <form method=\"post\" action=\"/services/oauth2/authorize\">\n{hidden}\
             <button name=\"decision\" value=\"allow\">Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Deny</button>\n</form></body></html>\n"
        ),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
