//! Consent. The way back names the data centre the user is in.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::{HOME, SCOPES, Zoho};
use crate::oauth::{
    Answer, Code, Consent, Decision, after, decision, get, location, page, problem, query,
    urlencoded, who, words,
};

/// Set on a consent that gives a refresh token; it is no scope of the vendor's.
pub(super) const LASTING: &str = "offline";

impl Zoho {
    pub(super) fn authorize(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let mut form = query(request);
        form.extend(urlencoded(request));
        let shown = |message: &str| Answer::html(400, problem(message));
        if get(&form, "client_id") != Some(self.client_id.as_str()) {
            return shown("ERROR_invalid_client: Invalid Client ID passed");
        }
        if !self.org.settings.multi_dc && self.org.settings.location != HOME {
            return shown("ERROR_invalid_client: the client does not exist in this data centre");
        }
        let redirect = get(&form, "redirect_uri").unwrap_or_default();
        if !self
            .org
            .settings
            .redirect_uris
            .iter()
            .any(|uri| uri == redirect)
        {
            return shown(
                "ERROR_invalid_redirect_uri: Redirect URI passed does not match with the one configured",
            );
        }
        if get(&form, "response_type") != Some("code") {
            return shown(
                "ERROR_invalid_response_type: Either the response_type is not passed or its value is not code",
            );
        }
        let scopes = words(get(&form, "scope"), &[',', ' ']);
        if scopes.is_empty() || !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return shown("ERROR_invalid_scope: Scope does not exist");
        }
        let state = get(&form, "state");
        match decision(request, &form) {
            Decision::Allow => {
                let user = who(&form);
                // Who granted before gets another refresh token only when asked for consent anew.
                let anew = get(&form, "prompt") == Some("consent");
                let lasting = get(&form, "access_type") == Some("offline")
                    && (anew || self.tables.live_grants(user).is_empty());
                let mut consent = Consent {
                    user: user.to_owned(),
                    scopes,
                    realm: self.org.settings.location.clone(),
                };
                if lasting {
                    consent.scopes.push(LASTING.to_owned());
                }
                let value = self.opaque("code");
                let code = Code {
                    redirect_uri: redirect.to_owned(),
                    challenge: None,
                    consent,
                    ends: after(now, self.org.settings.code_seconds),
                };
                self.tables.keep_code(&value, code);
                let (accounts, _) = self.addresses();
                let back = [
                    ("code", value.as_str()),
                    ("location", &self.org.settings.location),
                    ("accounts-server", &accounts),
                ];
                Answer::found(location(redirect, &back, state))
            }
            Decision::Deny => {
                Answer::found(location(redirect, &[("error", "access_denied")], state))
            }
            Decision::Ask => {
                let asks = scopes.join(", ");
                let path = request.uri().path();
                Answer::html(
                    200,
                    page(
                        "Would like to access",
                        path,
                        &form,
                        &asks,
                        ["Accept", "Reject"],
                    ),
                )
            }
        }
    }
}
