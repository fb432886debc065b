//! Consent and the token endpoint. The way back is a form that the browser posts.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Copper, SCOPE};
use crate::oauth::{
    Answer, Code, CodeFault, Consent, Decision, Form, after, decision, get, page, posting, problem,
    query, urlencoded, who,
};

const BAD_GRANT: &str = "The provided authorization grant is invalid, expired, revoked, does not match the redirection \
                         URI used in the authorization request, or was issued to another client.";

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(
        status,
        json!({ "error": error, "error_description": description }),
    )
}

impl Copper {
    pub(super) fn authorize(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            let text = "Client authentication failed due to unknown client, no client authentication included, or \
                        unsupported authentication method.";
            return Answer::html(401, problem(text));
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !self
            .account
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            return Answer::html(400, problem("The redirect uri included is not valid."));
        }
        let state = get(&form, "state");
        let back = |fields: &[(&str, &str)]| Answer::html(200, posting(redirect, fields, state));
        if get(&form, "response_type") != Some("code") {
            let text = "The authorization server does not support this response type.";
            return back(&[
                ("error", "unsupported_response_type"),
                ("error_description", text),
            ]);
        }
        if get(&form, "scope") != Some(SCOPE) {
            let text = "The requested scope is invalid, unknown, or malformed.";
            return back(&[("error", "invalid_scope"), ("error_description", text)]);
        }
        match decision(request, &form) {
            Decision::Allow => {
                let value = self.tables.noise.label("code");
                let value = self.tables.noise.hex(&value, 64);
                let code = Code {
                    redirect_uri: redirect.to_owned(),
                    challenge: None,
                    consent: Consent {
                        user: who(&form).to_owned(),
                        scopes: vec![SCOPE.to_owned()],
                        realm: String::new(),
                    },
                    ends: after(now, self.account.settings.code_seconds),
                };
                self.tables.keep_code(&value, code);
                back(&[("code", &value)])
            }
            Decision::Deny => {
                let text = "The resource owner or authorization server denied the request.";
                back(&[("error", "access_denied"), ("error_description", text)])
            }
            Decision::Ask => {
                let words = ["Authorize", "Deny"];
                Answer::html(
                    200,
                    page("Authorize app", "/oauth/authorize", &form, SCOPE, words),
                )
            }
        }
    }

    pub(super) fn token(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let form = urlencoded(request);
        if get(&form, "grant_type") != Some("authorization_code") {
            let text = "The authorization grant type is not supported by the authorization server.";
            return refused(400, "unsupported_grant_type", text);
        }
        let client = get(&form, "client_id") == Some(self.client_id.as_str());
        if !client || get(&form, "client_secret") != Some(self.client_secret.as_str()) {
            let text = "Client authentication failed due to unknown client, no client authentication included, or \
                        unsupported authentication method.";
            return refused(401, "invalid_client", text);
        }
        match self.by_code(&form, now) {
            Ok(body) => Answer::json(200, body),
            Err(answer) => answer,
        }
    }

    fn by_code(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "code").unwrap_or_default();
        let bad = || refused(400, "invalid_grant", BAD_GRANT);
        let code = self.tables.take_code(value, now).map_err(|fault| {
            if let CodeFault::Spent(Some(grant)) = fault {
                self.tables.end(grant, true);
            }
            bad()
        })?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            return Err(bad());
        }
        let access = self.install(code.consent, Some(value), now);
        Ok(json!({ "access_token": access, "token_type": "Bearer", "scope": SCOPE }))
    }

    /// Opens a grant; its one token does not end by itself.
    pub(super) fn install(
        &mut self,
        consent: Consent,
        code: Option<&str>,
        now: Timestamp,
    ) -> String {
        let grant = self.tables.open(consent.clone(), code, now);
        let value = self.tables.noise.fresh("access", 86);
        self.tables.keep_access(&value, Some(grant), consent, None);
        value
    }
}
