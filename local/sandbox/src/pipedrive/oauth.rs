//! Consent, the token endpoint and revocation. The app proves itself by `Basic` alone.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Pipedrive;
use crate::oauth::{
    Answer, Code, CodeFault, Consent, Decision, Fate, Form, after, basic, decision, get, location,
    page, problem, query, urlencoded, who,
};

const ACCESS_SECONDS: i64 = 3599;
const IDLE_SECONDS: i64 = 60 * 24 * 60 * 60;

impl Pipedrive {
    pub(super) fn authorize(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return Answer::html(400, problem("The app was not found: unknown client_id."));
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !self
            .company
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            let message = "The redirect_uri does not match the callback URL of the app.";
            return Answer::html(400, problem(message));
        }
        let state = get(&form, "state");
        match decision(request, &form) {
            Decision::Allow => {
                let value = self.tables.noise.label("code");
                let value = self.tables.noise.hex(&value, 40);
                let consent = Consent {
                    user: who(&form).to_owned(),
                    scopes: self.company.settings.scopes.clone(),
                    realm: String::new(),
                };
                let code = Code {
                    redirect_uri: redirect.to_owned(),
                    challenge: None,
                    consent,
                    ends: after(now, self.company.settings.code_seconds),
                };
                self.tables.keep_code(&value, code);
                Answer::found(location(redirect, &[("code", &value)], state))
            }
            Decision::Deny => Answer::found(location(redirect, &[("error", "user_denied")], state)),
            Decision::Ask => {
                let asks = self.company.settings.scopes.join(", ");
                let words = ["Allow and install", "Cancel"];
                Answer::html(
                    200,
                    page("Install app", "/oauth/authorize", &form, &asks, words),
                )
            }
        }
    }

    pub(super) fn token(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        if let Err(answer) = self.client(request) {
            return answer;
        }
        let form = urlencoded(request);
        let issued = match get(&form, "grant_type") {
            Some("authorization_code") => self.by_code(&form, now),
            Some("refresh_token") => self.by_refresh(&form, now),
            _ => {
                let message = "Unsupported grant type: `grant_type` is invalid";
                Err(refused(400, "unsupported_grant_type", message))
            }
        };
        match issued {
            Err(answer) => answer,
            Ok((access, refresh, scopes)) => {
                let expires_in = if self.company.settings.expires_in_text {
                    json!(ACCESS_SECONDS.to_string())
                } else {
                    json!(ACCESS_SECONDS)
                };
                let body = json!({
                    "access_token": access,
                    "token_type": "Bearer",
                    "expires_in": expires_in,
                    "refresh_token": refresh,
                    "scope": scopes.join(","),
                    "api_domain": self.base_url,
                });
                Answer::json(200, body)
            }
        }
    }

    fn client(&self, request: &Request<Bytes>) -> Result<(), Answer> {
        let Some((id, secret)) = basic(request) else {
            let message = "Invalid client: cannot retrieve client credentials";
            return Err(refused(400, "invalid_client", message));
        };
        if id == self.client_id && secret == self.client_secret {
            return Ok(());
        }
        let message = "Invalid client: client is invalid";
        let answer = refused(401, "invalid_client", message);
        Err(answer.with("www-authenticate", "Basic realm=\"Service\""))
    }

    fn by_code(
        &mut self,
        form: &Form,
        now: Timestamp,
    ) -> Result<(String, String, Vec<String>), Answer> {
        let Some(value) = get(form, "code") else {
            return Err(refused(400, "invalid_request", "Missing parameter: `code`"));
        };
        let code = self.tables.take_code(value, now).map_err(|fault| {
            let message = match fault {
                CodeFault::Expired => "Invalid grant: authorization code has expired",
                CodeFault::Unknown => "Invalid grant: authorization code is invalid",
                CodeFault::Spent(grant) => {
                    if let Some(grant) = grant {
                        self.tables.end(grant, true);
                    }
                    "Invalid grant: authorization code is invalid"
                }
            };
            refused(400, "invalid_grant", message)
        })?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            let message = "Invalid request: `redirect_uri` is invalid";
            return Err(refused(400, "invalid_request", message));
        }
        let scopes = code.consent.scopes.clone();
        let (access, refresh) = self.install(code.consent, Some(value), now);
        Ok((access, refresh, scopes))
    }

    fn by_refresh(
        &mut self,
        form: &Form,
        now: Timestamp,
    ) -> Result<(String, String, Vec<String>), Answer> {
        let Some(value) = get(form, "refresh_token") else {
            let message = "Missing parameter: `refresh_token`";
            return Err(refused(400, "invalid_request", message));
        };
        let live = self.tables.refresh(value).cloned();
        let live = live.filter(|r| r.fate == Fate::Live && now <= after(r.used, IDLE_SECONDS));
        let grant = live.and_then(|r| Some((r.grant, self.tables.grant(r.grant)?.clone())));
        let Some((number, grant)) = grant else {
            let message = "Invalid grant: refresh token is invalid";
            return Err(refused(400, "invalid_grant", message));
        };
        let scopes = grant.consent.scopes.clone();
        let access = self.access(number, grant.consent, now);
        if !self.company.settings.refresh_rotation {
            self.tables.used(value, Fate::Live, now);
            return Ok((access, value.to_owned(), scopes));
        }
        self.tables.used(value, Fate::Replaced, now);
        let next = self.refresh_token(number, now);
        Ok((access, next, scopes))
    }

    /// Opens an installation; gives access and refresh token.
    pub(super) fn install(
        &mut self,
        consent: Consent,
        code: Option<&str>,
        now: Timestamp,
    ) -> (String, String) {
        let grant = self.tables.open(consent.clone(), code, now);
        let refresh = self.refresh_token(grant, now);
        (self.access(grant, consent, now), refresh)
    }

    fn refresh_token(&mut self, grant: u64, now: Timestamp) -> String {
        let label = self.tables.noise.label("refresh");
        let value = format!("1:1:{}", self.tables.noise.hex(&label, 40));
        self.tables.keep_refresh(&value, grant, now);
        value
    }

    fn access(&mut self, grant: u64, consent: Consent, now: Timestamp) -> String {
        let value = format!("v1u:{}", self.tables.noise.fresh("access", 320));
        let ends = after(now, ACCESS_SECONDS);
        self.tables
            .keep_access(&value, Some(grant), consent, Some(ends));
        value
    }

    /// Revoking the refresh token uninstalls the app; an access token ends alone.
    pub(super) fn revoke(&mut self, request: &Request<Bytes>) -> Answer {
        if let Err(answer) = self.client(request) {
            return answer;
        }
        let form = urlencoded(request);
        let Some(token) = get(&form, "token") else {
            return refused(400, "invalid_request", "Missing parameter: `token`");
        };
        // The vendor's library encodes an access token twice.
        let decoded = percent_decode_str(token).decode_utf8_lossy();
        if let Some(refresh) = self.tables.refresh(token) {
            self.tables.end(refresh.grant, true);
        } else if !self.tables.drop_access(token) {
            self.tables.drop_access(&decoded);
        }
        Answer::json(200, json!({}))
    }
}

/// The error of the token endpoint.
fn refused(status: u16, error: &str, message: &str) -> Answer {
    let body: Value = json!({ "success": false, "message": message, "error": error });
    Answer::json(status, body)
}
