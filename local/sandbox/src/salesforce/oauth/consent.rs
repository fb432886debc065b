//! The consent page. `__sandbox_consent=allow` or `deny` in the query answers it at once, for
//! automation; the form posts the same parameters back with the decision.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::super::answer::Answer;
use super::super::org::Org;
use super::{OAuth, SCOPE_DEFAULT, SCOPES, form, get};
use crate::oauth::{Decision, decision, location, page};

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
        match decision(request, &form) {
            Decision::Allow => {
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
            Decision::Deny => back("access_denied", "end-user denied authorization"),
            Decision::Ask => {
                let action = "/services/oauth2/authorize";
                let page = page("Allow Access?", action, &form, scope, ["Allow", "Deny"]);
                Answer::text(200, "text/html;charset=UTF-8", page)
            }
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
    let location = location(to, parameters, state);
    Answer::text(302, "text/html", "").with_header("Location", location)
}
