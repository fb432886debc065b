//! The token endpoint: authorization code, refresh token, client credentials.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{APP, Entra};
use crate::oauth::{
    Answer, CodeFault, Consent, Fate, Form, after, basic, content_type, get, is_verifier,
    urlencoded,
};

/// How long a refresh token lives without use.
const IDLE_SECONDS: i64 = 90 * 24 * 60 * 60;
const EXPIRED: &str = "The provided authorization code or refresh token has expired due to inactivity. Send a new \
                       interactive authorization request for this user and resource.";
const MALFORMED: &str = "Invalid request. Request is malformed or invalid.";
const REVOKED: &str = "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user \
                       might have changed or reset their password.";

impl Entra {
    pub(super) fn token(
        &mut self,
        tenant: &str,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        if content_type(request) != "application/x-www-form-urlencoded" {
            return self.missing("grant_type", now);
        }
        let form = urlencoded(request);
        let issued = self.tenant(tenant, now).and_then(|()| {
            let grant = get(&form, "grant_type");
            let grant = grant.ok_or_else(|| self.missing("grant_type", now))?;
            if !matches!(
                grant,
                "authorization_code" | "refresh_token" | "client_credentials"
            ) {
                let text = format!("The app requested an unsupported grant type '{grant}'.");
                return Err(self.refused(400, "unsupported_grant_type", 70003, &text, now));
            }
            self.client(tenant, request, &form, now)?;
            match grant {
                "authorization_code" => self.by_code(&form, now),
                "refresh_token" => self.by_refresh(&form, now),
                _ => self.by_credentials(tenant, &form, now),
            }
        });
        match issued {
            Ok(body) => Answer::json(200, body).with("cache-control", "no-store, no-cache"),
            Err(answer) => answer,
        }
    }

    fn client(
        &mut self,
        tenant: &str,
        request: &Request<Bytes>,
        form: &Form,
        now: Timestamp,
    ) -> Result<(), Answer> {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (id, secret) = match basic(request) {
            Some((id, secret)) => (Some(plain(&id)), Some(plain(&secret))),
            None => (
                get(form, "client_id").map(str::to_owned),
                get(form, "client_secret").map(str::to_owned),
            ),
        };
        let Some(id) = id else {
            return Err(self.missing("client_id", now));
        };
        if id != self.client_id {
            return Err(self.unknown_app(&id, tenant, now));
        }
        let (code, text) = if get(form, "client_assertion").is_some() {
            (700_027, "The certificate with identifier used to sign the client assertion is not registered on application.".to_owned())
        } else if secret.is_none() {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            (7_000_218, text.to_owned())
        } else if secret.as_deref() != Some(&self.client_secret) {
            let text = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                 value, not the client secret ID, for a secret added to app '{id}'."
            );
            (7_000_215, text)
        } else if self.settings.secret_expired {
            let text = format!(
                "The provided client secret keys for app '{id}' are expired. Visit the Azure portal to create new keys \
                 for your app."
            );
            (7_000_222, text)
        } else {
            return Ok(());
        };
        Err(self.refused(401, "invalid_client", code, &text, now))
    }

    fn by_code(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "code").ok_or_else(|| self.missing("code", now))?;
        let code = self.tables.take_code(value, now);
        let code = code.map_err(|fault| {
            let (number, text) = match fault {
                CodeFault::Unknown => (9_002_313, MALFORMED),
                CodeFault::Expired => (70008, EXPIRED),
                CodeFault::Spent(grant) => {
                    if let Some(grant) = grant {
                        self.tables.end(grant, false);
                    }
                    let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or \
                                use an existing refresh token.";
                    (54005, text)
                }
            };
            self.grant_refused(number, text, now)
        })?;
        let redirect = get(form, "redirect_uri").unwrap_or_default();
        if redirect != code.redirect_uri {
            let text = format!(
                "The reply address '{redirect}' does not match the reply address '{}' provided when requesting \
                 Authorization code.",
                code.redirect_uri
            );
            return Err(self.grant_refused(500_112, &text, now));
        }
        let verifier = get(form, "code_verifier");
        if let Some(challenge) = &code.challenge
            && !verifier.is_some_and(|verifier| is_verifier(verifier) && challenge.is_met(verifier))
        {
            let (number, text) = if verifier.is_none() {
                (
                    50148,
                    "The code_verifier does not match the code_challenge supplied in the authorization request for \
                     PKCE.",
                )
            } else {
                (
                    501_481,
                    "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
                )
            };
            return Err(self.grant_refused(number, text, now));
        }
        self.narrowed(&code.consent, form, now)?;
        let grant = self.tables.open(code.consent.clone(), Some(value), now);
        Ok(self.tokens(grant, &code.consent, now))
    }

    fn by_refresh(&mut self, form: &Form, now: Timestamp) -> Result<Value, Answer> {
        let value = get(form, "refresh_token");
        let value = value.ok_or_else(|| self.missing("refresh_token", now))?;
        let Some(refresh) = self.tables.refresh(value).cloned() else {
            return Err(self.grant_refused(9_002_313, MALFORMED, now));
        };
        if refresh.fate != Fate::Live {
            return Err(self.grant_refused(50173, REVOKED, now));
        }
        if now > after(refresh.used, IDLE_SECONDS) {
            return Err(self.grant_refused(70008, EXPIRED, now));
        }
        let grant = self.tables.grant(refresh.grant).cloned();
        let Some(grant) = grant else {
            return Err(self.grant_refused(50173, REVOKED, now));
        };
        self.narrowed(&grant.consent, form, now)?;
        self.tables.used(value, Fate::Live, now);
        Ok(self.tokens(refresh.grant, &grant.consent, now))
    }

    /// A scope of the token request may only name what was consented to.
    fn narrowed(&mut self, consent: &Consent, form: &Form, now: Timestamp) -> Result<(), Answer> {
        if get(form, "scope").is_none() {
            return Ok(());
        }
        let asked = self.asked(get(form, "scope"));
        let asked =
            asked.map_err(|(error, code, text)| self.refused(400, error, code, &text, now))?;
        if asked.resource == consent.realm || asked.scopes.iter().all(|s| s == "offline_access") {
            return Ok(());
        }
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{}'. Send an interactive \
             authorization request for this user and resource.",
            self.client_id
        );
        Err(self.grant_refused(65001, &text, now))
    }

    fn by_credentials(
        &mut self,
        tenant: &str,
        form: &Form,
        now: Timestamp,
    ) -> Result<Value, Answer> {
        if !self.is_here(tenant) {
            let text = "No tenant-identifying information found in either the request or implied by any provided \
                        credentials.";
            return Err(self.refused(400, "invalid_request", 50059, text, now));
        }
        let scope = get(form, "scope").ok_or_else(|| self.missing("scope", now))?;
        if !scope.ends_with("/.default") || scope.contains(' ') {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
                 with /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err(self.refused(400, "invalid_scope", 1_002_012, &text, now));
        }
        let asked = self.asked(Some(scope));
        let asked =
            asked.map_err(|(error, code, text)| self.refused(400, error, code, &text, now))?;
        let consent = Consent {
            user: APP.to_owned(),
            scopes: Vec::new(),
            realm: asked.resource,
        };
        let seconds = self.settings.access_seconds;
        let access = self.access(None, &consent, now);
        Ok(
            json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": access }),
        )
    }

    fn tokens(&mut self, grant: u64, consent: &Consent, now: Timestamp) -> Value {
        let has = |scope: &str| consent.scopes.iter().any(|s| s == scope);
        let seconds = self.settings.access_seconds;
        let access = self.access(Some(grant), consent, now);
        let scope = consent.scopes.iter().filter(|s| *s != "offline_access");
        let scope = scope.map(|scope| match scope.as_str() {
            "openid" | "profile" | "email" => scope.clone(),
            scope => format!("{}/{scope}", consent.realm),
        });
        let mut body = json!({
            "token_type": "Bearer",
            "scope": scope.collect::<Vec<String>>().join(" "),
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": access,
        });
        let mut add = |name: &str, value: String| {
            if let Some(body) = body.as_object_mut() {
                body.insert(name.to_owned(), json!(value));
            }
        };
        if has("offline_access") {
            add("refresh_token", self.refresh_token(grant, now));
        }
        if has("openid") {
            let noise = &self.tables.noise;
            let claims = json!({ "aud": self.client_id, "iss": format!("{}/{}/v2.0", self.base_url, self.tenant),
                "tid": self.tenant, "oid": noise.guid(&consent.user), "preferred_username": consent.user,
                "iat": now.as_second(), "exp": now.as_second() + seconds });
            add("id_token", noise.jwt(&claims));
        }
        body
    }
}
