//! The token endpoint and revocation. Errors are HTTP 200; parameters may come in the query, as a
//! form or as multipart.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::authorize::LASTING;
use super::{ACCESS_SECONDS, HOME, REFRESHES_MOST, WINDOW_SECONDS, Zoho};
use crate::oauth::{
    Answer, CodeFault, Consent, Fate, Form, after, content_type, get, multipart, query, urlencoded,
};

fn form(request: &Request<Bytes>) -> Form {
    let mut form = if content_type(request) == "multipart/form-data" {
        multipart(request)
    } else {
        urlencoded(request)
    };
    form.extend(query(request));
    form
}

fn refused(error: &str) -> Answer {
    Answer::json(200, json!({ "error": error }))
}

impl Zoho {
    pub(super) fn throttled(&self) -> Answer {
        let description =
            "You have made too many requests continuously. Please try again after some time.";
        let body = json!({ "error_description": description, "error": "Access Denied", "status": "failure" });
        Answer::json(self.org.settings.throttle_status, body)
    }

    pub(super) fn token(
        &mut self,
        request: &Request<Bytes>,
        place: &str,
        now: Timestamp,
    ) -> Answer {
        let form = form(request);
        let grant = get(&form, "grant_type");
        if !matches!(grant, Some("authorization_code" | "refresh_token")) {
            return refused("unsupported_grant_type");
        }
        let known = place == HOME || self.org.settings.multi_dc;
        if get(&form, "client_id") != Some(self.client_id.as_str()) || !known {
            return refused("invalid_client");
        }
        if get(&form, "client_secret") != Some(self.secret(place).as_str()) {
            return refused("invalid_client_secret");
        }
        let issued = if grant == Some("refresh_token") {
            self.by_refresh(&form, place, now)
        } else {
            self.by_code(&form, place, now)
        };
        match issued {
            Ok(body) => Answer::json(200, body),
            Err(answer) => answer,
        }
    }

    fn by_code(&mut self, form: &Form, place: &str, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "code").unwrap_or_default();
        // Another data centre has never seen the code, so it stays good at its own.
        if self.tables.realm(value) != Some(place) {
            return Err(refused("invalid_code"));
        }
        let code = self.tables.take_code(value, now).map_err(|fault| {
            if let CodeFault::Spent(Some(grant)) = fault {
                self.tables.end(grant, true);
            }
            refused("invalid_code")
        })?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            return Err(refused("invalid_redirect_uri"));
        }
        let lasting = code.consent.scopes.iter().any(|scope| scope == LASTING);
        let mut consent = code.consent;
        consent.scopes.retain(|scope| scope != LASTING);
        let grant = self.tables.open(consent.clone(), Some(value), now);
        let user = consent.user.clone();
        let mut body = self.issue(grant, consent, now);
        if lasting && let Some(body) = body.as_object_mut() {
            let refresh = self.refresh_token(grant, &user, now);
            body.insert("refresh_token".to_owned(), json!(refresh));
        }
        Ok(body)
    }

    fn by_refresh(&mut self, form: &Form, place: &str, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "refresh_token").unwrap_or_default();
        let live = self.tables.refresh(value).filter(|r| r.fate == Fate::Live);
        let live = live.map(|refresh| refresh.grant);
        let grant = live.and_then(|number| Some((number, self.tables.grant(number)?.clone())));
        let Some((number, grant)) = grant.filter(|(_, grant)| grant.consent.realm == place) else {
            return Err(refused("invalid_code"));
        };
        // Refused ones count too: it clears after silence.
        let shown = self.refreshes.entry(value.to_owned()).or_default();
        while shown
            .front()
            .is_some_and(|at| after(*at, WINDOW_SECONDS) <= now)
        {
            shown.pop_front();
        }
        let many = shown.len() >= REFRESHES_MOST;
        if many {
            shown.pop_front();
        }
        shown.push_back(now);
        if many {
            return Err(self.throttled());
        }
        self.tables.used(value, Fate::Live, now);
        Ok(self.issue(number, grant.consent, now))
    }

    fn issue(&mut self, grant: u64, consent: Consent, now: Timestamp) -> Value {
        let scope = consent.scopes.join(" ");
        let access = self.access(grant, consent, now);
        let (_, api) = self.addresses();
        let mut body = json!({
            "access_token": access,
            "scope": scope,
            "api_domain": api,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
        });
        if let (true, Some(body)) = (self.org.settings.expires_in_ms, body.as_object_mut()) {
            body.insert("expires_in".to_owned(), json!(ACCESS_SECONDS * 1_000));
            body.insert("expires_in_sec".to_owned(), json!(ACCESS_SECONDS));
        }
        body
    }

    pub(super) fn revoke(
        &mut self,
        request: &Request<Bytes>,
        place: &str,
        now: Timestamp,
    ) -> Answer {
        let form = form(request);
        let token = get(&form, "token").unwrap_or_default();
        let refresh = self.tables.refresh(token).filter(|r| r.fate == Fate::Live);
        let grant = refresh.map(|refresh| refresh.grant).filter(|number| {
            let grant = self.tables.grant(*number);
            grant.is_some_and(|grant| grant.consent.realm == place)
        });
        let access = self.tables.access(token, now);
        let is_here = access.is_some_and(|access| access.consent.realm == place);
        if let Some(number) = grant {
            self.tables.end(number, true);
        } else if is_here {
            self.tables.drop_access(token);
        } else {
            return refused("invalid_token");
        }
        Answer::json(200, json!({ "status": "success" }))
    }
}
