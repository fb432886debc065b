//! Who a token belongs to: the identity URL, user info and introspection.

use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::org::Org;
use super::super::store::text;
use super::token::identity_url;
use super::{OAuth, Tokens, form, get};

/// The token of a request: `Bearer` or `OAuth`.
pub(in crate::salesforce) fn bearer(request: &Request<Bytes>) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("Bearer") || scheme.eq_ignore_ascii_case("OAuth"))
        .then_some(token.trim())
}

impl OAuth {
    pub(super) fn identity(
        &mut self,
        org: &Org,
        request: &Request<Bytes>,
        rest: &str,
        now: Timestamp,
    ) -> Answer {
        if rest == "keys" {
            return Answer::json(200, json!({ "keys": [] }));
        }
        let form = form(request);
        let Some(token) = bearer(request).or(get(&form, "oauth_token")) else {
            return Answer::text(403, "text/html;charset=UTF-8", "Missing_OAuth_Token");
        };
        let Some((user, _)) = self.tokens.enter(token, now) else {
            return Answer::text(403, "text/html;charset=UTF-8", "Bad_OAuth_Token");
        };
        if rest != format!("{}/{user}", org.organization) {
            return Answer::text(403, "text/html;charset=UTF-8", "Wrong_Org");
        }
        let mut body = self.about(org, &user);
        if let Some(body) = body.as_object_mut() {
            body.insert("id".to_owned(), json!(identity_url(org, &user)));
            body.insert("asserted_user".to_owned(), json!(true));
            body.insert(
                "display_name".to_owned(),
                body.get("name").cloned().unwrap_or_default(),
            );
            body.insert(
                "username".to_owned(),
                body.get("preferred_username").cloned().unwrap_or_default(),
            );
        }
        Answer::json(200, body)
    }

    pub(super) fn userinfo(
        &mut self,
        org: &Org,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Answer {
        match bearer(request).and_then(|token| self.tokens.enter(token, now)) {
            Some((user, _)) => Answer::json(200, self.about(org, &user)),
            None => Answer::text(403, "text/html;charset=UTF-8", "Bad_OAuth_Token"),
        }
    }

    fn about(&self, org: &Org, user: &str) -> Value {
        let row = org.store.get("User", user).cloned().unwrap_or_default();
        let at = |path: &str| format!("{}/services/data/v{{version}}/{path}", org.base_url);
        let username = self.person(user).map(|person| person.username.clone());
        json!({
            "sub": identity_url(org, user),
            "user_id": user,
            "organization_id": org.organization,
            "preferred_username": username,
            "nickname": text(&row, "Alias"),
            "name": text(&row, "Name"),
            "given_name": text(&row, "FirstName"),
            "family_name": text(&row, "LastName"),
            "email": text(&row, "Email"),
            "email_verified": true,
            "zoneinfo": text(&row, "TimeZoneSidKey"),
            "locale": text(&row, "LocaleSidKey"),
            "active": true,
            "user_type": "STANDARD",
            "urls": {
                "rest": at(""),
                "sobjects": at("sobjects/"),
                "search": at("search/"),
                "query": at("query/"),
                "recent": at("recent/"),
                "profile": format!("{}/{user}", org.base_url),
                "custom_domain": org.base_url,
            },
        })
    }

    pub(super) fn introspect(&self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let form = form(request);
        if let Err(answer) = self.client(request, &form) {
            return answer;
        }
        let token = get(&form, "token").unwrap_or_default();
        let name = |user: &str| self.person(user).map(|person| person.username.clone());
        if let Some(session) = self.tokens.look(token, now) {
            return Answer::json(
                200,
                json!({
                    "active": true,
                    "scope": session.scope,
                    "client_id": self.client_id,
                    "username": name(&session.user),
                    "sub": session.user,
                    "token_type": "access_token",
                    "exp": Tokens::end_of(session).as_second(),
                    "iat": session.issued.as_second(),
                    "nbf": session.issued.as_second(),
                }),
            );
        }
        if let Some((user, scope)) = self.tokens.look_refresh(token, now) {
            let client = &self.client_id;
            let body = json!({ "active": true, "scope": scope, "client_id": client, "username": name(user), "sub": user,
                "token_type": "refresh_token" });
            return Answer::json(200, body);
        }
        Answer::json(200, json!({ "active": false }))
    }
}
