//! The token endpoint: five grants, each with the vendor's errors.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::org::Org;
use super::tokens::{Issued, signature};
use super::{Form, OAuth, SCOPE_DEFAULT, form, get, refused};
use crate::oauth::{basic, header, s256};

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl OAuth {
    pub(super) fn token(&mut self, org: &Org, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let form = form(request);
        let grant = get(&form, "grant_type").unwrap_or_default();
        if grant == JWT_GRANT {
            return self.by_jwt(org, &form, now);
        }
        if !matches!(
            grant,
            "authorization_code" | "refresh_token" | "client_credentials" | "password"
        ) {
            return refused("unsupported_grant_type", "grant type not supported");
        }
        if let Err(answer) = self.client(request, &form) {
            return answer;
        }
        let issued = match grant {
            "authorization_code" => self.by_code(&form, now),
            "refresh_token" => {
                let token = get(&form, "refresh_token").unwrap_or_default();
                let issued = self
                    .tokens
                    .refresh(token, org.settings.refresh_rotation, now);
                issued.map_err(|why| refused("invalid_grant", why))
            }
            "client_credentials" if !is_my_domain(org, request) => Err(refused(
                "invalid_grant",
                "request not supported on this domain",
            )),
            "client_credentials" => match self.people.last().map(|person| person.id.clone()) {
                Some(user) => Ok(self.tokens.session(&user, "api", now)),
                None => Err(refused(
                    "invalid_grant",
                    "no client credentials user enabled",
                )),
            },
            _ => self.by_password(&form, now),
        };
        match issued {
            Err(answer) => answer,
            Ok(issued) => {
                let mut body = self.body(org, &issued, now);
                if let (true, Some(body)) = (grant == "client_credentials", body.as_object_mut()) {
                    body.insert("api_instance_url".to_owned(), json!(org.base_url));
                }
                Answer::json(200, body).with_header("Cache-Control", "no-cache, no-store")
            }
        }
    }

    /// Checks the app, by form or by Basic.
    pub(super) fn client(&self, request: &Request<Bytes>, form: &Form) -> Result<(), Answer> {
        let basic = basic(request);
        let (id, secret) = match &basic {
            Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
            None => (get(form, "client_id"), get(form, "client_secret")),
        };
        if id != Some(self.client_id.as_str()) {
            return Err(refused("invalid_client_id", "client identifier invalid"));
        }
        if secret != Some(self.client_secret.as_str()) {
            return Err(refused("invalid_client", "invalid client credentials"));
        }
        Ok(())
    }

    fn by_code(&mut self, form: &Form, now: Timestamp) -> Result<Issued, Answer> {
        let value = get(form, "code").unwrap_or_default();
        let code = self
            .tokens
            .take_code(value, now)
            .map_err(|why| refused("invalid_grant", why))?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            return Err(refused(
                "redirect_uri_mismatch",
                "redirect_uri must match configuration",
            ));
        }
        let verifier = get(form, "code_verifier").unwrap_or_default();
        if s256(verifier) != code.challenge {
            return Err(refused("invalid_grant", "invalid code verifier"));
        }
        Ok(self
            .tokens
            .approve(Some(value), &code.user, &code.scope, now))
    }

    fn by_password(&mut self, form: &Form, now: Timestamp) -> Result<Issued, Answer> {
        let (username, password) = (get(form, "username"), get(form, "password"));
        let user = self.check_password(username.unwrap_or_default(), password.unwrap_or_default());
        let user = user.ok_or_else(|| refused("invalid_grant", "authentication failure"))?;
        Ok(self.tokens.session(&user, SCOPE_DEFAULT, now))
    }

    /// The user with this name and password; a security token may follow the password.
    pub(in crate::salesforce) fn check_password(
        &self,
        username: &str,
        password: &str,
    ) -> Option<String> {
        let mut people = self.people.iter();
        let found = people.find(|p| p.username == username && password.starts_with(&p.password));
        found.map(|person| person.id.clone())
    }

    fn body(&self, org: &Org, issued: &Issued, now: Timestamp) -> Value {
        let id = identity_url(org, &issued.user);
        let issued_at = now.as_millisecond().to_string();
        let mut body = json!({
            "access_token": issued.access,
            "signature": signature(&self.client_secret, &format!("{id}{issued_at}")),
            "scope": issued.scope,
            "instance_url": org.base_url,
            "id": id,
            "token_type": "Bearer",
            "issued_at": issued_at,
        });
        if let (Some(refresh), Some(body)) = (&issued.refresh, body.as_object_mut()) {
            body.insert("refresh_token".to_owned(), json!(refresh));
        }
        body
    }

    /// The credentials the control endpoint gives: a new approval that crowds out no other.
    pub(in crate::salesforce) fn hand_out(&mut self, org: &Org, now: Timestamp) -> Value {
        let person = self.people.first().cloned();
        let user = person.as_ref().map(|p| p.id.clone()).unwrap_or_default();
        let issued = self.tokens.approve(None, &user, SCOPE_DEFAULT, now);
        json!({
            "base_url": org.base_url,
            "instance_url": org.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": org.settings.redirect_uris.first(),
            "access_token": issued.access,
            "refresh_token": issued.refresh,
            "scope": issued.scope,
            "username": person.as_ref().map(|p| p.username.clone()),
            "password": person.as_ref().map(|p| p.password.clone()),
            "user_id": user,
            "organization_id": org.organization,
            "identity_url": identity_url(org, &user),
        })
    }
}

/// Whether a request came to the org's own host, not to one that all orgs share.
fn is_my_domain(org: &Org, request: &Request<Bytes>) -> bool {
    let host = header(request, "host").or(request.uri().host());
    let host = host.unwrap_or_default();
    org.settings.my_domain && !matches!(host, "login.salesforce.com" | "test.salesforce.com")
}

/// The identity URL of a user.
pub(super) fn identity_url(org: &Org, user: &str) -> String {
    format!("{}/id/{}/{user}", org.base_url, org.organization)
}

impl OAuth {
    /// The session a SOAP login opens.
    pub(in crate::salesforce) fn soap_session(&mut self, user: &str, now: Timestamp) -> String {
        self.tokens.session(user, SCOPE_DEFAULT, now).access
    }

    /// Ends the session a SOAP logout names; false when there is none.
    pub(in crate::salesforce) fn soap_logout(&mut self, session: &str, now: Timestamp) -> bool {
        self.tokens.look(session, now).is_some() && self.tokens.revoke(session)
    }
}
