//! The organisation's OAuth server. The app proves itself by `Basic` alone.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Freshsales, SCOPES};
use crate::oauth::{
    Answer, Code, CodeFault, Consent, Decision, Fate, Form, after, basic, decision, get, location,
    page, problem, query, urlencoded, who, words,
};

const CODE_SECONDS: i64 = 10 * 60;
const IDLE_SECONDS: i64 = 365 * 24 * 60 * 60;

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(
        status,
        json!({ "error": error, "error_description": description }),
    )
}

impl Freshsales {
    pub(super) fn authorize(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return Answer::html(400, problem("invalid_client: unknown client_id"));
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !self
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            return Answer::html(
                400,
                problem("invalid_request: redirect_uri is not registered"),
            );
        }
        let state = get(&form, "state");
        let back = |fields: &[(&str, &str)]| Answer::found(location(redirect, fields, state));
        if get(&form, "response_type") != Some("code") {
            return back(&[("error", "unsupported_response_type")]);
        }
        let mut scopes = words(get(&form, "scope"), &[' ']);
        if scopes.is_empty() {
            scopes = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        }
        if !scopes.iter().all(|scope| scope.starts_with("freshsales.")) {
            return back(&[("error", "invalid_scope")]);
        }
        match decision(request, &form) {
            Decision::Allow => {
                let value = self.tables.noise.fresh("code", 48);
                let code = Code {
                    redirect_uri: redirect.to_owned(),
                    challenge: None,
                    consent: Consent {
                        user: who(&form).to_owned(),
                        scopes,
                        realm: String::new(),
                    },
                    ends: after(now, CODE_SECONDS),
                };
                self.tables.keep_code(&value, code);
                back(&[("code", &value)])
            }
            Decision::Deny => back(&[("error", "access_denied")]),
            Decision::Ask => {
                let asks = scopes.join(", ");
                let words = ["Allow", "Deny"];
                Answer::html(
                    200,
                    page("Allow access", request.uri().path(), &form, &asks, words),
                )
            }
        }
    }

    pub(super) fn token(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let client = basic(request);
        let known =
            client.is_some_and(|(id, secret)| id == self.client_id && secret == self.client_secret);
        if !known {
            return refused(401, "invalid_client", "Client authentication failed")
                .with("www-authenticate", "Basic");
        }
        let form = urlencoded(request);
        let issued = match get(&form, "grant_type") {
            Some("authorization_code") => self.by_code(&form, now),
            Some("refresh_token") => self.by_refresh(&form, now),
            _ => Err(refused(
                400,
                "unsupported_grant_type",
                "The grant type is not supported",
            )),
        };
        match issued {
            Ok(body) => Answer::json(200, body),
            Err(answer) => answer,
        }
    }

    fn by_code(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "code").unwrap_or_default();
        let code = self.tables.take_code(value, now).map_err(|fault| {
            if let CodeFault::Spent(Some(grant)) = fault {
                self.tables.end(grant, true);
            }
            refused(
                400,
                "invalid_grant",
                "The authorization code is invalid or has expired",
            )
        })?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            return Err(refused(
                400,
                "invalid_grant",
                "The redirect_uri does not match",
            ));
        }
        let grant = self.tables.open(code.consent.clone(), Some(value), now);
        let refresh = self.refresh_token(grant, now);
        Ok(self.body(grant, code.consent, &refresh, now))
    }

    fn by_refresh(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "refresh_token").unwrap_or_default();
        let live = self.tables.refresh(value).cloned();
        let live = live.filter(|r| r.fate == Fate::Live && now <= after(r.used, IDLE_SECONDS));
        let grant = live.and_then(|r| Some((r.grant, self.tables.grant(r.grant)?.clone())));
        let Some((number, grant)) = grant else {
            let text = "The refresh token is invalid or has expired";
            return Err(refused(400, "invalid_grant", text));
        };
        let next = if self.settings.refresh_rotation {
            self.tables.used(value, Fate::Replaced, now);
            self.refresh_token(number, now)
        } else {
            self.tables.used(value, Fate::Live, now);
            value.to_owned()
        };
        Ok(self.body(number, grant.consent, &next, now))
    }

    fn body(&mut self, grant: u64, consent: Consent, refresh: &str, now: Timestamp) -> Value {
        let scope = consent.scopes.join(" ");
        json!({
            "access_token": self.access(grant, consent, now),
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": self.settings.access_seconds,
            "scope": scope,
        })
    }

    pub(super) fn refresh_token(&mut self, grant: u64, now: Timestamp) -> String {
        let value = self.tables.noise.fresh("refresh", 64);
        self.tables.keep_refresh(&value, grant, now);
        value
    }

    pub(super) fn access(&mut self, grant: u64, consent: Consent, now: Timestamp) -> String {
        let value = self.tables.noise.fresh("access", 64);
        let ends = after(now, self.settings.access_seconds);
        self.tables
            .keep_access(&value, Some(grant), consent, Some(ends));
        value
    }
}
