//! The OAuth server: consent, tokens, revocation, introspection, identity.

mod consent;
mod identity;
mod jwt;
mod token;
mod tokens;

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::json;

use super::answer::Answer;
use super::org::Org;
use crate::oauth::{Form, get, query, urlencoded};
pub(super) use identity::bearer;
pub(super) use jwt::der;
pub(super) use tokens::Tokens;

/// The registered app and the people who can approve it.
#[derive(Debug)]
pub(super) struct OAuth {
    pub(super) tokens: Tokens,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) people: Vec<Person>,
}

/// Someone who can log in.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) password: String,
}

/// What the app may be granted.
const SCOPES: &[&str] = &[
    "api",
    "refresh_token",
    "offline_access",
    "id",
    "openid",
    "profile",
    "email",
];
/// What it is granted when it does not ask for anything in particular.
const SCOPE_DEFAULT: &str = "refresh_token api id";

impl OAuth {
    pub(super) fn new(seed: u64, org_id: &str, people: Vec<Person>) -> Self {
        let tokens = Tokens::new(seed, org_id);
        let client_id = format!("3MVG9{}", tokens.noise("client", 80));
        let secret = tokens.noise("secret", 32);
        let client_secret = secret
            .bytes()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
        Self {
            tokens,
            client_id,
            client_secret,
            people,
        }
    }

    /// Answers what is under `/services/oauth2/`, `/id/` and the discovery document; `None` for
    /// other paths.
    pub(super) fn answer(
        &mut self,
        org: &Org,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Option<Answer> {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/id/") {
            return Some(self.identity(org, request, rest, now));
        }
        if path == "/.well-known/openid-configuration" {
            return Some(discovery(org));
        }
        let what = path.strip_prefix("/services/oauth2/")?;
        let method = request.method();
        Some(match what {
            "authorize" if method == Method::GET || method == Method::POST => {
                self.authorize(org, request, now)
            }
            "token" if method == Method::POST => self.token(org, request, now),
            "revoke" if method == Method::GET || method == Method::POST => {
                self.revoke(&form(request))
            }
            "introspect" if method == Method::POST => self.introspect(request, now),
            "userinfo" if method == Method::GET || method == Method::POST => {
                self.userinfo(org, request, now)
            }
            "authorize" | "token" | "revoke" | "introspect" | "userinfo" => {
                Answer::text(405, "text/html", "")
            }
            _ => Answer::text(404, "text/html", "<html><body>Not found</body></html>"),
        })
    }

    fn revoke(&mut self, form: &Form) -> Answer {
        let token = get(form, "token").unwrap_or_default();
        if self.tokens.revoke(token) {
            return Answer::text(200, "text/html", "");
        }
        // The one endpoint whose errors are url-encoded.
        let body = "error=invalid_token&error_description=invalid%20token";
        Answer::text(400, "application/x-www-form-urlencoded;charset=UTF-8", body)
    }

    fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }
}

/// Query and form body together: the vendor takes parameters from either.
fn form(request: &Request<Bytes>) -> Form {
    let mut form = query(request);
    form.extend(urlencoded(request));
    form
}

/// The error of the token endpoint.
fn refused(error: &str, description: &str) -> Answer {
    Answer::json(
        400,
        json!({ "error": error, "error_description": description }),
    )
}

fn discovery(org: &Org) -> Answer {
    let at = |path: &str| format!("{}/services/oauth2/{path}", org.base_url);
    Answer::json(
        200,
        json!({
            "issuer": org.base_url,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "revocation_endpoint": at("revoke"),
            "introspection_endpoint": at("introspect"),
            "userinfo_endpoint": at("userinfo"),
            "jwks_uri": format!("{}/id/keys", org.base_url),
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "subject_types_supported": ["public"],
        }),
    )
}
