//! The OAuth server: consent, tokens, introspection, revocation, in all its versions.

mod consent;
mod token;
mod tokens;

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Version;
use super::errors::{Outcome, Refusal};
use super::limits::App;
use super::portal::Portal;
use super::times;
use crate::oauth::{Form, credential, get, query, urlencoded};
use tokens::Tokens;

/// The registered app, and a private app and a service key of the account.
#[derive(Debug)]
pub(super) struct OAuth {
    pub(super) tokens: Tokens,
    client_id: String,
    client_secret: String,
    private_token: String,
    service_key: String,
}

/// What the app may be granted; a private app has all of it.
const SCOPES: &[&str] = &[
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.owners.read",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
    "crm.schemas.deals.read",
    "crm.schemas.deals.write",
    "tickets",
    "timeline",
];

impl OAuth {
    pub(super) fn new(seed: u64) -> Self {
        let tokens = Tokens::new(seed);
        let (client_id, client_secret) = (tokens.guid("client"), tokens.guid("secret"));
        let private_token = format!("pat-na1-{}", tokens.guid("private"));
        let service_key = format!("pat-na1-{}", tokens.guid("service key"));
        Self {
            tokens,
            client_id,
            client_secret,
            private_token,
            service_key,
        }
    }

    /// Answers what is under `/oauth/`, and the uninstall call; `None` for other paths.
    pub(super) fn answer(
        &mut self,
        portal: &Portal,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Answer> {
        let method = request.method();
        let segments: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        if let ["appinstalls", version, "external-install"] = segments.as_slice()
            && Version::parse(version).is_some()
            && method == Method::DELETE
        {
            return Some(self.uninstall(request, now));
        }
        let ["oauth", rest @ ..] = segments.as_slice() else {
            return None;
        };
        // `/oauth/{hub id}/authorize` chooses the account at once.
        if let ["authorize"] | [_, "authorize"] = rest
            && (method == Method::GET || method == Method::POST)
        {
            return Some(self.authorize(portal, request, now));
        }
        let [version, rest @ ..] = rest else {
            return Some(missing());
        };
        let old = *version == "v1";
        if !old && Version::parse(version).is_none() {
            return Some(missing());
        }
        Some(match (method.as_str(), rest) {
            ("POST", ["token"]) => self.token(portal, &form(request, old), now),
            ("POST", ["token", "introspect"]) if !old => {
                self.introspect(portal, &form(request, old), now)
            }
            ("POST", ["token", "revoke"]) if !old => self.revoke(&form(request, old)),
            ("GET", ["access-tokens", token]) => self.access_info(portal, token, now),
            ("GET", ["refresh-tokens", token]) => self.refresh_info(portal, token),
            ("DELETE", ["refresh-tokens", token]) => {
                self.tokens.revoke(token);
                Answer::empty(204)
            }
            _ => missing(),
        })
    }

    /// The app and the scopes behind a request's bearer token.
    pub(super) fn admit(
        &self,
        portal: &Portal,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Outcome<(App, Vec<String>)> {
        let token = credential(request, "Bearer").ok_or_else(Refusal::unauthenticated)?;
        if token == self.private_token {
            let all = SCOPES.iter().map(|scope| (*scope).to_owned());
            return Ok((App::Private, all.collect()));
        }
        if token == self.service_key {
            let all = SCOPES.iter().map(|scope| (*scope).to_owned());
            let chosen = portal.settings.service_key_scopes.clone();
            return Ok((App::Private, chosen.unwrap_or_else(|| all.collect())));
        }
        let access = self.tokens.access(token);
        let access = access.ok_or_else(Refusal::unauthenticated)?;
        if now < access.ends {
            return Ok((App::OAuth, access.scopes.clone()));
        }
        let ago = now.as_second() - access.ends.as_second();
        let message =
            format!("The OAuth token used to make this call expired {ago} second(s) ago.");
        let refusal = Refusal::new(401, "EXPIRED_AUTHENTICATION", message);
        Err(refusal.with("expire time", &[&times::written(access.ends)]))
    }

    fn uninstall(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let token = credential(request, "Bearer").unwrap_or_default();
        let live = self.tokens.access(token).filter(|access| now < access.ends);
        if live.is_none() {
            return Answer::json(
                401,
                Refusal::unauthenticated().body(&self.tokens.guid("uninstall")),
            );
        }
        self.tokens.uninstall();
        Answer::empty(204)
    }

    /// The credentials the control endpoint gives: a new installation beside all others.
    pub(super) fn hand_out(&mut self, portal: &Portal, now: Timestamp) -> Value {
        let user = portal.owners.first().map_or(0, |owner| owner.user_id);
        let scopes = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        let (access, refresh) = self.tokens.install(user, scopes, None, now);
        json!({
            "base_url": portal.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": portal.settings.redirect_uris.first(),
            "access_token": access,
            "refresh_token": refresh,
            "scope": SCOPES.join(" "),
            "private_app_token": self.private_token,
            "service_key": self.service_key,
            "hub_id": portal.hub_id,
            "account": portal.hub_id.to_string(),
            "user_id": user,
        })
    }
}

/// The form of a request; the query counts where the vendor looks at it.
fn form(request: &Request<Bytes>, with_query: bool) -> Form {
    let mut form = urlencoded(request);
    if with_query {
        form.extend(query(request));
    }
    form
}

fn missing() -> Answer {
    Answer::html(404, "<html><body><h1>404 Not Found</h1></body></html>")
}

/// The error of a token endpoint, in both styles.
fn refused(error: &str, status: &str, message: &str) -> Answer {
    Answer::json(
        400,
        json!({ "error": error, "error_description": message, "status": status, "message": message }),
    )
}
