//! The consent page. `__sandbox_consent=allow` or `deny` in the query answers it at once, for
//! automation; the form posts the same parameters back with the decision.

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;

use super::super::answer::Answer;
use super::super::portal::Portal;
use super::tokens::{Challenge, Code};
use super::{Form, OAuth, SCOPES, form, get};

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
        let asked = if request.method() == Method::POST {
            "decision"
        } else {
            "__sandbox_consent"
        };
        match get(&form, asked) {
            Some("allow") => {
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
            Some("deny") => {
                let why = "The user denied the app access to the account";
                let denied = [("error", "access_denied"), ("error_description", why)];
                redirected(redirect, &denied, state)
            }
            _ => page(&form, &granted.join(" ")),
        }
    }
}

fn scopes<'a>(form: &'a Form, name: &str) -> impl Iterator<Item = &'a str> {
    get(form, name).unwrap_or_default().split_whitespace()
}

fn shown(message: &str) -> Answer {
    Answer::html(
        400,
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><title>Error</title></head><body><p>{message}</p></body></html>\n"
        ),
    )
}

fn redirected(to: &str, parameters: &[(&str, &str)], state: Option<&str>) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let joint = if to.contains('?') { '&' } else { '?' };
    let location = format!("{to}{joint}{}", query.finish());
    Answer::html(302, "").with_header("Location", location)
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
    Answer::html(
        200,
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><title>Connect app</title></head><body>\n\
             <h1>Connect app to your account</h1>\n\
             <p>This is a sandbox, not the real CRM. The app is asking to: {scope}</p>\n\
             <form method=\"post\" action=\"/oauth/authorize\">\n{hidden}\
             <button name=\"decision\" value=\"allow\">Connect app</button>\n\
             <button name=\"decision\" value=\"deny\">Cancel</button>\n</form></body></html>\n"
        ),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
