//! The authorize endpoint, and what a scope asks for.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::errors::unknown_app;
use super::{Entra, GRAPH};
use crate::oauth::{
    Answer, Challenge, Code, Consent, Decision, after, decision, get, is_verifier, location, page,
    posting, problem, query, urlencoded, who, words,
};

const CODE_SECONDS: i64 = 10 * 60;

/// An error that has a name, a number and a text.
pub(super) type Wrong = (&'static str, u32, String);

/// What a scope asks for: the resource, and all its words without it.
pub(super) struct Asked {
    pub(super) resource: String,
    pub(super) scopes: Vec<String>,
}

impl Entra {
    /// Reads a scope; it may name one resource, and only one that is there.
    pub(super) fn asked(&self, scope: Option<&str>) -> Result<Asked, Wrong> {
        let mut asked = Asked {
            resource: String::new(),
            scopes: Vec::new(),
        };
        for word in words(scope, &[' ']) {
            if matches!(
                word.as_str(),
                "openid" | "profile" | "email" | "offline_access"
            ) {
                asked.scopes.push(word);
                continue;
            }
            let (resource, permission) = word.rsplit_once('/').unwrap_or((GRAPH, &word));
            let resource = resource.trim_end_matches('/');
            // Whatever the environment is called, tokens are bound to its address here.
            let environments = &self.settings.environments;
            let is_here = environments.iter().any(|known| known == resource);
            let resource = if is_here { &self.base_url } else { resource };
            if !asked.resource.is_empty() && asked.resource != resource {
                let text = "Provided value for the input parameter scope is not valid because it contains more \
                            than one resource.";
                return Err(("invalid_scope", 28000, text.to_owned()));
            }
            resource.clone_into(&mut asked.resource);
            if resource == self.base_url {
                if !matches!(permission, ".default" | "user_impersonation") {
                    let text = format!(
                        "The application '{}' asked for scope '{permission}' that doesn't exist on the resource \
                         '{resource}'. Contact the app vendor.",
                        self.client_id
                    );
                    return Err(("invalid_client", 650_053, text));
                }
            } else if resource != GRAPH {
                let text = format!(
                    "The resource principal named {resource} was not found in the tenant named {}. This can happen \
                     if the application has not been installed by the administrator of the tenant or consented to \
                     by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
                    self.tenant
                );
                return Err(("invalid_resource", 500_011, text));
            }
            let permission = match permission {
                ".default" => "user_impersonation",
                other => other,
            };
            asked.scopes.push(permission.to_owned());
        }
        if asked.resource.is_empty() {
            GRAPH.clone_into(&mut asked.resource);
        }
        Ok(asked)
    }

    pub(super) fn authorize(
        &mut self,
        tenant: &str,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        // The vendor's own page says what is wrong as long as the app's address is not known.
        let shown =
            |code: u32, text: &str| Answer::html(400, problem(&format!("AADSTS{code}: {text}")));
        if self.tenant(tenant, now).is_err()
            && !self.settings.other_tenants.iter().any(|t| t == tenant)
        {
            return shown(90002, &format!("Tenant '{tenant}' not found."));
        }
        let client = get(&form, "client_id").unwrap_or_default();
        if client != self.client_id || self.settings.other_tenants.iter().any(|t| t == tenant) {
            return shown(700_016, &unknown_app(client, tenant));
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !self
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            let text = format!(
                "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured \
                 for the application '{client}'."
            );
            return shown(50011, &text);
        }
        let state = get(&form, "state");
        let by_post = get(&form, "response_mode") == Some("form_post");
        let back = |fields: &[(&str, &str)]| {
            if by_post {
                Answer::html(200, posting(redirect, fields, state))
            } else {
                Answer::found(location(redirect, fields, state))
            }
        };
        let wrong = |error: &str, code: u32, text: &str| {
            let text = format!("AADSTS{code}: {text}");
            back(&[("error", error), ("error_description", &text)])
        };
        if get(&form, "response_type") != Some("code") {
            let text = "The response_type is not supported for the application.";
            return wrong("unsupported_response_type", 70007, text);
        }
        if !matches!(
            get(&form, "response_mode"),
            None | Some("query" | "form_post")
        ) {
            let text = "The provided value for the input parameter 'response_mode' isn't allowed.";
            return wrong("invalid_request", 70007, text);
        }
        if get(&form, "scope").is_none() {
            let text = "The request body must contain the following parameter: 'scope'.";
            return wrong("invalid_request", 900_144, text);
        }
        let asked = match self.asked(get(&form, "scope")) {
            Ok(asked) => asked,
            Err((error, code, text)) => return wrong(error, code, &text),
        };
        let method = get(&form, "code_challenge_method");
        let challenge = match (get(&form, "code_challenge"), method) {
            (None, _) => None,
            (Some(text), _) if !is_verifier(text) => {
                return wrong(
                    "invalid_request",
                    501_491,
                    "Invalid size of Code_Challenge parameter.",
                );
            }
            (Some(text), Some("S256")) => Some(Challenge::S256(text.to_owned())),
            (Some(text), None | Some("plain")) => Some(Challenge::Plain(text.to_owned())),
            _ => {
                let text = "Invalid Code_Challenge_method parameter.";
                return wrong("invalid_request", 501_481, text);
            }
        };
        match decision(request, &form) {
            Decision::Allow => {
                let consent = Consent {
                    user: who(&form).to_owned(),
                    scopes: asked.scopes,
                    realm: asked.resource,
                };
                let value = format!("0.A{}", self.tables.noise.fresh("code", 200));
                let code = Code {
                    redirect_uri: redirect.to_owned(),
                    challenge,
                    consent,
                    ends: after(now, CODE_SECONDS),
                };
                self.tables.keep_code(&value, code);
                let session = self.tables.noise.guid(&value);
                back(&[("code", &value), ("session_state", &session)])
            }
            Decision::Deny => back(&[
                ("error", "access_denied"),
                ("error_subcode", "cancel"),
                (
                    "error_description",
                    "AADSTS65004: User declined to consent to access the app.",
                ),
            ]),
            Decision::Ask => {
                let asks = get(&form, "scope").unwrap_or_default();
                let words = ["Accept", "Cancel"];
                Answer::html(
                    200,
                    page(
                        "Permissions requested",
                        request.uri().path(),
                        &form,
                        asks,
                        words,
                    ),
                )
            }
        }
    }
}
