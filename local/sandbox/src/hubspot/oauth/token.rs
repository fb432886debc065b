//! The token endpoint and what can be asked about a token.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::portal::Portal;
use super::tokens::{ACCESS_SECONDS, Access};
use super::{Form, OAuth, get, refused};

impl OAuth {
    pub(super) fn token(&mut self, portal: &Portal, form: &Form, now: Timestamp) -> Answer {
        let grant = get(form, "grant_type");
        if !matches!(grant, Some("authorization_code" | "refresh_token")) {
            let message = "missing or unknown grant type";
            return refused("unsupported_grant_type", "BAD_GRANT_TYPE", message);
        }
        if let Err(answer) = self.client(form) {
            return answer;
        }
        let issued = if grant == Some("refresh_token") {
            self.by_refresh(form, now)
        } else {
            self.by_code(portal, form, now)
        };
        let (access, refresh) = match issued {
            Ok(issued) => issued,
            Err(answer) => return answer,
        };
        let about = self.tokens.access(&access);
        Answer::json(
            200,
            json!({
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": ACCESS_SECONDS,
                "token_type": "bearer",
                "token_use": "access_token",
                "hub_id": portal.hub_id,
                "user_id": about.map(|about| about.user),
                "scopes": about.map(|about| about.scopes.clone()),
            }),
        )
    }

    /// Checks the app; only the form counts.
    fn client(&self, form: &Form) -> Result<(), Answer> {
        if get(form, "client_id") != Some(self.client_id.as_str()) {
            let message = "missing or unknown client id";
            return Err(refused("invalid_client", "BAD_CLIENT_ID", message));
        }
        if get(form, "client_secret") != Some(self.client_secret.as_str()) {
            let message = "missing or invalid client secret";
            return Err(refused("invalid_client", "BAD_CLIENT_SECRET", message));
        }
        Ok(())
    }

    fn by_refresh(&mut self, form: &Form, now: Timestamp) -> Result<(String, String), Answer> {
        let token = get(form, "refresh_token").unwrap_or_default();
        let access = self.tokens.refresh(token, now);
        let access = access.ok_or_else(|| {
            let message = "missing or invalid refresh token";
            refused("invalid_grant", "BAD_REFRESH_TOKEN", message)
        })?;
        Ok((access, token.to_owned()))
    }

    fn by_code(
        &mut self,
        portal: &Portal,
        form: &Form,
        now: Timestamp,
    ) -> Result<(String, String), Answer> {
        let value = get(form, "code").unwrap_or_default();
        let code = self.tokens.take_code(value, now).map_err(|status| {
            let message = if status == "EXPIRED_AUTH_CODE" {
                "the auth code is expired"
            } else {
                "missing or unknown auth code"
            };
            refused("invalid_grant", status, message)
        })?;
        if get(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
            let message = "missing or invalid redirect uri";
            return Err(refused("invalid_grant", "BAD_REDIRECT_URI", message));
        }
        let verifier = get(form, "code_verifier").unwrap_or_default();
        if let (true, Some(challenge)) = (portal.settings.pkce, &code.challenge)
            && !challenge.is_met(verifier)
        {
            let message = "missing or invalid code verifier";
            return Err(refused("invalid_grant", "BAD_CODE_VERIFIER", message));
        }
        Ok(self
            .tokens
            .install(code.user, code.scopes, Some(value), now))
    }

    pub(super) fn revoke(&mut self, form: &Form) -> Answer {
        if let Err(answer) = self.client(form) {
            return answer;
        }
        // A token nobody knows is as good as revoked.
        self.tokens.revoke(get(form, "token").unwrap_or_default());
        Answer::empty(200)
    }

    pub(super) fn introspect(&self, portal: &Portal, form: &Form, now: Timestamp) -> Answer {
        if let Err(answer) = self.client(form) {
            return answer;
        }
        let token = get(form, "token").unwrap_or_default();
        let mut body =
            json!({ "active": true, "client_id": self.client_id, "app_id": portal.app_id });
        let about = if let Some(access) = self.tokens.access(token).filter(|a| now < a.ends) {
            let mut about = self.about_access(portal, token, access, now);
            add(&mut about, "token_use", json!("access_token"));
            add(&mut about, "token_type", json!("bearer"));
            about
        } else if let Some(install) = self.tokens.installed(token) {
            let mut about = about_user(portal, token, install.user, &install.scopes);
            add(&mut about, "token_use", json!("refresh_token"));
            add(&mut about, "token_type", json!("refresh"));
            about
        } else {
            return Answer::json(200, json!({ "active": false }));
        };
        if let (Some(body), Value::Object(about)) = (body.as_object_mut(), about) {
            body.extend(about);
        }
        Answer::json(200, body)
    }

    pub(super) fn access_info(&self, portal: &Portal, token: &str, now: Timestamp) -> Answer {
        let Some(access) = self.tokens.access(token).filter(|a| now < a.ends) else {
            return gone("The access token is invalid or expired");
        };
        let mut body = self.about_access(portal, token, access, now);
        add(&mut body, "token_type", json!("access"));
        Answer::json(200, body)
    }

    pub(super) fn refresh_info(&self, portal: &Portal, token: &str) -> Answer {
        let Some(install) = self.tokens.installed(token) else {
            return gone("The refresh token is invalid or expired");
        };
        let mut body = about_user(portal, token, install.user, &install.scopes);
        add(&mut body, "token_type", json!("refresh"));
        add(&mut body, "client_id", json!(self.client_id));
        Answer::json(200, body)
    }

    fn about_access(&self, portal: &Portal, token: &str, access: &Access, now: Timestamp) -> Value {
        let mut about = about_user(portal, token, access.user, &access.scopes);
        add(&mut about, "app_id", json!(portal.app_id));
        add(
            &mut about,
            "expires_in",
            json!(access.ends.as_second() - now.as_second()),
        );
        add(&mut about, "is_private_distribution", json!(false));
        let signed = json!({
            "expiresAt": access.ends.as_millisecond(),
            "scopes": "",
            "hubId": portal.hub_id,
            "userId": access.user,
            "appId": portal.app_id,
            "signature": self.tokens.guid(token),
            "scopeToScopeGroupPks": "",
            "newSignature": self.tokens.guid(token),
            "hublet": "na1",
            "trialScopes": "",
            "trialScopeToScopeGroupPks": "",
            "isUserLevel": false,
            "installingUserId": access.user,
            "isServiceAccount": false,
            "isPrivateDistribution": false,
            "appInstallId": "1",
            "audience": "",
        });
        add(&mut about, "signed_access_token", signed);
        about
    }
}

fn about_user(portal: &Portal, token: &str, user: u64, scopes: &[String]) -> Value {
    let owner = portal.owners.iter().find(|owner| owner.user_id == user);
    json!({
        "token": token,
        "user": owner.map(|owner| owner.email.clone()),
        "user_id": user,
        "hub_id": portal.hub_id,
        "hub_domain": "liveprompt.example",
        "scopes": scopes,
    })
}

fn add(to: &mut Value, name: &str, value: Value) {
    if let Some(to) = to.as_object_mut() {
        to.insert(name.to_owned(), value);
    }
}

fn gone(message: &str) -> Answer {
    Answer::json(404, json!({ "status": "error", "message": message }))
}
