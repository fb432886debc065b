//! The consent page. `__sandbox_consent=allow` or `deny` in the query answers it at once, for
//! automation; the form posts the same parameters back with the decision.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::super::answer::Answer;
use super::super::portal::Portal;
use super::tokens::Code;
use super::{Form, OAuth, SCOPES, form, get};
use crate::oauth::{Challenge, Decision, decision, location, page, problem};

impl OAuth {
    pub(super) fn authorize(
        &mut self,
        portal: &Portal,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        let form = form(request, true);
        // The vendor shows its own page for whatever is wrong with the request of the app.
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return shown("Authorization failed because the client ID is missing or unknown.");
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !portal
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            return shown(
                "Authorization failed because the redirect URL doesn't match the registered redirect URL.",
            );
        }
        let withheld = &portal.settings.withheld_scopes;
        let fits = |scope: &&str| SCOPES.contains(scope) && !withheld.iter().any(|w| w == scope);
        let required: Vec<&str> = scopes(&form, "scope").collect();
        if required.is_empty() || !required.iter().all(fits) {
            return shown("Authorization failed because there is a scope mismatch.");
        }
        let mut granted: Vec<String> = required.iter().map(|s| (*s).to_owned()).collect();
        for scope in scopes(&form, "optional_scope")
            .filter(fits)
            .chain(["oauth"])
        {
            if !granted.iter().any(|known| known == scope) {
                granted.push(scope.to_owned());
            }
        }
        let challenge = match (
            get(&form, "code_challenge"),
            get(&form, "code_challenge_method"),
        ) {
            (None, _) => None,
            (Some(text), Some("S256")) => Some(Challenge::S256(text.to_owned())),
            (Some(text), None | Some("plain")) => Some(Challenge::Plain(text.to_owned())),
            _ => {
                return shown("Authorization failed because the code challenge method is unknown.");
            }
        };
        let state = get(&form, "state");
        match decision(request, &form) {
            Decision::Allow => {
                let hint = get(&form, "login_hint");
                let named = portal
                    .owners
                    .iter()
                    .find(|owner| Some(owner.email.as_str()) == hint);
                let owner = named.or(portal.owners.first());
                let code = self.tokens.give_code(Code {
                    redirect_uri: redirect.to_owned(),
                    challenge,
                    user: owner.map_or(0, |owner| owner.user_id),
                    scopes: granted,
                    issued: now,
                    gave: None,
                    spent: false,
                });
                redirected(redirect, &[("code", &code)], state)
            }
            Decision::Deny => {
                let why = "The user denied the app access to the account";
                let denied = [("error", "access_denied"), ("error_description", why)];
                redirected(redirect, &denied, state)
            }
            Decision::Ask => {
                let asks = granted.join(" ");
                let words = ["Connect app", "Cancel"];
                let title = "Connect app to your account";
                Answer::html(200, page(title, "/oauth/authorize", &form, &asks, words))
            }
        }
    }
}

fn scopes<'a>(form: &'a Form, name: &str) -> impl Iterator<Item = &'a str> {
    get(form, name).unwrap_or_default().split_whitespace()
}

fn shown(message: &str) -> Answer {
    Answer::html(400, problem(message))
}

fn redirected(to: &str, parameters: &[(&str, &str)], state: Option<&str>) -> Answer {
    Answer::html(302, "").with_header("Location", location(to, parameters, state))
}
