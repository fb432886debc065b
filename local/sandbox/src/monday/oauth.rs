//! OAuth 2.1: a challenge is demanded, refresh tokens rotate, access tokens say themselves when they
//! end.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Monday, SCOPES};
use crate::oauth::{
    Answer, Challenge, Code, CodeFault, Consent, Decision, Fate, Form, after, content_type,
    decision, get, is_verifier, json_form, location, page, person, problem, query, urlencoded, who,
    words,
};

const CODE_SECONDS: i64 = 10 * 60;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// An error of the token endpoint.
pub(super) fn refused(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    Answer::json(status, body).with("cache-control", "no-store")
}

fn invalid_grant(description: &str) -> Answer {
    refused(400, "invalid_grant", description)
}

/// The body, JSON or a form.
fn body(request: &Request<Bytes>) -> Result<Form, Answer> {
    match content_type(request).as_str() {
        "application/json" => json_form(request)
            .ok_or_else(|| refused(400, "invalid_request", "The body is not a JSON object")),
        _ => Ok(urlencoded(request)),
    }
}

impl Monday {
    pub(super) fn authorize(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return Answer::html(400, problem("Invalid client_id"));
        }
        let sent = get(&form, "redirect_uri");
        let registered = &self.account.settings.redirect_uris;
        let redirect = sent.or(registered.first().map(String::as_str));
        let Some(redirect) = redirect.filter(|uri| registered.iter().any(|known| known == uri))
        else {
            return Answer::html(400, problem("Invalid redirect_uri"));
        };
        let redirect = redirect.to_owned();
        let state = get(&form, "state");
        let back = |fields: &[(&str, &str)]| Answer::found(location(&redirect, fields, state));
        let wrong =
            |error: &str, text: &str| back(&[("error", error), ("error_description", text)]);
        let asked = words(get(&form, "scope"), &[' ']);
        let scopes = if asked.is_empty() {
            SCOPES.iter().map(|scope| (*scope).to_owned()).collect()
        } else {
            asked
        };
        if !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return wrong("invalid_scope", "The app has no such scope");
        }
        let challenge = get(&form, "code_challenge").filter(|challenge| is_verifier(challenge));
        let Some(challenge) = challenge else {
            return wrong(
                "invalid_request",
                "code_challenge is required, 43 to 128 characters",
            );
        };
        if get(&form, "code_challenge_method") != Some("S256") {
            return wrong("invalid_request", "code_challenge_method must be S256");
        }
        match decision(request, &form) {
            Decision::Allow => {
                let user = who(&form);
                let is_admin = person(user).is_some_and(|(number, _)| number == 0);
                if is_admin {
                    self.account.settings.installed = true;
                } else if !self.account.settings.installed {
                    return Answer::html(403, problem("An admin has to install this app first"));
                }
                let value = self.tables.noise.label("code");
                let value = self.tables.noise.hex(&value, 32);
                let code = Code {
                    redirect_uri: sent.unwrap_or_default().to_owned(),
                    challenge: Some(Challenge::S256(challenge.to_owned())),
                    consent: Consent {
                        user: user.to_owned(),
                        scopes,
                        realm: String::new(),
                    },
                    ends: after(now, CODE_SECONDS),
                };
                self.tables.keep_code(&value, code);
                back(&[("code", &value), ("status", "200")])
            }
            Decision::Deny => wrong("access_denied", "User denied access"),
            Decision::Ask => {
                let asks = scopes.join(", ");
                let words = ["Authorize", "Cancel"];
                Answer::html(
                    200,
                    page("Authorize app", "/oauth2/authorize", &form, &asks, words),
                )
            }
        }
    }

    /// Checks the app; only the body counts.
    fn client(&self, form: &Form) -> Result<(), Answer> {
        let client = get(form, "client_id") == Some(self.client_id.as_str());
        if client && get(form, "client_secret") == Some(self.client_secret.as_str()) {
            return Ok(());
        }
        let text = "Client authentication failed";
        Err(refused(401, "invalid_client", text))
    }

    pub(super) fn token(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let issued = body(request).and_then(|form| {
            let grant = get(&form, "grant_type");
            if !matches!(grant, Some("authorization_code" | "refresh_token")) {
                let text = "grant_type must be authorization_code or refresh_token";
                return Err(refused(400, "unsupported_grant_type", text));
            }
            self.client(&form)?;
            if grant == Some("refresh_token") {
                self.by_refresh(&form, now)
            } else {
                self.by_code(&form, now)
            }
        });
        match issued {
            Ok(body) => Answer::json(200, body).with("cache-control", "no-store"),
            Err(answer) => answer,
        }
    }

    fn by_code(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "code").unwrap_or_default();
        let code = self
            .tables
            .take_code(value, now)
            .map_err(|fault| match fault {
                CodeFault::Expired => invalid_grant("The authorization code has expired"),
                CodeFault::Unknown => invalid_grant("The authorization code is invalid"),
                CodeFault::Spent(grant) => {
                    if let Some(grant) = grant {
                        self.tables.end(grant, true);
                    }
                    invalid_grant("The authorization code has already been used")
                }
            })?;
        if get(form, "redirect_uri").unwrap_or_default() != code.redirect_uri {
            return Err(invalid_grant("redirect_uri does not match"));
        }
        let verifier = get(form, "code_verifier").filter(|verifier| is_verifier(verifier));
        let challenge = code.challenge.as_ref();
        if !challenge.is_some_and(|challenge| verifier.is_some_and(|v| challenge.is_met(v))) {
            return Err(invalid_grant("code_verifier does not match"));
        }
        let grant = self.tables.open(code.consent.clone(), Some(value), now);
        Ok(self.tokens(grant, code.consent, now))
    }

    fn by_refresh(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let dead = || invalid_grant("The refresh token is invalid or has expired");
        let value = get(form, "refresh_token").unwrap_or_default();
        let refresh = self.tables.refresh(value).cloned().ok_or_else(dead)?;
        if refresh.fate == Fate::Replaced && self.account.settings.reuse_revokes {
            self.tables.end(refresh.grant, true);
        }
        let grant = self.tables.grant(refresh.grant).cloned();
        let life = self
            .account
            .settings
            .lineage_days
            .saturating_mul(DAY_SECONDS);
        let grant =
            grant.filter(|grant| refresh.fate == Fate::Live && now <= after(grant.since, life));
        let grant = grant.ok_or_else(dead)?;
        self.tables.used(value, Fate::Replaced, now);
        Ok(self.tokens(refresh.grant, grant.consent, now))
    }

    fn tokens(&mut self, grant: u64, consent: Consent, now: Timestamp) -> Value {
        let scope = consent.scopes.join(" ");
        json!({
            "refresh_token": self.refresh_token(grant, now),
            "access_token": self.access(grant, consent, now),
            "token_type": "Bearer",
            "scope": scope,
        })
    }

    pub(super) fn refresh_token(&mut self, grant: u64, now: Timestamp) -> String {
        let label = self.tables.noise.label("refresh");
        let noise = &self.tables.noise;
        let claims = json!({ "jti": noise.guid(&label), "typ": "refresh", "iat": now.as_second() });
        let value = noise.jwt(&claims);
        self.tables.keep_refresh(&value, grant, now);
        value
    }

    pub(super) fn access(&mut self, grant: u64, consent: Consent, now: Timestamp) -> String {
        let ends = after(now, self.account.settings.access_seconds);
        let label = self.tables.noise.label("access");
        let noise = &self.tables.noise;
        let value = noise.jwt(&json!({
            "jti": noise.guid(&label),
            "uid": self.user(&consent.user),
            "actid": self.account_id(),
            "per": consent.scopes.join(" "),
            "rgn": "use1",
            "iat": now.as_second(),
            "exp": ends.as_second(),
        }));
        self.tables
            .keep_access(&value, Some(grant), consent, Some(ends));
        value
    }

    /// Ends the lineage of a refresh token, or an access token alone.
    pub(super) fn revoke(&mut self, request: &Request<Bytes>) -> Answer {
        let form = match body(request).and_then(|form| self.client(&form).map(|()| form)) {
            Ok(form) => form,
            Err(answer) => return answer,
        };
        let token = get(&form, "token").unwrap_or_default();
        if let Some(number) = self.tables.refresh(token).map(|refresh| refresh.grant) {
            self.tables.end(number, true);
        } else {
            self.tables.drop_access(token);
        }
        Answer::json(200, json!({ "success": true }))
    }

    pub(super) fn discovery(&self) -> Answer {
        let base = &self.base_url;
        Answer::json(
            200,
            json!({
                "issuer": format!("{base}/oauth_ms"),
                "authorization_endpoint": format!("{base}/oauth2/authorize"),
                "token_endpoint": format!("{base}/oauth_ms/oauth/token"),
                "revocation_endpoint": format!("{base}/oauth_ms/oauth/revoke"),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": SCOPES,
            }),
        )
    }
}
